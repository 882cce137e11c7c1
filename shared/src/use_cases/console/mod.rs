//! What operators do: change the catalog, upload the members of audiences, find out what a schedule
//! will do, look at runs and notifications, find out why these wait, review them after a
//! restoration, and send dead letters again.

pub mod configure;
pub mod dead_letters;
pub mod dry_run;
pub mod forecast;
pub mod inspect;
pub mod list_runs;
pub mod preview;
pub mod restored;
pub mod take_files;
pub mod upload;
pub mod why;

pub use configure::{ConfigureCatalog, Entry, NewReceiptSecret, NotChanged};
pub use dead_letters::{
    DeadLetterFilter, ListedDeadLetters, NotRedriven, REDRIVEN_MAX, RedriveDeadLetters,
    RedriveOrder, RedrivenEdge,
};
pub use dry_run::{DryRun, DryRunReport, NotRun};
pub use inspect::{ContentMissing, Inspect, Inspected};
pub use list_runs::{ListRuns, ListedRun, OpenCount};
pub use preview::{NotPreviewed, Preview, PreviewSchedule};
pub use restored::{NotReviewed, Restoration, ReviewRestored, Reviewed};
pub use take_files::{FilePlace, NoPlace, TakeFiles};
pub use upload::{NotUploaded, UploadMembers, UploadReport, UploadRequest};
pub use why::{Why, WhyItWaits};
