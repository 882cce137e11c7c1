//! Runs. A run stores the notifications of one scheduled time of a schedule, once, however often
//! that time fires.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audience::PinnedAudience;
use super::audience::file::BadLine;
use super::id::RunKey;
use super::priority::Priority;
use super::producer::Producer;
use super::template::Template;
use super::unknown_attributes::UnknownAttributes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RunStatus {
    /// Its notifications are being stored.
    Storing,
    /// Every member's notification is stored, or the member is reported. Not all notifications have
    /// ended, as far as it is known.
    Sending,
    /// All of its notifications have ended, or wait for a person.
    Finished,
    /// The run started too late, and its schedule says to skip late runs.
    Missed,
    /// The run cannot continue. [`Run::failure`] says why.
    Failed,
    /// An operator has cancelled it. Not everything that has not left is withdrawn yet.
    Cancelling,
    /// Everything that had not left when it was cancelled is withdrawn.
    Cancelled,
}

impl RunStatus {
    /// The status as JSON and the database have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What became of the members that were read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCounts {
    /// Members read, the unreadable ones included.
    pub members: u64,
    /// Notifications stored.
    pub stored: u64,
    /// Members for whom no notification could be made.
    pub invalid: u64,
    /// Repetitions of a member who is in the audience more than once. The member got one
    /// notification.
    pub duplicate: u64,
}

impl RunCounts {
    pub fn add(&mut self, page: Self) {
        self.members += page.members;
        self.stored += page.stored;
        self.invalid += page.invalid;
        self.duplicate += page.duplicate;
    }
}

/// What a run uses from its beginning to its end, whatever changes in the catalog meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    pub template: Template,
    pub template_revision: u64,
    /// The channel that the schedule names. Without one the template's first variant is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The name of the producer that the notifications belong to.
    #[serde(default = "schedules")]
    pub owner: String,
    pub audience: PinnedAudience,
    pub priority: Priority,
}

fn schedules() -> String {
    Producer::SCHEDULES.to_owned()
}

/// The first notifications of a run, in the order of their creation, which are known to have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownEnds {
    pub count: u64,
    /// The place of the last one in the run's group; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// The latest end among them, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_ms: Option<i64>,
}

/// Who began a run by hand, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    pub by: String,
    pub reason: String,
}

/// How far a run is cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCancel {
    pub by: String,
    pub reason: String,
    pub at_ms: i64,
    /// A search that begins at this time or later finds everything that the run has stored.
    pub quiet_at_ms: i64,
    /// When the present search through the run's notifications began; `None` between two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_began_ms: Option<i64>,
    /// The place in the run's group behind which the search goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many notifications were withdrawn, at least: an invocation that crashed may have withdrawn
    /// some more.
    #[serde(default)]
    pub withdrawn: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the stored shape. A row of a higher version than [`Self::SCHEMA`] is never
    /// written.
    #[serde(default)]
    pub schema: u16,
    pub key: RunKey,
    pub status: RunStatus,
    /// When the run's time first fired.
    pub started_at_ms: i64,
    /// When the last of its notifications was stored. `None` for a run that did not get so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at_ms: Option<i64>,
    /// When it ended: when the last of its notifications ended, or when it failed or was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    /// `None` until an invocation takes the run, and for a run that ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pins: Option<Pins>,
    /// How far the audience has been read. `None` at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default)]
    pub counts: RunCounts,
    /// Which of its notifications are known to have ended, while it is `sending`.
    #[serde(default)]
    pub known_ends: KnownEnds,
    /// The first [`Self::FAULTS_KEPT`] faults, and the fault of a cut-off file's last line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<BadLine>,
    /// Why the run cannot continue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The time of another run of the same schedule that was still storing its notifications when
    /// this one began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlaps: Option<Timestamp>,
    /// An operator has begun it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<ByHand>,
    /// An operator has cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<RunCancel>,
    /// Increases with every save, so that no late or repeated write can undo progress.
    pub fence: u64,
    /// A random number of the invocation that holds the run. Without it, two invocations could
    /// write the same content, and each would take the other's write for its own.
    #[serde(default)]
    pub holder: u64,
    /// Until when that invocation holds the run; `None` when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until_ms: Option<i64>,
    /// Attributes of the row that only newer code knows.
    #[serde(skip)]
    pub unknown: UnknownAttributes,
}

