//! Runs: one scheduled time of a schedule, planned once however often it is fired.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audience::PinnedAudience;
use super::notification::Priority;
use super::template::Template;

/// What a run is identified by: never by when somebody woke up for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunKey {
    /// The schedule.
    pub schedule: String,
    /// The time that it was scheduled for, in whole seconds.
    pub scheduled_at: Timestamp,
}

impl RunKey {
    /// The run of a schedule's time. Schedules know no fractions of a second: with or without
    /// them, a time names the same run.
    #[must_use]
    pub fn new(schedule: impl Into<String>, scheduled_at: Timestamp) -> Self {
        let whole = Timestamp::from_second(scheduled_at.as_second()).unwrap_or(scheduled_at);
        Self { schedule: schedule.into(), scheduled_at: whole }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Its notifications are being stored.
    Running,
    /// All of them are stored, or reported.
    Finished,
    /// It came too late, and its schedule says to leave it out then.
    Missed,
    /// It cannot go on; `failure` tells why.
    Failed,
}

/// What became of the members so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCounts {
    /// Members read, the unreadable ones included.
    pub members: u64,
    /// Notifications stored.
    pub stored: u64,
    /// Members that no notification could be made for.
    pub unsendable: u64,
    /// Members that the audience holds more than once; each got one notification.
    pub doubled: u64,
}

impl RunCounts {
    /// Adds a page's counts.
    pub fn add(&mut self, page: Self) {
        self.members += page.members;
        self.stored += page.stored;
        self.unsendable += page.unsendable;
        self.doubled += page.doubled;
    }
}

/// A member that no notification was made for, or that came twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberFault {
    /// The line in its file, or its place in the upload.
    pub line: u64,
    /// The field at fault, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong; holds nothing of the member.
    pub fault: String,
}

impl MemberFault {
    /// An earlier line is the same member, and was to be sent to.
    #[must_use]
    pub fn doubled(line: u64) -> Self {
        let fault = "is there more than once; the member is notified once".to_owned();
        Self { line, field: Some("id".to_owned()), fault }
    }
}

/// What a run keeps as it was when it began, whatever is changed meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// The template.
    pub template: Template,
    /// Its revision.
    pub template_revision: u64,
    /// The audience.
    pub audience: PinnedAudience,
    /// The messages' place in the lane's order.
    pub priority: Priority,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which.
    pub key: RunKey,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was first fired.
    pub started_at_ms: i64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// What it goes by. `None` until somebody takes it, or when it ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<Pins>,
    /// How far the audience is read. `None` at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// What became of the members so far.
    #[serde(default)]
    pub counts: RunCounts,
    /// The first of those that are reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<MemberFault>,
    /// Why it cannot go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The time of another run of the same schedule that was still at work when this one began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlaps: Option<Timestamp>,
    /// Goes up with every save, so that no late or repeated write turns the run back.
    pub fence: u64,
    /// A random number: tells the invocation that has it from another that would write the same.
    #[serde(default)]
    pub holder: u64,
    /// Until when that invocation has it; `None` when nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until_ms: Option<i64>,
}

impl Run {
    /// How many faults are kept; the others are only counted, but for a file's cut-off end.
    pub const FAULTS_KEPT: usize = 100;

    /// By how much clocks may differ: a lease counts as run out only after this, in milliseconds.
    pub const SKEW_MS: i64 = 1_000;

    /// Whether an invocation has it.
    #[must_use]
    pub fn is_held(&self, now_ms: i64) -> bool {
        self.lease_until_ms.is_some_and(|until_ms| now_ms < until_ms + Self::SKEW_MS)
    }

    /// It has ended so. Nobody has it any more.
    pub fn end(&mut self, status: RunStatus, failure: Option<String>, at_ms: i64) {
        self.status = status;
        self.failure = failure;
        self.ended_at_ms = Some(at_ms);
        self.lease_until_ms = None;
    }

    /// Keeps a fault, unless there are enough.
    pub fn report(&mut self, fault: MemberFault) {
        if self.faults.len() < Self::FAULTS_KEPT {
            self.faults.push(fault);
        }
    }

    /// Keeps the fault of a file's last, cut-off line, however many there are: the others say
    /// nothing of a file that is not whole.
    pub fn report_cut_off(&mut self, fault: MemberFault) {
        self.faults.push(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_and_without_fractions_names_the_same_run() {
        let at = |text: &str| RunKey::new("daily", text.parse().expect("a time"));
        assert_eq!(at("2026-03-02T01:00:00Z"), at("2026-03-02T01:00:00.000Z"));
        assert_eq!(at("2026-03-02T01:00:00Z"), at("2026-03-02T10:00:00.25+09:00"));
        assert_ne!(at("2026-03-02T01:00:00Z"), at("2026-03-02T01:00:01Z"));
        let (one, other) = (at("2026-03-02T01:00:00Z"), at("2026-03-02T01:00:00.9Z"));
        assert_eq!(one.notification_id("member"), other.notification_id("member"));
    }
}
