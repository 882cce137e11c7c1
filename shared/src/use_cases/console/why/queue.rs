//! How many messages of a lane leave before one, and how long the lane takes to send them.

#[cfg(test)]
mod tests;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::domain::agenda::{ready_partition, ready_sort};
use crate::domain::hold::{Ahead, open_ms, per_second, sending_us};
use crate::domain::{Channel, Notification, PacerPosition, WindowClass};
use crate::ports::{Agenda, PortError, WindowClasses};

/// So many messages are counted in each window class.
const COUNTED_MAX: usize = 5_000;
/// Classes that are counted at a time.
const CLASSES_AT_ONCE: usize = 16;

/// The queue of one lane.
#[derive(Clone, Copy)]
pub(super) struct Queue<'a> {
    pub(super) channel: &'a Channel,
    pub(super) lane: PacerPosition,
    pub(super) now_us: i64,
}

/// The messages of one window class that leave before another message.
struct Counted {
    class: WindowClass,
    count: usize,
}

impl Queue<'_> {
    /// The messages that leave before this one, if it may leave from this time on (Unix
    /// milliseconds).
    ///
    /// They are those before it in the classes that are open then. Of these, the ones whose class is
    /// open before that time leave meanwhile, as fast as the lane's pace allows.
    pub(super) async fn ahead(
        self,
        agenda: &dyn Agenda,
        classes: &dyn WindowClasses,
        notification: &Notification,
        may_leave_at_ms: i64,
    ) -> Result<Ahead, PortError> {
        let may_leave_at = Timestamp::from_millisecond(may_leave_at_ms).unwrap_or_default();
        let sort = ready_sort(notification);
        let mut open = classes.classes(&self.channel.name).await?;
        open.push(WindowClass::EXEMPT);
        open.retain(|class| class.closed_until(may_leave_at).is_none());
        let counted: Vec<Counted> = stream::iter(open)
            .map(|class| {
                let partition = ready_partition(&self.channel.name, &class);
                let sort = sort.as_str();
                async move {
                    let count = agenda.count_before(&partition, sort, COUNTED_MAX + 1).await?;
                    Ok::<_, PortError>(Counted { class, count })
                }
            })
            .buffer_unordered(CLASSES_AT_ONCE)
            .try_collect()
            .await?;
        let is_more = counted.iter().any(|counted| counted.count > COUNTED_MAX);
        let count = self.left_at(may_leave_at_ms, &counted);
        let slow_down = self.lane.slow_down;
        let from_us = 1000 * may_leave_at_ms;
        Ok(Ahead {
            count,
            is_more,
            per_second: per_second(self.channel.limit, slow_down, from_us.max(self.now_us)),
            sending_us: sending_us(self.channel.limit, slow_down, from_us, count),
        })
    }

    /// How many of the counted messages have not left by a time.
    fn left_at(&self, at_ms: i64, counted: &[Counted]) -> u64 {
        // Nothing leaves before the lane's pause is over.
        let from_ms = self.now_us.max(self.lane.next_at_us).div_euclid(1000).min(at_ms);
        let per_second = per_second(self.channel.limit, self.lane.slow_down, self.now_us);
        let sent_within = |open_ms: i64| whole(per_second * open_ms as f64 / 1000.0);
        let (mut all, mut left, mut longest_open_ms) = (0, 0, 0);
        for Counted { class, count } in counted {
            let count = u64::try_from((*count).min(COUNTED_MAX)).unwrap_or(u64::MAX);
            let open_ms = open_ms(class, from_ms, at_ms);
            all += count;
            left += count.saturating_sub(sent_within(open_ms));
            longest_open_ms = longest_open_ms.max(open_ms);
        }
        // The classes share the lane's pace.
        left.max(all.saturating_sub(sent_within(longest_open_ms)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time of at most some days, at 300 a second, and never negative"
)]
fn whole(count: f64) -> u64 {
    count.floor() as u64
}
