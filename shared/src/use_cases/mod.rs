//! The use cases: load → transition → conditional save → effects. Each module is named after the
//! function that runs it, except those that several functions share: `apply`, `audience`,
//! `catalog_cache`, `compose`, `puts`, `schedule_history`, `schedule_row`, `stored_sequence` and `wake`.

pub mod apply;
pub mod audience;
pub mod authorizer;
mod catalog_cache;
pub mod compose;
pub mod console;
pub mod enqueue;
pub mod planner;
mod puts;
mod schedule_history;
mod schedule_row;
pub mod sender;
mod stored_sequence;
pub mod sweeper;
pub mod trigger;
mod wake;
pub mod webhook;

pub use apply::{Applied, Apply};
pub use audience::Audiences;
pub use authorizer::{Authorized, Authorizer};
pub use console::{
    ConfigureCatalog, ContentMissing, DryRun, DryRunReport, Entry, Inspect, Inspected, ListedKey,
    NewApiKey, NewReceiptSecret, NotChanged, NotPreviewed, NotRun, NotUploaded, Overrule, Preview,
    PreviewSchedule, UploadMembers, UploadReport, UploadRequest,
};
pub use enqueue::{
    Allowances, Draft, Enqueue, Enqueued, EnqueuedSequence, Limit, NoProducer, NoTurn, NotEnqueued,
    ProducerRequest, Producers, SequenceDraft, Standing, StepDraft, StepNotificationDraft, UsedUp,
};
pub use planner::{Planned, Planner, Reconciled};
pub use puts::PUTS_PER_SECOND;
pub use sender::{DrainReport, Sender, SenderSettings};
pub use stored_sequence::StoredSequence;
pub use sweeper::{DiscardUploads, MissedTimes, ResumeRuns, SweepReport, Sweeper};
pub use trigger::{RunOutcome, RunReport, RunSettings, Trigger};
pub use webhook::{Admitted, NotTaken, Webhook, WebhookPorts};
