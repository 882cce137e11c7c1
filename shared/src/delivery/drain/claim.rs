//! One message is claimed: the hours rule, and the conditional write before the call.
//!
//! A claim whose write fails may have been made all the same. Nothing was sent, so it is given back
//! once the database answers again: see [`Claim::settle`].

use std::sync::Arc;
use std::time::Duration;

use super::departure::{Departure, persistently, recorded};
use super::hours::CurrentHours;
use super::steady::{Moment, Term};
use super::traffic::{Claimed, Landed};
use super::{micros, timestamp};
use crate::delivery::{Applied, Apply};
use crate::domain::hours::{Decision, DropReason, Opening};
use crate::domain::{Channel, Event, Notification, NotificationId, Refused, Status};
use crate::ports::{Clock, Notifications, PortError, Provider, WindowClasses};

/// A claim that failed. Whether it was made is not known; that nothing was sent is.
pub(super) struct Unsure {
    pub error: PortError,
    pub claim: Claim,
}

/// What a claim is made with.
pub(super) struct Claim {
    pub id: NotificationId,
    pub claimed_at: Moment,
    pub fence: u64,
    pub jitter_permille: u16,
    pub age_max: Duration,
    pub channel: Channel,
    pub hours: Arc<CurrentHours>,
    pub provider: Arc<dyn Provider>,
    pub notifications: Arc<dyn Notifications>,
    pub classes: Arc<dyn WindowClasses>,
    pub apply: Apply,
    pub clock: Arc<dyn Clock>,
    /// The number that this claim has if it is made; `None` while it was not tried.
    pub number: Option<u32>,
}

impl Claim {
    /// Makes it. `None` when there is nothing to send: the index was late, the message is over, or
    /// its window is closed.
    pub(super) async fn make(mut self) -> Claimed {
        match self.claimed().await {
            // Trying again would not help, and what is behind it must not wait for it.
            Err(PortError::Corrupt { what, detail }) => {
                tracing::error!(notification = %self.id, what, detail, "cannot be claimed");
                Ok(None)
            }
            Err(error @ PortError::Unavailable { .. }) => {
                Err(Box::new(Unsure { error, claim: self }))
            }
            Ok(made) => Ok(made),
        }
    }

    /// Finds out whether a claim that failed was made, and gives it back then. What cannot be found
    /// out, the sweeper finds.
    pub(super) async fn settle(&self) -> Landed {
        let after = persistently(|| self.give_back()).await;
        recorded(after.inspect_err(|error| {
            tracing::error!(notification = %self.id, %error, "a claim that failed could not be settled");
        }))
    }

    async fn give_back(&self) -> Result<Option<Notification>, PortError> {
        let Some(found) = self.notifications.load(&self.id).await? else { return Ok(None) };
        if !self.is_made(&found) {
            return Ok(Some(found));
        }
        let event = Event::PutBack { claim: found.claim, at_ms: self.clock.now_ms() };
        match self.apply.apply_to(found, &event).await? {
            Applied::Moved(after) => Ok(Some(*after)),
            Applied::Refused(as_it_is, _) => Ok(Some(*as_it_is)),
            Applied::Missing => Ok(None),
        }
    }

    /// Whether this claim was made. Nobody else claims under this lease, and the sender that holds it
    /// has nothing else of the message under way.
    fn is_made(&self, found: &Notification) -> bool {
        let fence = found.attempt_record(found.attempt).map(|attempt| attempt.fence);
        // A successor or the sweeper may have taken it for lost.
        matches!(found.status, Status::Sending | Status::Unknown)
            && fence == Some(self.fence)
            && Some(found.claim) == self.number
    }

    async fn claimed(&mut self) -> Result<Option<Departure>, PortError> {
        let Some(notification) = self.notifications.load(&self.id).await? else { return Ok(None) };
        let Some(class) = self.hours.class_of(&notification, &self.channel).await? else {
            tracing::error!(notification = %self.id, template = notification.template, "its windows have no minute in common: it waits until they are changed");
            return Ok(None);
        };
        let now_us = self.clock.now_us();
        let at_ms = now_us / 1000;
        if class != notification.window_class {
            // It is found again where it belongs now, whether that is open or closed.
            self.classes.add_class(&self.channel.name, &class).await?;
            let event = Event::Reclassified { class, at_ms };
            self.apply.apply_to(notification, &event).await?;
            return Ok(None);
        }
        let now = timestamp(now_us);
        let expires_at = notification.expires_at_ms.map(|at_ms| timestamp(1000 * at_ms));
        match class.decide(now, expires_at) {
            Decision::Send => {}
            Decision::Drop(DropReason::Expired) => {
                self.apply.apply_to(notification, &Event::Expired { at_ms }).await?;
                return Ok(None);
            }
            // It has closed since the head was read: it waits where it is.
            Decision::Defer(_)
            | Decision::Drop(DropReason::NoOpeningBeforeExpiry | DropReason::NoCommonHours) => {
                return Ok(None);
            }
        }
        let closes_in = match class.opening(now) {
            Opening::Open { until: Some(until) } => micros(until.as_microsecond() - now_us),
            Opening::Open { until: None } => self.age_max,
            Opening::Closed { .. } => return Ok(None),
        };
        let confirm_within_ms = self.channel.confirm_within_ms();
        let event = Event::Claimed { at_ms, fence: self.fence, confirm_within_ms };
        // One that is not queued was claimed before and may have been sent: that is never this claim.
        self.number = (notification.status == Status::Queued).then_some(notification.claim + 1);
        match self.apply.apply_to(notification, &event).await? {
            Applied::Moved(claimed) => match claimed.status {
                Status::Sending => {
                    let expires_in = claimed
                        .expires_at_ms
                        .map_or(self.age_max, |ends_ms| micros(1000 * (ends_ms - at_ms)));
                    let left = self.age_max.min(expires_in);
                    Ok(Some(Departure {
                        notification: *claimed,
                        policy: self.channel.policy(),
                        jitter_permille: self.jitter_permille,
                        // What the clock said was said after the claim began.
                        term: Term { from: self.claimed_at, lasts: left.min(closes_in) },
                        lease: None,
                        numbered: None,
                        provider: Arc::clone(&self.provider),
                        apply: self.apply.clone(),
                        clock: Arc::clone(&self.clock),
                    }))
                }
                // It had been sent too often to be sent again.
                Status::Failed
                | Status::Blocked
                | Status::Deferred
                | Status::Queued
                | Status::Accepted
                | Status::Unknown
                | Status::Unconfirmed
                | Status::Cancelled
                | Status::Expired
                | Status::Delivered => Ok(None),
            },
            Applied::Refused(late, Refused::TooLate) => {
                self.apply.apply_to(*late, &Event::Expired { at_ms }).await?;
                Ok(None)
            }
            // An earlier claim that failed, and was made after it had been looked for.
            Applied::Refused(found, Refused::Settled) if self.is_made(&found) => {
                let detail = "it was claimed by a write that came late".to_owned();
                Err(PortError::Unavailable { what: "the notification", detail })
            }
            Applied::Refused(_, Refused::Settled | Refused::NotYet | Refused::NoSuchAttempt)
            | Applied::Missing => Ok(None),
        }
    }
}
