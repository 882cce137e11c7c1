//! The use cases: load → transition → conditional save → effects.

pub mod accept;
pub mod apply;
pub mod audience;
pub mod compose;
pub mod configure;
pub mod discard;
pub mod drain;
pub mod dry_run;
pub mod forecast;
pub mod plan;
pub mod receive;
pub mod run;
pub mod sweep;
pub mod upload;

pub use accept::{Accept, Accepted, Draft, FieldError, NotAccepted, SequenceDraft, StepDraft};
pub use apply::{Applied, Apply};
pub use audience::Audiences;
pub use configure::{Configure, Entry, NotChanged};
pub use discard::DiscardUploads;
pub use drain::{Drain, DrainReport, DrainSettings};
pub use dry_run::{DryRun, DryRunReport, NotRun};
pub use plan::{Plan, Planned, Reconciled};
pub use receive::{Receive, Received};
pub use run::{MissedTimes, ResumeRuns, RunOutcome, RunReport, RunSettings, Runner};
pub use sweep::{Sweep, SweepReport};
pub use upload::{NotUploaded, Upload, UploadReport, UploadRequest};
