//! One item of a bulk request.

use super::NotEnqueued;
use super::notifications::Enqueued;
use crate::domain::Notification;

/// What is to be done with an item of a request.
pub(super) enum Item {
    /// It has to be stored.
    Composed(Notification),
    /// It was stored earlier, or is not stored now.
    Ended(Result<Enqueued, NotEnqueued>),
}

impl Item {
    pub(super) fn composed(&self) -> Option<&Notification> {
        match self {
            Self::Composed(notification) => Some(notification),
            Self::Ended(_) => None,
        }
    }
}
