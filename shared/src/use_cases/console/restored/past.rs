//! What may have happened to a message between the time to which the table was restored and the
//! stop of its channel.

use super::hours_then::HoursThen;
use super::review::ReviewRestored;
use super::stopped::{StoppedChannel, StoppedChannels};
use crate::domain::{
    Event, LostPeriod, Notification, Sequence, SequenceStep, Status, WindowClass, transition,
};
use crate::ports::PortError;

/// The lost period of each channel, and what is known of it.
pub(super) struct Past<'a> {
    review: &'a ReviewRestored,
    restored_to_ms: i64,
    stopped: StoppedChannels,
    hours: HoursThen<'a>,
    now_ms: i64,
}

impl<'a> Past<'a> {
    pub(super) async fn new(
        review: &'a ReviewRestored,
        restored_to_ms: i64,
        stopped: StoppedChannels,
        now_ms: i64,
    ) -> Result<Self, PortError> {
        let lost = LostPeriod { restored_to_ms, stopped_at_ms: now_ms };
        let hours = HoursThen::new(&*review.documents, &stopped, lost.began_at_ms()).await?;
        Ok(Self { review, restored_to_ms, stopped, hours, now_ms })
    }

    /// The event to apply to a notification; `None` when no event of the lost period can concern it.
    pub(super) async fn event(
        &self,
        notification: &Notification,
    ) -> Result<Option<Event>, PortError> {
        let (lost, at_ms) = (self.lost_period_of(notification), self.now_ms);
        let restored =
            |hours, released_from_ms| Event::Restored { lost, hours, released_from_ms, at_ms };
        // Most notifications have ended. Nothing has to be read for them.
        if transition(notification, &restored(WindowClass::EXEMPT, i64::MIN)).is_err() {
            return Ok(None);
        }
        let hours = self.hours.of(notification).await?;
        Ok(Some(restored(hours, self.released_from_ms(notification).await?)))
    }

    /// The time since when an earlier step may have released the notification.
    async fn released_from_ms(&self, notification: &Notification) -> Result<i64, PortError> {
        let lost = self.lost_period_of(notification);
        let began_at_ms = lost.began_at_ms();
        let place = notification.sequence_step.as_ref().filter(|place| place.step > 0);
        let Some(place) = place else { return Ok(began_at_ms) };
        let is_blocked = notification.status == Status::Blocked;
        if !is_blocked && lost.began_after(notification.status_since_ms) {
            // It was released before.
            return Ok(began_at_ms);
        }
        let sequence = self.review.sequences.sequence(&place.sequence).await?;
        let Some(sequence) = sequence else { return Ok(began_at_ms) };
        if is_blocked && !self.may_have_been_released(&sequence, place).await? {
            return Ok(i64::MAX);
        }
        let own_step = sequence.steps.get(usize::from(place.step));
        Ok(began_at_ms.saturating_add(own_step.map_or(0, |step| step.delay_ms)))
    }

    /// Whether the step before a blocked one, or the last step before it that is not blocked, may
    /// have ended in the lost period.
    async fn may_have_been_released(
        &self,
        sequence: &Sequence,
        place: &SequenceStep,
    ) -> Result<bool, PortError> {
        for step in sequence.steps.iter().take(usize::from(place.step)).rev() {
            let Some(gate) = step.gate() else { return Ok(true) };
            let Some(gate) = self.review.notifications.load(gate).await? else { return Ok(true) };
            match gate.status {
                Status::Blocked => {}
                Status::Deferred | Status::Queued => {
                    let lost = self.lost_period_of(&gate);
                    let hours = self.hours.of(&gate).await?;
                    return Ok(lost.may_hold_departure(&gate, &hours, i64::MIN));
                }
                Status::Sending
                | Status::Accepted
                | Status::Unknown
                | Status::Unconfirmed
                | Status::Failed
                | Status::Cancelled
                | Status::Expired
                | Status::Delivered => return Ok(true),
            }
        }
        Ok(true)
    }

    /// A channel that the catalog does not have may have sent until now.
    fn lost_period_of(&self, notification: &Notification) -> LostPeriod {
        let channel = self.stopped.get(&notification.channel);
        LostPeriod {
            restored_to_ms: self.restored_to_ms,
            stopped_at_ms: channel.map_or(self.now_ms, StoppedChannel::stopped_at_ms),
        }
    }
}
