//! Closes the deadlines of messages whose receipt did not come, and of messages that expire while
//! they are blocked.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::Sweeper;
use super::looks::report_failure;
use crate::domain::agenda::{confirm_partition, sort_at};
use crate::domain::{Channel, Event, SweepMetrics};
use crate::ports::PortError;
use crate::use_cases::wake::SWEEPER_ROUND_MS;

/// The overdue deadlines of one channel, in one round.
pub(super) struct Deadlines<'a> {
    pub(super) channel: &'a Channel,
    pub(super) figures: SweepMetrics,
    pub(super) closed: usize,
    pub(super) has_failed: bool,
    /// Where the next page begins.
    from: Option<String>,
}

impl<'a> Deadlines<'a> {
    /// `figures` are what the round has found in the lane so far.
    pub(super) fn new(channel: &'a Channel, figures: SweepMetrics) -> Self {
        Self { channel, figures, closed: 0, has_failed: false, from: None }
    }
}

impl Sweeper {
    /// Closes deadlines until `give_up_at`, and records each channel's figures. The channels take
    /// turns, one page each, so that a channel with many deadlines does not hold up the others. Each
    /// round begins with another channel.
    pub(super) async fn close_deadlines<'a>(
        &self,
        channels: Vec<Deadlines<'a>>,
        give_up_at: Instant,
    ) -> Vec<Deadlines<'a>> {
        let at_ms = self.clock.now_ms();
        let mut waiting = VecDeque::from(channels);
        let round = usize::try_from(at_ms / SWEEPER_ROUND_MS).unwrap_or(0);
        waiting.rotate_left(round % waiting.len().max(1));
        let mut done = Vec::new();
        while Instant::now() < give_up_at
            && let Some(mut channel) = waiting.pop_front()
        {
            match self.close_page(&mut channel, at_ms).await {
                Ok(true) => waiting.push_back(channel),
                Ok(false) => done.push(channel),
                Err(error) => {
                    report_failure(channel.channel, &error);
                    channel.has_failed = true;
                    done.push(channel);
                }
            }
        }
        if !waiting.is_empty() {
            tracing::warn!(
                channels = waiting.len(),
                "there are more deadlines than a round closes; the next round continues"
            );
        }
        done.extend(waiting);
        for Deadlines { channel, figures, .. } in &done {
            if *figures != SweepMetrics::default() {
                self.meter.swept(&channel.name, self.clock.now_ms(), figures);
            }
        }
        done
    }

    /// Closes one page of a channel's deadlines. Returns whether there may be more.
    async fn close_page(
        &self,
        deadlines: &mut Deadlines<'_>,
        at_ms: i64,
    ) -> Result<bool, PortError> {
        let partition = confirm_partition(&deadlines.channel.name);
        let overdue = Event::DeadlineChecked { at_ms };
        let mut moved = Vec::new();
        let (from, until) = (deadlines.from.take(), sort_at(at_ms));
        let next =
            self.apply_to_page(&partition, from.as_deref(), &until, &overdue, &mut moved).await;
        for notification in &moved {
            deadlines.figures.count(notification.status);
        }
        deadlines.closed += moved.len();
        deadlines.from = next?;
        Ok(deadlines.from.is_some())
    }
}
