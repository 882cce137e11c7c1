//! One round of the sweeper over all channels.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{join_all, join3};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Sweeper;
use super::deadlines::Deadlines;
use super::looks::Lane;
use crate::ports::PortError;

/// How long a round may spend on closing deadlines, and on retiring window classes.
const CLOSING_MAX: Duration = Duration::from_secs(30);
/// How long a round follows lanes in which something is about to happen. The next round begins soon
/// after, and the function's time-out is a little longer.
const FOLLOWING_MAX: Duration = Duration::from_secs(55);
/// How many lanes a round works on at once.
const LANES_AT_ONCE: usize = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    pub lanes_woken: usize,
    /// Notifications whose deadline had passed, or whose sender had died.
    pub deadlines_closed: usize,
    /// Channels that could not be swept completely; the next round tries them again.
    pub channels_failed: usize,
}

impl Sweeper {
    /// Does one round. A channel that fails does not keep the others from being swept.
    ///
    /// The round lasts for up to 55 seconds while something is about to happen in a lane: a message
    /// becomes due, a probe of a provider that is down is due, or a sender has not reported the end
    /// of its drain. The wake queue (SQS FIFO) cannot delay a single message, so the lane is woken
    /// at its time.
    ///
    /// # Errors
    /// [`PortError`] when the channels cannot be listed.
    pub async fn round(&self) -> Result<SweepReport, PortError> {
        let began_at = Instant::now();
        let channels = self.catalog.channels().await?;
        let turns = Semaphore::new(LANES_AT_ONCE);
        let mut lanes: Vec<Lane<'_>> = channels.iter().map(Lane::new).collect();
        // Wakes come first: they are quick, and there may be many deadlines.
        join_all(lanes.iter_mut().map(|lane| self.first_look(lane, &turns))).await;
        let deadlines =
            lanes.iter().map(|lane| Deadlines::new(lane.channel, lane.figures)).collect();
        let follow_until = began_at + FOLLOWING_MAX;
        let (deadlines, (), _) = join3(
            self.close_deadlines(deadlines, began_at + CLOSING_MAX),
            self.retire_classes(&channels, began_at + CLOSING_MAX),
            join_all(lanes.iter_mut().map(|lane| self.follow(lane, &turns, follow_until))),
        )
        .await;

        let failed: BTreeSet<&str> = lanes
            .iter()
            .filter(|lane| lane.has_failed)
            .map(|lane| lane.channel)
            .chain(deadlines.iter().filter(|of| of.has_failed).map(|of| of.channel))
            .map(|channel| channel.name.as_str())
            .collect();
        let closed: usize = deadlines.iter().map(|of| of.closed).sum();
        let recovered: usize = lanes.iter().map(|lane| lane.recovered).sum();
        Ok(SweepReport {
            lanes_woken: lanes.iter().filter(|lane| lane.was_woken).count(),
            deadlines_closed: closed + recovered,
            channels_failed: failed.len(),
        })
    }
}
