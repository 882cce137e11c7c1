//! What the lane has to know of a message once its departure is over.

use crate::domain::agenda::agenda_key;
use crate::domain::{AgendaKey, Notification, Outcome, Status};
use crate::ports::PortError;

/// How a departure, or a claim that was put back, ended.
#[derive(Debug, Default)]
pub(crate) struct Completion {
    /// The message's place in the agenda, when it is queued again.
    pub(crate) requeued: Option<AgendaKey>,
    /// When the message is to be tried again, in Unix milliseconds.
    pub(crate) due_ms: Option<i64>,
    /// The request and its outcome. `None` when the claim was put back unsent.
    pub(super) sent: Option<Sent>,
    /// Nobody knows whether the message was sent.
    pub(super) is_unknown: bool,
    /// The message may be stored as claimed by this drain, and nobody will record more about it.
    pub(super) is_unrecorded: bool,
}

/// A request that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) notification: Box<Notification>,
    pub(super) outcome: Outcome,
    pub(super) at_ms: i64,
    pub(super) received_at_ms: i64,
}

impl Completion {
    /// The completion that follows from the stored notification. When its state could not be stored
    /// or read, the sweeper finds a message that is still claimed, and the next drain one that is
    /// queued.
    pub(super) fn of_stored(after: Result<Option<Notification>, PortError>) -> Self {
        match after {
            Ok(Some(after)) => Self::of(&after),
            Ok(None) => Self::default(),
            Err(_) => Self { is_unrecorded: true, ..Self::default() },
        }
    }

    fn of(after: &Notification) -> Self {
        match after.status {
            Status::Queued => Self { requeued: agenda_key(after), ..Self::default() },
            Status::Deferred => Self { due_ms: Some(after.ready_at_ms), ..Self::default() },
            Status::Unknown => Self { is_unknown: true, ..Self::default() },
            Status::Blocked
            | Status::Sending
            | Status::Accepted
            | Status::Unconfirmed
            | Status::Failed
            | Status::Cancelled
            | Status::Expired
            | Status::Delivered => Self::default(),
        }
    }

    /// Whether the message is waiting to be sent again.
    pub(super) fn left_work(&self) -> bool {
        self.requeued.is_some() || self.due_ms.is_some()
    }
}
