//! Heals what a crash or a lost event left: wakes lanes that have work, and closes deadlines.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::Apply;
use crate::domain::agenda::{
    confirm_partition, due_partition, ready_at_in, ready_partition, sort_at, time_in,
};
use crate::domain::figures::free_since_ms;
use crate::domain::hours::Opening;
use crate::domain::{Channel, Event, SweepFigures, WindowClass};
use crate::ports::{Agenda, Catalog, Clock, Meter, PortError, WakeGroup, Waker, WindowClasses};

/// How far ahead the sweeper looks: as far as its next round.
pub(super) const ROUND_MS: i64 = 60_000;
/// How long before a message comes due its lane is woken: the sender lingers for it. It also keeps
/// a round well under the time that its function has.
const AHEAD_MS: i64 = 10_000;
/// How many rounds there are to each in which a lane is woken whose windows are closed.
const INSPECTED_EVERY: i64 = 5;
/// Deadlines closed at a time.
const PAGE: usize = 100;
/// How long a round closes deadlines at most.
const CLOSING: Duration = Duration::from_secs(30);
/// A sender lives for 40 s at most. What was claimed this long ago (from, until) and is still
/// `sending` has no sender any more. Two rounds look at each claim.
const GONE_MS: [i64; 2] = [180_000, 60_000];

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Lanes woken.
    pub lanes_woken: usize,
    /// Notifications whose deadline had passed.
    pub deadlines_closed: usize,
    /// Channels that could not be swept; the next round comes to them again.
    pub channels_failed: usize,
}

impl SweepReport {
    fn count_wake(&mut self, channel: &Channel, woken: Result<(), PortError>) {
        match woken {
            Ok(()) => self.lanes_woken += 1,
            Err(error) => self.count_failure(channel, &error),
        }
    }

    fn count_failure(&mut self, channel: &Channel, error: &PortError) {
        self.channels_failed += 1;
        tracing::error!(channel = %channel.name, %error, "a channel was not swept");
    }
}

/// Whether this is a round in which lanes are woken whose messages all wait for their windows.
fn is_inspection_due(now_ms: i64) -> bool {
    (now_ms / ROUND_MS) % INSPECTED_EVERY == 0
}

/// When a lane has work.
enum Work {
    Nothing,
    Now,
    At(i64),
}

/// One round over all channels.
#[derive(Clone)]
pub struct Sweep {
    catalog: Arc<dyn Catalog>,
    agenda: Arc<dyn Agenda>,
    classes: Arc<dyn WindowClasses>,
    waker: Arc<dyn Waker>,
    meter: Arc<dyn Meter>,
    clock: Arc<dyn Clock>,
    apply: Apply,
}

impl Sweep {
    /// Sweeps with these parts of the world.
    #[must_use]
    pub fn new(
        catalog: Arc<dyn Catalog>,
        agenda: Arc<dyn Agenda>,
        classes: Arc<dyn WindowClasses>,
        waker: Arc<dyn Waker>,
        meter: Arc<dyn Meter>,
        clock: Arc<dyn Clock>,
        apply: Apply,
    ) -> Self {
        Self { catalog, agenda, classes, waker, meter, clock, apply }
    }

