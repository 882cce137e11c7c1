//! The use cases: load → transition → conditional save → effects. Each module is named after the
//! function that runs it, except those that several functions share: `apply`, `audience`,
//! `audit`, `catalog_cache`, `compose`, `current_hours`, `describe`, `puts`, `run_ends`,
//! `schedule_history`, `schedule_row` and `wake`.

pub mod apply;
pub mod audience;
pub mod audit;
mod catalog_cache;
pub mod compose;
pub mod console;
mod current_hours;
pub mod describe;
pub mod enqueue;
pub mod observer;
pub mod planner;
mod puts;
mod run_ends;
mod schedule_history;
mod schedule_row;
pub mod sender;
pub mod sweeper;
pub mod trigger;
mod wake;
pub mod webhook;

pub use apply::{Applied, Apply};
pub use audience::Audiences;
pub use audit::{AuditTrail, Requirement};
pub use console::{
    ConfigureCatalog, ContentMissing, DeadLetterFilter, DryRun, DryRunReport, Entry, FilePlace,
    Inspect, Inspected, ListRuns, ListedDeadLetters, ListedRun, NewReceiptSecret, NoPlace,
    NotChanged, NotPreviewed, NotRedriven, NotReviewed, NotRun, NotUploaded, OpenCount, Preview,
    PreviewSchedule, REDRIVEN_MAX, RedriveDeadLetters, RedriveOrder, RedrivenEdge, Restoration,
    ReviewRestored, Reviewed, TakeFiles, UploadMembers, UploadReport, UploadRequest, Why,
    WhyItWaits,
};
pub use describe::{Describe, Description, Place, Waiting};
pub use enqueue::{
    Draft, Enqueue, Enqueued, EnqueuedSequence, NoProducer, NotEnqueued, ProducerRequest,
    Producers, SequenceDraft, StepDraft, StepNotificationDraft, StoredSequence,
};
pub use observer::{CollectDeadLetters, Collected};
pub use planner::{Planned, Planner, Reconciled, ReconciledPart};
pub use puts::PUTS_PER_SECOND;
pub use run_ends::{RunEnd, RunEnds, SearchLimits};
pub use sender::{DrainReport, Sender, SenderSettings};
pub use sweeper::{DiscardUploads, FinishRuns, MissedTimes, ResumeRuns, SweepReport, Sweeper};
pub use trigger::{RunOutcome, RunReport, RunSettings, Trigger};
pub use webhook::{Admitted, NotTaken, Webhook, WebhookPorts};
