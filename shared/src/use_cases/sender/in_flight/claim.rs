//! One message is claimed: its sending hours are checked again and its texts are rendered, then a
//! conditional write makes it `sending` before any request.

use std::sync::Arc;
use std::time::Duration;

use super::claimed_message::ClaimedMessage;
use super::content::{Sendable, sendable};
use super::uncertain_claim::{ClaimWrite, UncertainClaim};
use crate::domain::duration::{duration_of_us, timestamp_of_us};
use crate::domain::hold::{MessageHold, message_holds};
use crate::domain::hours::Opening;
use crate::domain::{Channel, Event, Notification, NotificationId, Refused, Status, WindowClass};
use crate::ports::{Clock, Notifications, PortError, Provider};
use crate::use_cases::apply::{Applied, Apply};
use crate::use_cases::catalog_cache::CatalogCache;
use crate::use_cases::current_hours::CurrentHours;
use crate::use_cases::sender::clock::{ClockReading, Validity};

/// The pause of a claim after the database refused it because of too many requests: between 20 and
/// 60 ms, so that claims that were refused together do not come again together.
const THROTTLED_PAUSE_MIN: Duration = Duration::from_millis(20);
const THROTTLED_PAUSE_SPREAD: Duration = Duration::from_millis(40);

/// How a claim ended: with a message that may depart, with none when there was nothing to send, or
/// with a write that failed.
pub(super) type Claimed = Result<Option<ClaimedMessage>, Box<UncertainClaim>>;

