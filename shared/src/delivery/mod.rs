//! The use cases: load → transition → conditional save → effects.

pub mod accept;
pub mod apply;
pub mod compose;
pub mod configure;
pub mod drain;
pub mod dry_run;
pub mod forecast;
pub mod receive;
pub mod sweep;
pub mod upload;

pub use accept::{Accept, Accepted, Draft, FieldError, NotAccepted, SequenceDraft, StepDraft};
pub use apply::{Applied, Apply};
pub use configure::{Configure, Entry, NotChanged};
pub use drain::{Drain, DrainReport, DrainSettings};
pub use dry_run::{DryRun, DryRunReport, NotRun};
pub use receive::{Receive, Received};
pub use sweep::{Sweep, SweepReport};
pub use upload::{NotUploaded, Upload, UploadReport, UploadRequest};
