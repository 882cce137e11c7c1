//! One round of the sweeper over all channels.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::Sweeper;
use super::lane_work::{LaneWork, WAKE_AHEAD_MS};
use crate::domain::{Channel, SweepMetrics};
use crate::ports::PortError;

/// How long a round may spend on closing deadlines.
const CLOSING_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    pub lanes_woken: usize,
    /// Notifications whose deadline had passed, or whose sender had died.
    pub deadlines_closed: usize,
    /// Channels that could not be swept; the next round tries them again.
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

impl Sweeper {
    /// Does one round. A channel that fails does not keep the others from being swept.
    ///
    /// The round lasts until shortly before the last message that becomes due before the next
    /// round: its lane is woken then, because the wake queue (SQS FIFO) cannot delay a single
    /// message.
    ///
    /// # Errors
    /// [`PortError`] when the channels cannot be listed.
    pub async fn round(&self) -> Result<SweepReport, PortError> {
        let started = Instant::now();
        let mut report = SweepReport::default();
        let mut later: Vec<(i64, Channel)> = Vec::new();
        let channels = self.catalog.channels().await?;
        let mut figures = vec![SweepMetrics::default(); channels.len()];
        // Wakes come first: they are quick, and there may be many deadlines.
        for (channel, figures) in channels.iter().zip(&mut figures) {
            if channel.paused {
                continue;
            }
            match self.lane_work(channel, figures).await {
                Ok(LaneWork::Nothing) => {}
                Ok(LaneWork::Now) => report.count_wake(channel, self.wake(channel).await),
                Ok(LaneWork::DueAt { due_ms }) => {
                    later.push((due_ms - WAKE_AHEAD_MS, channel.clone()));
                }
                Err(error) => report.count_failure(channel, &error),
            }
        }
        for (channel, figures) in channels.iter().zip(&mut figures) {
            match self.close_deadlines(channel, started + CLOSING_MAX, figures).await {
                Ok(closed) => report.deadlines_closed += closed,
                Err(error) => report.count_failure(channel, &error),
            }
            if *figures != SweepMetrics::default() {
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
}
