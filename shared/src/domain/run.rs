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
    /// The time that it was scheduled for.
    pub scheduled_at: Timestamp,
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
    /// The template as it was then.
    pub template: Template,
    /// Its revision.
    pub template_revision: u64,
    /// The audience as it was then.
    pub audience: PinnedAudience,
    /// Its messages' place in the lane's order.
    pub priority: Priority,
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
    /// An earlier run of the same schedule that was still at work when this one began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlaps: Option<Timestamp>,
    /// Goes up with every invocation that works on it.
    pub fence: u64,
    /// Until when that invocation has it; `None` when nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until_ms: Option<i64>,
}

impl Run {
    /// How many faults are kept; the others are only counted.
    pub const FAULTS_KEPT: usize = 100;

    /// Keeps a fault, unless there are enough.
    pub fn report(&mut self, fault: MemberFault) {
        if self.faults.len() < Self::FAULTS_KEPT {
            self.faults.push(fault);
        }
    }
}