impl Run {
    /// The version of the stored shape that this code writes.
    pub const SCHEMA: u16 = 1;

    /// How many faults are kept. Later ones are only counted, except the fault of a cut-off file's
    /// last line.
    pub const FAULTS_KEPT: usize = 100;

    /// How much two machines' clocks may differ. A lease counts as expired only this much later.
    pub const SKEW_MS: i64 = 1_000;

    /// Whether an invocation holds the run.
    #[must_use]
    pub fn is_held(&self, now_ms: i64) -> bool {
        self.lease_until_ms.is_some_and(|until_ms| now_ms < until_ms + Self::SKEW_MS)
    }

    /// Notes that the last notification is stored. The lease ends.
    pub fn all_stored(&mut self, at_ms: i64) {
        self.stored_at_ms = Some(at_ms);
        self.lease_until_ms = None;
        self.status = RunStatus::Sending;
        if self.counts.stored == 0 {
            self.end(RunStatus::Finished, None, at_ms);
        }
    }

    /// A run as it is first stored, which `holder` works on.
    #[must_use]
    pub fn begun(key: RunKey, started_at_ms: i64, holder: u64) -> Self {
        Self {
            schema: Self::SCHEMA,
            key,
            status: RunStatus::Storing,
            started_at_ms,
            stored_at_ms: None,
            ended_at_ms: None,
            pins: None,
            cursor: None,
            counts: RunCounts::default(),
            known_ends: KnownEnds::default(),
            faults: vec![],
            failure: None,
            overlaps: None,
            by_hand: None,
            cancel: None,
            fence: 1,
            holder,
            lease_until_ms: None,
            unknown: UnknownAttributes::default(),
        }
    }

    /// Ends the run and its lease.
    pub fn end(&mut self, status: RunStatus, failure: Option<String>, at_ms: i64) {
        self.status = status;
        self.failure = failure;
        self.ended_at_ms = Some(at_ms);
        self.lease_until_ms = None;
    }

    /// Keeps a fault, unless [`Self::FAULTS_KEPT`] are kept already.
    pub fn report(&mut self, fault: BadLine) {
        if self.faults.len() < Self::FAULTS_KEPT {
            self.faults.push(fault);
        }
    }

    /// Keeps the fault of a cut-off file's last line, however many faults are kept already: no
    /// other fault tells that the file is incomplete.
    pub fn report_cut_off(&mut self, fault: BadLine) {
        self.faults.push(fault);
    }
}

#[cfg(test)]
impl Run {
    /// A run as it is first stored.
    pub(crate) fn sample() -> Self {
        Self::begun(RunKey::new("daily", Timestamp::UNIX_EPOCH), 0, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_stored_nothing_ends_at_once_and_another_one_sends() {
        let now_ms = 5;
        for (stored, status, ended_at_ms) in
            [(0, RunStatus::Finished, Some(now_ms)), (1, RunStatus::Sending, None)]
        {
            let counts = RunCounts { members: 2, stored, ..RunCounts::default() };
            let mut run = Run { counts, lease_until_ms: Some(9), ..Run::sample() };
            run.all_stored(now_ms);
            assert_eq!((run.status, run.ended_at_ms), (status, ended_at_ms));
            assert_eq!((run.stored_at_ms, run.lease_until_ms), (Some(now_ms), None));
        }
    }

    #[test]
    fn pins_of_earlier_code_belong_to_the_schedules_and_use_the_first_variant() {
        let stored = serde_json::json!({
            "template": {
                "name": "t",
                "category": "informational",
                "variants": [{ "channel": "sms", "content": { "type": "sms", "body": "b" } }],
            },
            "template_revision": 3,
            "audience": { "kind": "members", "audience": "a", "version": "v", "size": 1 },
            "priority": 601,
        });
        let pins: Pins = serde_json::from_value(stored).expect("pins");
        assert_eq!((pins.channel, pins.owner.as_str()), (None, Producer::SCHEDULES));
    }
}
