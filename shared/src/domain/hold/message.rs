//! What holds one message, whatever its lane does: its status, its times and its sending hours.

use jiff::Timestamp;

use crate::domain::duration::timestamp_of_us;
use crate::domain::hours::WindowClass;
use crate::domain::{Notification, NotificationId, Status};

/// A rule that holds one message. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageHold {
    /// A sender has claimed it, and its request may be on its way.
    Claimed { since_ms: i64, answer_by_ms: Option<i64> },
    /// The provider took it, and its receipt is awaited.
    Accepted { since_ms: i64, receipt_by_ms: Option<i64> },
    /// It is `unknown` or `unconfirmed`. A late receipt or a person settles it.
    InDoubt { status: Status, since_ms: i64 },
    /// Nothing more happens with it.
    Over { status: Status, since_ms: i64 },
    /// A step of its sequence has to end first. `None`: the caller did not look for the step, or
    /// did not find it.
    Predecessor(Option<Predecessor>),
    /// It waits for a time.
    Time { cause: TimeCause, until_ms: i64 },
    /// Its `expires_at` has passed. It ends when its turn comes.
    Expired { at_ms: i64 },
    /// Its sending window is closed.
    Window { opens_at_ms: i64 },
    /// Its sending window is closed, and opens only after the message has expired.
    ExpiresBeforeWindow { opens_at_ms: i64, expires_at_ms: i64 },
    /// Its windows have no minute in common.
    NoCommonHours,
    /// Every attempt number is used up. It fails when its turn comes.
    AttemptsExhausted,
}

/// Why a message waits for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeCause {
    /// Its producer asked for it.
    NotBefore,
    /// Its step of a sequence waits after the end of the step before.
    Delay,
    /// The provider answered so many times that it took nothing and that a later attempt may
    /// succeed.
    Retry { failures: u8 },
}

/// The gate of the step that a blocked message waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    pub notification: NotificationId,
    /// The number of its step, counted from 0.
    pub step: u8,
    pub status: Status,
    /// Since when it has its status.
    pub since_ms: i64,
    /// While it is `sending` or `accepted`: the time by which an answer or a receipt must come.
    pub deadline_ms: Option<i64>,
}

/// A message's sending hours by the present configuration.
#[derive(Clone, Copy, Debug)]
pub enum PresentHours<'a> {
    Class(&'a WindowClass),
    /// The windows that apply have no minute in common.
    Never,
    /// The configuration that decides is missing or cannot be read. That holds the message by
    /// itself.
    Unknown,
}

impl<'a> From<Option<&'a WindowClass>> for PresentHours<'a> {
    /// `None` when the windows that apply have no minute in common.
    fn from(class: Option<&'a WindowClass>) -> Self {
        class.map_or(Self::Never, Self::Class)
    }
}

impl Predecessor {
    /// `None` for a message that is no step of a sequence.
    #[must_use]
    pub fn of(gate: &Notification) -> Option<Self> {
        Some(Self {
            notification: gate.id.clone(),
            step: gate.sequence_step.as_ref()?.step,
            status: gate.status,
            since_ms: gate.status_since_ms,
            deadline_ms: match gate.status {
                Status::Sending | Status::Accepted => gate.deadline_ms,
                Status::Blocked
                | Status::Deferred
                | Status::Queued
                | Status::Unknown
                | Status::Unconfirmed
                | Status::Failed
                | Status::Cancelled
                | Status::Expired
                | Status::Delivered => None,
            },
        })
    }
}

/// Everything that holds a message by its own status, times and hours. A message that none of these
/// holds may be claimed, once a sender has queued it if it was deferred. Allocates nothing.
pub fn message_holds(
    notification: &Notification,
    hours: PresentHours<'_>,
    now_us: i64,
) -> impl Iterator<Item = MessageHold> + use<> {
    let at_ms = now_us.div_euclid(1000);
    let found = match not_waiting(notification) {
        Some(hold) => [Some(hold), None, None, None, None],
        None => [
            (notification.status == Status::Blocked).then_some(MessageHold::Predecessor(None)),
            time_hold(notification, at_ms),
            expiry_hold(notification, at_ms),
            window_hold(notification, hours, timestamp_of_us(now_us)),
            attempts_hold(notification),
        ],
    };
    found.into_iter().flatten()
}

/// What becomes of a message that does not wait to leave.
fn not_waiting(n: &Notification) -> Option<MessageHold> {
    let since_ms = n.status_since_ms;
    Some(match n.status {
        Status::Blocked | Status::Deferred | Status::Queued => return None,
        Status::Sending => MessageHold::Claimed { since_ms, answer_by_ms: n.deadline_ms },
        Status::Accepted => MessageHold::Accepted { since_ms, receipt_by_ms: n.deadline_ms },
        Status::Unknown | Status::Unconfirmed => {
            MessageHold::InDoubt { status: n.status, since_ms }
        }
        Status::Failed | Status::Cancelled | Status::Expired | Status::Delivered => {
            MessageHold::Over { status: n.status, since_ms }
        }
    })
}

/// The time that a deferred message waits for, unless it has come.
#[must_use]
pub fn time_hold(n: &Notification, now_ms: i64) -> Option<MessageHold> {
    let until_ms = n.ready_at_ms;
    let waits = n.status == Status::Deferred && now_ms < until_ms;
    waits.then(|| MessageHold::Time { cause: time_cause(n), until_ms })
}

fn time_cause(n: &Notification) -> TimeCause {
    let is_later_step = n.sequence_step.as_ref().is_some_and(|step| step.step > 0);
    let is_not_before = n.not_before_ms == Some(n.ready_at_ms);
    match n.attempt {
        0 if is_later_step && !is_not_before => TimeCause::Delay,
        0 => TimeCause::NotBefore,
        1.. => TimeCause::Retry { failures: n.failures },
    }
}

fn expiry_hold(n: &Notification, now_ms: i64) -> Option<MessageHold> {
    let at_ms = n.expires_at_ms.filter(|_| n.is_expired_at(now_ms))?;
    Some(MessageHold::Expired { at_ms })
}

fn window_hold(n: &Notification, hours: PresentHours<'_>, now: Timestamp) -> Option<MessageHold> {
    let class = match hours {
        PresentHours::Class(class) => class,
        PresentHours::Never => return Some(MessageHold::NoCommonHours),
        PresentHours::Unknown => return None,
    };
    let opens_at_ms = class.closed_until(now)?.as_millisecond();
    Some(match n.expires_at_ms {
        Some(expires_at_ms) if n.is_expired_at(opens_at_ms) => {
            MessageHold::ExpiresBeforeWindow { opens_at_ms, expires_at_ms }
        }
        Some(_) | None => MessageHold::Window { opens_at_ms },
    })
}

fn attempts_hold(n: &Notification) -> Option<MessageHold> {
    n.next_attempt().is_none().then_some(MessageHold::AttemptsExhausted)
}
