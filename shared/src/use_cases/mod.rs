//! The use cases: load → transition → conditional save → effects. Each module is named after the
//! function that runs it, except those that several functions share: `apply`, `audience`,
//! `catalog_cache`, `compose`, `puts`, `schedule_history`, `schedule_row` and `wake`.

pub mod apply;
pub mod audience;
mod catalog_cache;
pub mod compose;
pub mod console;
pub mod enqueue;
pub mod planner;
mod puts;
mod schedule_history;
mod schedule_row;
pub mod sender;
pub mod sweeper;
pub mod trigger;
mod wake;
pub mod webhook;

pub use apply::{Applied, Apply};
pub use audience::Audiences;
pub use console::{
    ConfigureCatalog, ContentMissing, DryRun, DryRunReport, Entry, Inspect, Inspected,
    NewReceiptSecret, NotChanged, NotPreviewed, NotRun, NotUploaded, Preview, PreviewSchedule,
    UploadMembers, UploadReport, UploadRequest,
};
pub use enqueue::{
    Draft, Enqueue, Enqueued, EnqueuedSequence, NoProducer, NotEnqueued, ProducerRequest,
    Producers, SequenceDraft, StepDraft, StepNotificationDraft, StoredSequence,
};
pub use planner::{Planned, Planner, Reconciled};
pub use puts::PUTS_PER_SECOND;
pub use sender::{DrainReport, Sender, SenderSettings};
pub use sweeper::{DiscardUploads, MissedTimes, ResumeRuns, SweepReport, Sweeper};
pub use trigger::{RunOutcome, RunReport, RunSettings, Trigger};
pub use webhook::{Admitted, NotTaken, Webhook, WebhookPorts};
