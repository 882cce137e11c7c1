//! A decision about one notification.

use std::sync::Arc;

use crate::domain::{
    Decider, Decision, DecisionKind, Event, Notification, NotificationId, Refused, ResendTerms,
    Settlement, Undecided,
};
use crate::ports::{Catalog, Clock, Notifications, PortError};
use crate::use_cases::apply::{Applied, Apply};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Resend(ResendTerms),
    Settle(Settlement),
}

impl Act {
    #[must_use]
    pub fn kind(self) -> DecisionKind {
        match self {
            Self::Resend(ResendTerms { by_policy: false, .. }) => DecisionKind::Resent,
            Self::Resend(ResendTerms { by_policy: true, .. }) => DecisionKind::ResentByPolicy,
            Self::Settle(settlement) => DecisionKind::settled(settlement),
        }
    }

    #[must_use]
    pub fn event(self, decider: Decider, at_ms: i64) -> Event {
        match self {
            Self::Resend(terms) => Event::ResendRequested { terms, decider, at_ms },
            Self::Settle(settlement) => Event::Settled { settlement, decider, at_ms },
        }
    }
}

/// A decision of an operator about the notification as it was read.
#[derive(Clone, Debug)]
pub struct DecideRequest {
    pub id: NotificationId,
    pub act: Act,
    pub decider: Decider,
}

/// The notification after a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    Done(Box<Notification>),
    /// The same operator has decided the same about the same revision before, so nothing was done.
    Repeated(Box<Notification>),
}

/// Why a decision has no effect.
#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    #[error("there is no such notification")]
    Missing,
    /// Nobody would send the message.
    #[error("there is no channel {0:?} any more")]
    NoChannel(String),
    /// Somebody else was faster.
    #[error("another decision was made first")]
    Taken(Box<Notification>, Box<Decision>),
    /// The notification is not the one any more that the operator has read.
    #[error("the notification has changed")]
    Changed(Box<Notification>),
    #[error("{1}")]
    Refused(Box<Notification>, Refused),
    /// The decision may have been made or not. Repeating the request is safe.
    #[error(transparent)]
    Port(#[from] PortError),
}

#[derive(Clone)]
pub struct Decide {
    pub notifications: Arc<dyn Notifications>,
    pub catalog: Arc<dyn Catalog>,
    pub apply: Apply,
    pub clock: Arc<dyn Clock>,
}

impl Decide {
    /// Decides about one notification.
    ///
    /// # Errors
    /// [`NotDecided`].
    pub async fn decide(&self, request: &DecideRequest) -> Result<Decided, NotDecided> {
        let DecideRequest { id, act, decider } = request;
        let mut found = self.notifications.load(id).await?.ok_or(NotDecided::Missing)?;
        loop {
            let earlier = found.decisions.iter().find(|known| known.revision == decider.revision);
            if let Some(earlier) = earlier.cloned() {
                let found = Box::new(found);
                return if earlier.by == decider.by && earlier.kind == act.kind() {
                    Ok(Decided::Repeated(found))
                } else {
                    Err(NotDecided::Taken(found, Box::new(earlier)))
                };
            }
            if found.revision != decider.revision {
                return Err(NotDecided::Changed(Box::new(found)));
            }
            if matches!(act, Act::Resend(_)) {
                self.check_channel(&found.channel).await?;
            }
            let event = act.event(decider.clone(), self.clock.now_ms());
            match self.apply.apply_to(found, &event).await? {
                Applied::Moved(after) => return Ok(Decided::Done(after)),
                // Another process has changed it since it was read here. Its revision says more.
                Applied::Refused(changed, Refused::Undecided(Undecided::Changed)) => {
                    found = *changed;
                }
                Applied::Refused(unchanged, Refused::Settled) => {
                    return Ok(Decided::Repeated(unchanged));
                }
                Applied::Refused(
                    unchanged,
                    refused @ (Refused::TooLate
                    | Refused::NotYet
                    | Refused::NoSuchAttempt
                    | Refused::Undecided(_)),
                ) => return Err(NotDecided::Refused(unchanged, refused)),
                Applied::Missing => return Err(NotDecided::Missing),
            }
        }
    }

    async fn check_channel(&self, name: &str) -> Result<(), NotDecided> {
        match self.catalog.channel(name).await? {
            Some(_) => Ok(()),
            None => Err(NotDecided::NoChannel(name.to_owned())),
        }
    }
}
