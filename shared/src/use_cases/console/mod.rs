//! What operators do: change the catalog, upload the members of audiences, and find out what a
//! schedule will do.

pub mod configure;
pub mod dry_run;
pub mod forecast;
pub mod preview;
pub mod upload;

pub use configure::{ConfigureCatalog, Entry, NotChanged};
pub use dry_run::{DryRun, DryRunReport, NotRun};
pub use preview::{NotPreviewed, Preview, PreviewSchedule};
pub use upload::{NotUploaded, UploadMembers, UploadReport, UploadRequest};