    /// One round. A channel that fails does not keep the others from being swept.
    ///
    /// Lanes with a message that comes due before the next round are woken just before it does:
    /// the round takes that long then.
    ///
    /// # Errors
    /// [`PortError`] when the channels cannot be listed.
    pub async fn round(&self) -> Result<SweepReport, PortError> {
        let started = Instant::now();
        let mut report = SweepReport::default();
        let mut later: Vec<(i64, Channel)> = Vec::new();
        let channels = self.catalog.channels().await?;
        let mut figures = vec![SweepFigures::default(); channels.len()];
        // Wakes first: they are quick, and deadlines can be many.
        for (channel, figures) in channels.iter().zip(&mut figures) {
            if channel.paused {
                continue;
            }
            match self.work(channel, figures).await {
                Ok(Work::Nothing) => {}
                Ok(Work::Now) => report.count_wake(channel, self.wake(channel).await),
                Ok(Work::At(due_ms)) => later.push((due_ms - AHEAD_MS, channel.clone())),
                Err(error) => report.count_failure(channel, &error),
            }
        }
        for (channel, figures) in channels.iter().zip(&mut figures) {
            match self.close(channel, started + CLOSING, figures).await {
                Ok(closed) => report.deadlines_closed += closed,
                Err(error) => report.count_failure(channel, &error),
            }
            if *figures != SweepFigures::default() {
                self.meter.swept(&channel.name, self.clock.now_ms(), figures);
            }
        }
        later.sort_by_key(|(at_ms, _)| *at_ms);
        for (at_ms, channel) in later {
            let wait_ms = u64::try_from(at_ms - self.clock.now_ms()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            report.count_wake(&channel, self.wake(&channel).await);
        }
        Ok(report)
    }

    /// Closes what nobody else will close any more. What is not reached by `give_up_at` is left to
    /// the next round.
    async fn close(
        &self,
        channel: &Channel,
        give_up_at: Instant,
        figures: &mut SweepFigures,
    ) -> Result<usize, PortError> {
        let at_ms = self.clock.now_ms();
        let overdue = Event::DeadlinePassed { at_ms };
        let closed =
            self.apply_between(channel, None, at_ms, &overdue, give_up_at, figures).await?;
        // Claims whose sender is certainly gone, whatever became of it and of its lease.
        let within_ms = channel.confirm_within_ms();
        let [from_ms, until_ms] = GONE_MS.map(|ago_ms| at_ms - ago_ms + within_ms);
        let lost = Event::SenderLost { fence: u64::MAX, at_ms };
        let found =
            self.apply_between(channel, Some(from_ms), until_ms, &lost, give_up_at, figures);
        Ok(closed + found.await?)
    }

    /// Applies an event to everything with a deadline in a range, and counts what moved.
    async fn apply_between(
        &self,
        channel: &Channel,
        from_ms: Option<i64>,
        until_ms: i64,
        event: &Event,
        give_up_at: Instant,
        figures: &mut SweepFigures,
    ) -> Result<usize, PortError> {
        let partition = confirm_partition(&channel.name);
        let until = sort_at(until_ms);
        let mut from = from_ms.map(sort_at);
        let mut moved = 0;
        while Instant::now() < give_up_at {
            let page = self.agenda.entries(&partition, from.as_deref(), Some(&until), PAGE).await?;
            let Some(last) = page.last() else { break };
            // Just after the last one: an entry that the index still shows is not met twice.
            from = Some(format!("{}~", last.sort));
            let mut after = Vec::new();
            let done = self.apply.apply_all(&page, event, &mut after).await;
            for notification in &after {
                figures.count(notification.status);
            }
            moved += after.len();
            done?;
        }
        Ok(moved)
    }

    async fn work(&self, channel: &Channel, figures: &mut SweepFigures) -> Result<Work, PortError> {
        let now_ms = self.clock.now_ms();
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let mut next_ms: Option<i64> = None;
        let mut classes = self.classes.classes(&channel.name).await?;
        classes.push(WindowClass::EXEMPT);
        // Side by side: a lane may have as many classes as its recipients have zones.
        let heads = classes.iter().map(|class| async move {
            let ready = ready_partition(&channel.name, class);
            Ok::<_, PortError>(self.agenda.entries(&ready, None, None, 1).await?.into_iter().next())
        });
        let mut has_work = false;
        for (class, head) in classes.iter().zip(join_all(heads).await) {
            let Some(head) = head? else { continue };
            match class.opening(now) {
                Opening::Open { .. } => {
                    has_work = true;
                    let free_ms = ready_at_in(&head.sort).map(|at_ms| free_since_ms(at_ms, class));
                    let age_ms = free_ms.map(|free_ms| now_ms - free_ms);
                    figures.queue_age_ms = figures.queue_age_ms.max(age_ms);
                }
                // Now and then a sender looks whether its hours have been changed.
                Opening::Closed { .. } if is_inspection_due(now_ms) => has_work = true,
                Opening::Closed { until } => {
                    let opens_ms = until.as_millisecond();
                    next_ms = Some(next_ms.map_or(opens_ms, |next| next.min(opens_ms)));
                }
            }
        }
        if has_work {
            return Ok(Work::Now);
        }
        let due = due_partition(&channel.name);
        let until = sort_at(now_ms + ROUND_MS);
        let first = self.agenda.entries(&due, None, Some(&until), 1).await?;
        let due_ms = first.first().and_then(|entry| time_in(&entry.sort));
        let next_ms = due_ms.into_iter().chain(next_ms).min();
        Ok(match next_ms {
            Some(next_ms) if next_ms <= now_ms + AHEAD_MS => Work::Now,
            Some(next_ms) if next_ms < now_ms + ROUND_MS => Work::At(next_ms),
            Some(_) | None => Work::Nothing,
        })
    }

    /// Two groups, so that a group which a failed message blocks holds nothing up.
    async fn wake(&self, channel: &Channel) -> Result<(), PortError> {
        let second = self.clock.now_ms() / 1000;
        for group in WakeGroup::SWEPT {
            let deduplication = format!("{}-{}-{second}", channel.name, group.as_str());
            self.waker.wake(&channel.name, group, &deduplication).await?;
        }
        Ok(())
    }
}