/// Everything that claiming one message takes.
pub(crate) struct Claim {
    pub(crate) id: NotificationId,
    /// When the claim began.
    pub(crate) claimed_at: ClockReading,
    /// The fencing number of this sender's lease.
    pub(crate) fence: u64,
    /// Randomness for the retry's back-off, 0 to 1000.
    pub(crate) jitter_permille: u16,
    pub(crate) age_max: Duration,
    pub(crate) channel: Channel,
    pub(crate) hours: Arc<CurrentHours>,
    /// The templates that messages are rendered from.
    pub(crate) catalog: Arc<CatalogCache>,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) notifications: Arc<dyn Notifications>,
    pub(crate) apply: Apply,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Claim {
    /// Claims the message. `Ok(None)` when there is nothing to send: the index was late, the
    /// message is over, or its window is closed.
    pub(super) async fn make(self) -> Claimed {
        let mut write = ClaimWrite { fence: self.fence, number: None };
        match self.claim_despite_throttling(&mut write).await {
            // Retrying would not help, and the messages behind it must not wait for it.
            Err(PortError::Unusable { what, detail }) => {
                tracing::error!(
                    notification = %self.id,
                    what,
                    detail,
                    "the message cannot be claimed: a record cannot be read"
                );
                Ok(None)
            }
            Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                Err(Box::new(UncertainClaim {
                    error,
                    id: self.id,
                    write,
                    notifications: self.notifications,
                    apply: self.apply,
                    clock: self.clock,
                }))
            }
            Ok(claimed) => Ok(claimed),
        }
    }

    /// Tries again while the database takes no more requests: the whole lane need not pause for one
    /// message whose partition is busy.
    async fn claim_despite_throttling(
        &self,
        write: &mut ClaimWrite,
    ) -> Result<Option<ClaimedMessage>, PortError> {
        // The messages behind this one are claimed meanwhile, and need the rest of their time in
        // order to depart.
        let validity = Validity { from: self.claimed_at, duration: self.age_max / 8 };
        let pause =
            THROTTLED_PAUSE_MIN + THROTTLED_PAUSE_SPREAD * u32::from(self.jitter_permille) / 1000;
        loop {
            match self.try_to_claim(write).await {
                Err(PortError::Throttled { .. }) if validity.left(&*self.clock) > pause => {
                    tokio::time::sleep(pause).await;
                }
                ended => return ended,
            }
        }
    }

    /// Checks that the message may be sent now, and claims it. Sets `write.number` before it
    /// writes.
    async fn try_to_claim(
        &self,
        write: &mut ClaimWrite,
    ) -> Result<Option<ClaimedMessage>, PortError> {
        let Some(notification) = self.notifications.load(&self.id).await? else { return Ok(None) };
        if write.was_made(&notification) {
            return Err(claimed_by_a_delayed_write());
        }
        let class = self.hours.class_of(&notification, &self.channel).await?;
        let now_us = self.clock.now_us();
        let at_ms = now_us / 1000;
        let moved = class.as_ref().filter(|class| **class != notification.window_class);
        if let Some(class) = moved {
            // A later read finds the message in its present class, whether that is open or closed.
            let event = Event::Reclassified { class: class.clone(), at_ms };
            self.apply.apply_to(notification, &event).await?;
            return Ok(None);
        }
        match message_holds(&notification, class.as_ref().into(), now_us).next() {
            // Without a free attempt number, the claim makes the message `failed`.
            None | Some(MessageHold::AttemptsExhausted) => {}
            Some(hold) => {
                self.leave_held(notification, &hold, at_ms).await?;
                return Ok(None);
            }
        }
        let Some(closes_in) = class.and_then(|class| self.closes_in(&class, now_us)) else {
            return Ok(None);
        };
        // Read before the claim: a message whose template cannot be read now stays unclaimed.
        let content = sendable(&notification, &self.channel, &self.catalog).await?;
        let claimed = self.write_claim(notification, at_ms, write).await?;
        Ok(claimed.map(|claimed| self.claimed_message(claimed, content, at_ms, closes_in)))
    }

    /// Leaves a message where it is, because something holds it. Ends it if it has expired.
    async fn leave_held(
        &self,
        notification: Notification,
        hold: &MessageHold,
        at_ms: i64,
    ) -> Result<(), PortError> {
        match hold {
            MessageHold::Expired { .. } => {
                self.apply.apply_to(notification, &Event::ExpiryChecked { at_ms }).await?;
            }
            MessageHold::NoCommonHours => {
                tracing::error!(
                    notification = %self.id,
                    template = notification.template,
                    "the message's windows have no minute in common: it waits until they are \
                     changed"
                );
            }
            // The index was late, or the window has closed since the head was read.
            MessageHold::Claimed { .. }
            | MessageHold::Accepted { .. }
            | MessageHold::InDoubt { .. }
            | MessageHold::Over { .. }
            | MessageHold::Predecessor(_)
            | MessageHold::Time { .. }
            | MessageHold::Window { .. }
            | MessageHold::ExpiresBeforeWindow { .. }
            | MessageHold::AttemptsExhausted => {}
        }
        Ok(())
    }

    /// The time until the class closes, as far as it matters to a claim. `None` when it is closed.
    fn closes_in(&self, class: &WindowClass, now_us: i64) -> Option<Duration> {
        match class.opening(timestamp_of_us(now_us)) {
            Opening::Open { until: Some(until) } => {
                Some(duration_of_us(until.as_microsecond() - now_us))
            }
            Opening::Open { until: None } => Some(self.age_max),
            Opening::Closed { .. } => None,
        }
    }

    /// Claims the message. `None` when there is nothing to send.
    async fn write_claim(
        &self,
        notification: Notification,
        at_ms: i64,
        write: &mut ClaimWrite,
    ) -> Result<Option<Notification>, PortError> {
        let confirm_within_ms = self.channel.confirm_within_ms(notification.media);
        let event = Event::Claimed { at_ms, fence: self.fence, confirm_within_ms };
        if notification.status == Status::Queued {
            write.number = Some(notification.claim + 1);
        }
        match self.apply.apply_to(notification, &event).await? {
            Applied::Moved(claimed) => match claimed.status {
                Status::Sending => Ok(Some(*claimed)),
                // The message had been sent too often to be sent again.
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
                self.apply.apply_to(*late, &Event::ExpiryChecked { at_ms }).await?;
                Ok(None)
            }
            // An earlier claim whose write failed: the database made it only after this sender had
            // looked for it.
            Applied::Refused(found, Refused::Settled) if write.was_made(&found) => {
                Err(claimed_by_a_delayed_write())
            }
            Applied::Refused(
                _,
                Refused::Settled | Refused::NotYet | Refused::NoSuchAttempt | Refused::Undecided(_),
            )
            | Applied::Missing => Ok(None),
        }
    }

    fn claimed_message(
        &self,
        claimed: Notification,
        content: Sendable,
        at_ms: i64,
        closes_in: Duration,
    ) -> ClaimedMessage {
        let expires_in = claimed
            .expires_at_ms
            .map_or(self.age_max, |ends_ms| duration_of_us(1000 * (ends_ms - at_ms)));
        let duration = self.age_max.min(expires_in).min(closes_in);
        ClaimedMessage {
            notification: claimed,
            content,
            policy: self.channel.policy(&self.provider.guarantees()),
            jitter_permille: self.jitter_permille,
            // `expires_in` and `closes_in` count from a clock reading after the claim began.
            // Counting them from the beginning can only end the validity earlier.
            validity: Validity { from: self.claimed_at, duration },
            provider: Arc::clone(&self.provider),
            apply: self.apply.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}

/// The error of a claim that an earlier write of the same claim has made: whoever gets it puts the
/// claim back.
fn claimed_by_a_delayed_write() -> PortError {
    let detail = "a delayed write of this sender had claimed it".to_owned();
    PortError::Unavailable { what: "the notification", detail }
}
