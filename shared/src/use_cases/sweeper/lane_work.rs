//! Whether a lane has to be woken, and the wake.

use futures::StreamExt;
use futures::stream;
use jiff::Timestamp;

use super::Sweeper;
use crate::domain::agenda::{due_partition, ready_at_ms_in, ready_partition, sort_at, time_ms_in};
use crate::domain::hours::Opening;
use crate::domain::metrics::free_since_ms;
use crate::domain::{Channel, SweepMetrics, WindowClass};
use crate::ports::{PortError, WakeGroup};
use crate::use_cases::wake::SWEEPER_ROUND_MS;

/// How long before a message becomes due its lane is woken; the sender waits for the message. This
/// also keeps a round well within its function's time-out.
pub(super) const WAKE_AHEAD_MS: i64 = 10_000;
/// How many window classes of one lane are read at a time: a lane has one for each zone of its
/// recipients, so there may be hundreds.
const CLASSES_AT_ONCE: usize = 8;
/// In one round out of so many, lanes are woken although their windows are closed.
const INSPECTION_EVERY_ROUNDS: i64 = 5;

/// When a lane has work.
pub(super) enum LaneWork {
    Nothing,
    Now,
    /// The first message becomes due at this time (Unix milliseconds), before the next round.
    DueAt {
        due_ms: i64,
    },
}

impl Sweeper {
    /// Finds out when a lane has work, and measures the age of its queue.
    pub(super) async fn lane_work(
        &self,
        channel: &Channel,
        figures: &mut SweepMetrics,
    ) -> Result<LaneWork, PortError> {
        let now_ms = self.clock.now_ms();
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let mut next_ms: Option<i64> = None;
        let mut classes = self.classes.classes(&channel.name).await?;
        classes.push(WindowClass::EXEMPT);
        let heads = classes.iter().map(|class| async move {
            let ready = ready_partition(&channel.name, class);
            Ok::<_, PortError>(self.agenda.entries(&ready, None, None, 1).await?.into_iter().next())
        });
        let heads = stream::iter(heads.collect::<Vec<_>>());
        let heads: Vec<_> = heads.buffered(CLASSES_AT_ONCE).collect().await;
        let mut has_work = false;
        for (class, head) in classes.iter().zip(heads) {
            let Some(head) = head? else { continue };
            match class.opening(now) {
                Opening::Open { .. } => {
                    has_work = true;
                    let free_ms =
                        ready_at_ms_in(&head.sort).map(|at_ms| free_since_ms(at_ms, class));
                    let age_ms = free_ms.map(|free_ms| now_ms - free_ms);
                    figures.queue_age_ms = figures.queue_age_ms.max(age_ms);
                }
                Opening::Closed { .. } if is_inspection_due(now_ms) => has_work = true,
                Opening::Closed { until } => {
                    let opens_ms = until.as_millisecond();
                    next_ms = Some(next_ms.map_or(opens_ms, |next| next.min(opens_ms)));
                }
            }
        }
        if has_work || self.has_inquiry_due(channel).await? {
            return Ok(LaneWork::Now);
        }
        let due = due_partition(&channel.name);
        let until = sort_at(now_ms + SWEEPER_ROUND_MS);
        let first = self.agenda.entries(&due, None, Some(&until), 1).await?;
        let due_ms = first.first().and_then(|entry| time_ms_in(&entry.sort));
        let next_ms = due_ms.into_iter().chain(next_ms).min();
        Ok(match next_ms {
            Some(next_ms) if next_ms <= now_ms + WAKE_AHEAD_MS => LaneWork::Now,
            Some(next_ms) if next_ms < now_ms + SWEEPER_ROUND_MS => {
                LaneWork::DueAt { due_ms: next_ms }
            }
            Some(_) | None => LaneWork::Nothing,
        })
    }

    /// Wakes two groups: after a crash, SQS may block one of them.
    pub(super) async fn wake(&self, channel: &Channel) -> Result<(), PortError> {
        let second = self.clock.now_ms() / 1000;
        for group in WakeGroup::SWEPT {
            let deduplication = format!("{}-{}-{second}", channel.name, group.as_str());
            self.waker.wake(&channel.name, group, &deduplication).await?;
        }
        Ok(())
    }
}

/// Whether lanes are woken in this round although their windows are closed: a sender then notices
/// that the windows have been changed.
fn is_inspection_due(now_ms: i64) -> bool {
    (now_ms / SWEEPER_ROUND_MS) % INSPECTION_EVERY_ROUNDS == 0
}
