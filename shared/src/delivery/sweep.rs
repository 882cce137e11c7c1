//! Heals what a crash or a lost event left: wakes lanes that have work, and closes deadlines.

use std::sync::Arc;

use super::Apply;
use crate::domain::agenda::{EXEMPT, confirm_partition, due_partition, ready_partition, sort_at};
use crate::domain::{Channel, Event};
use crate::ports::{Agenda, Catalog, Clock, PortError, WakeGroup, Waker};

/// How far ahead the sweeper looks: as far as its next round.
pub(super) const ROUND_MS: i64 = 60_000;
/// Deadlines closed at a time.
const PAGE: usize = 100;

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Lanes woken.
    pub lanes_woken: usize,
    /// Notifications whose deadline had passed.
    pub deadlines_closed: usize,
    /// Channels that could not be swept; the next round comes to them again.
    pub channels_failed: usize,
}

/// One round over all channels.
#[derive(Clone)]
pub struct Sweep {
    catalog: Arc<dyn Catalog>,
    agenda: Arc<dyn Agenda>,
    waker: Arc<dyn Waker>,
    clock: Arc<dyn Clock>,
    apply: Apply,
}

impl Sweep {
    /// Sweeps with these parts of the world.
    #[must_use]
    pub fn new(
        catalog: Arc<dyn Catalog>,
        agenda: Arc<dyn Agenda>,
        waker: Arc<dyn Waker>,
        clock: Arc<dyn Clock>,
        apply: Apply,
    ) -> Self {
        Self { catalog, agenda, waker, clock, apply }
    }

    /// One round. A channel that fails does not keep the others from being swept.
    ///
    /// # Errors
    /// [`PortError`] when the channels cannot be listed.
    pub async fn round(&self) -> Result<SweepReport, PortError> {
        let mut report = SweepReport::default();
        for channel in self.catalog.channels().await? {
            let swept = async {
                report.deadlines_closed += self.close_deadlines(&channel).await?;
                if !channel.paused && self.has_work(&channel).await? {
                    self.wake(&channel).await?;
                    report.lanes_woken += 1;
                }
                Ok::<_, PortError>(())
            };
            if let Err(error) = swept.await {
                report.channels_failed += 1;
                tracing::error!(channel = %channel.name, %error, "a channel was not swept");
            }
        }
        Ok(report)
    }

    async fn has_work(&self, channel: &Channel) -> Result<bool, PortError> {
        let ready = ready_partition(&channel.name, EXEMPT);
        if !self.agenda.entries(&ready, None, None, 1).await?.is_empty() {
            return Ok(true);
        }
        let soon = sort_at(self.clock.now_ms() + ROUND_MS);
        let due = due_partition(&channel.name);
        Ok(!self.agenda.entries(&due, None, Some(&soon), 1).await?.is_empty())
    }

    /// Both groups, so that a group which a failed message blocks holds nothing up.
    async fn wake(&self, channel: &Channel) -> Result<(), PortError> {
        let second = self.clock.now_ms() / 1000;
        for group in [WakeGroup::Zero, WakeGroup::One] {
            let deduplication = format!("{}-{}-{second}", channel.name, group.as_str());
            self.waker.wake(&channel.name, group, &deduplication).await?;
        }
        Ok(())
    }

    async fn close_deadlines(&self, channel: &Channel) -> Result<usize, PortError> {
        let partition = confirm_partition(&channel.name);
        let mut closed = 0;
        let mut from: Option<String> = None;
        loop {
            let at_ms = self.clock.now_ms();
            let until = sort_at(at_ms);
            let overdue =
                self.agenda.entries(&partition, from.as_deref(), Some(&until), PAGE).await?;
            let Some(last) = overdue.last() else { return Ok(closed) };
            // Just after the last one: an entry that the index still shows is not met twice.
            from = Some(format!("{}~", last.sort));
            let event = Event::DeadlinePassed { at_ms };
            closed += self.apply.apply_all(&overdue, &event).await?.len();
        }
    }
}
