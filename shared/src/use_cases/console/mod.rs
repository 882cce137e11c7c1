//! What operators do: change the catalog, upload the members of audiences, find out what a schedule
//! will do, and look at notifications.

pub mod configure;
pub mod dry_run;
pub mod forecast;
pub mod inspect;
pub mod overrule;
pub mod preview;
pub mod upload;

pub use configure::{ConfigureCatalog, Entry, ListedKey, NewApiKey, NewReceiptSecret, NotChanged};
pub use dry_run::{DryRun, DryRunReport, NotRun};
pub use inspect::{ContentMissing, Inspect, Inspected};
pub use overrule::Overrule;
pub use preview::{NotPreviewed, Preview, PreviewSchedule};
pub use upload::{NotUploaded, UploadMembers, UploadReport, UploadRequest};
