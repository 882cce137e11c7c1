//! The use cases: load → transition → conditional save → effects. Each module is named after the
//! function that runs it, except those that several functions share: `apply`, `audience`,
//! `audit`, `catalog_cache`, `compose`, `current_hours`, `decide`, `describe`, `listing`, `puts`,
//! `run_ends`, `schedule_history`, `schedule_row`, `stored_sequence` and `wake`.

pub mod apply;
pub mod audience;
pub mod audit;
pub mod authorizer;
mod cancel_runs;
mod catalog_cache;
pub mod compose;
pub mod console;
mod current_hours;
pub mod decide;
pub mod describe;
pub mod enqueue;
pub mod listing;
pub mod observer;
pub mod planner;
mod puts;
mod run_ends;
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
pub use audit::{AuditTrail, Requirement};
pub use authorizer::{Authorized, Authorizer};
pub use cancel_runs::{CancelAsked, CancelRuns};
pub use console::{
    ConfigureCatalog, ContentMissing, DeadLetterFilter, DryRun, DryRunReport, Entry, FilePlace,
    Inspect, Inspected, ListExceptions, ListRuns, ListedDeadLetters, ListedKey, ListedRun,
    NewApiKey, NewReceiptSecret, NoPlace, NoRunNow, NotChanged, NotPreviewed, NotRedriven,
    NotReviewed, NotRun, NotUploaded, OpenCount, Overrule, Preview, PreviewSchedule, REDRIVEN_MAX,
    RedriveDeadLetters, RedriveOrder, RedrivenEdge, Restoration, ReviewRestored, Reviewed,
    RunBegun, RunNow, TakeFiles, UploadMembers, UploadReport, UploadRequest, Why, WhyItWaits,
};
pub use decide::{Act, Begun, Decide, DecideBulk, DecideRequest, Decided, NotBegun, NotDecided};
pub use describe::{Describe, Description, Place, Waiting};
pub use enqueue::{
    Allowances, Draft, Enqueue, Enqueued, EnqueuedSequence, Limit, NoProducer, NoTurn, NotEnqueued,
    ProducerRequest, Producers, SequenceDraft, Standing, StepDraft, StepNotificationDraft, UsedUp,
};
pub use listing::{ListNotifications, ListRequest, Listed};
pub use observer::{CollectDeadLetters, Collected};
pub use planner::{Planned, Planner, Reconciled, ReconciledPart};
pub use puts::PUTS_PER_SECOND;
pub use run_ends::{RunEnd, RunEnds, SearchLimits};
pub use sender::{DrainReport, Sender, SenderSettings};
pub use stored_sequence::StoredSequence;
pub use sweeper::{
    ContinueBulk, DiscardUploads, FinishRuns, MissedTimes, ResendByPolicy, ResumeRuns, SweepReport,
    Sweeper,
};
pub use trigger::{RunOutcome, RunReport, RunSettings, Trigger};
pub use webhook::{Admitted, NotTaken, Webhook, WebhookPorts};
