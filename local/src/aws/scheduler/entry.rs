//! One schedule of the scheduler.

use alimi::domain::Expression;
use alimi::ports::PlannedSchedule;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub(super) struct Entry {
    pub(super) planned: PlannedSchedule,
    /// Its target is the trigger.
    pub(super) is_ours: bool,
    pub(super) expression: Expression,
    pub(super) zone: TimeZone,
    /// All times up to this one have been fired.
    pub(super) fired_to: Timestamp,
}

impl Entry {
    /// Its next time behind those that were fired.
    pub(super) fn next(&self) -> Option<Timestamp> {
        if !self.planned.enabled {
            return None;
        }
        let anchor = self.planned.starts_at.unwrap_or(self.fired_to);
        let just_before = anchor.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(anchor);
        self.expression.next_after(self.fired_to.max(just_before), &self.zone, anchor)
    }
}
