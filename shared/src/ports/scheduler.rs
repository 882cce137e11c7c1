//! `EventBridge` Scheduler.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::PortError;

/// A schedule, as `EventBridge` Scheduler should have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSchedule {
    pub name: String,
    /// The expression as the catalog has it.
    pub expression: String,
    /// An IANA time zone.
    pub timezone: String,
    pub enabled: bool,
    /// When the schedule starts; the first time of a `rate`. `None`: it starts at once.
    pub starts_at: Option<Timestamp>,
    /// The schedule fires once, and the scheduler then removes it.
    pub is_once: bool,
}

/// A schedule, as `EventBridge` Scheduler has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSchedule {
    pub planned: PlannedSchedule,
    /// Everything that [`PlannedSchedule`] does not hold is as [`Scheduler::put_schedule`] sets it:
    /// target, input, role, retries, dead-letter queue, no flexible window, no end.
    pub is_ours: bool,
}

/// The stack's own schedule group.
#[async_trait]
pub trait Scheduler: Send + Sync {
    /// Creates or replaces a schedule.
    async fn put_schedule(&self, planned: &PlannedSchedule) -> Result<(), PortError>;

    async fn schedule(&self, name: &str) -> Result<Option<FoundSchedule>, PortError>;

    /// Removes a schedule. Succeeds when there is none.
    async fn remove_schedule(&self, name: &str) -> Result<(), PortError>;

    /// The names of all schedules of the group.
    async fn schedule_names(&self) -> Result<Vec<String>, PortError>;
}
