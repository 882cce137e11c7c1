//! How a round follows one lane. The sweeper reads the lane's row, wakes the lane when it may send,
//! and recovers the claims of its crashed senders. While more is about to happen in the lane, the
//! sweeper looks at the row again.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Sweeper;
use super::lane_work::{LaneWork, WAKE_AHEAD_MS};
use super::orphans::overdue_at_ms;
use crate::domain::{Channel, SweepMetrics};
use crate::ports::{LaneState, OpenDrain, PortError};

/// How often the sweeper looks at a lane that changes: one with an open drain, or one that was woken
/// for a probe.
const LOOK_EVERY_MS: i64 = 10_000;

/// When a round wakes a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WakePlan {
    /// The lane has no work, or was woken for it.
    NoWake,
    /// From this time on, in Unix milliseconds.
    From { at_ms: i64 },
    /// The lane was woken for the probe that was due at this time. It is woken once more, because
    /// that wake may be lost. A probe that fails is followed by another one.
    AgainForProbe { probe_at_us: Option<i64>, was_repeated: bool },
}

/// A lane, as one round knows it.
pub(super) struct Lane<'a> {
    pub(super) channel: &'a Channel,
    /// What the round found first.
    pub(super) figures: SweepMetrics,
    /// Claims of crashed senders that the round found.
    pub(super) recovered: usize,
    pub(super) was_woken: bool,
    pub(super) has_failed: bool,
    plan: WakePlan,
    /// Whether the lane had to wait when the sweeper last looked. It may have got work since then,
    /// and the wake for that work was in vain.
    had_to_wait: bool,
    /// When the sweeper looks again, in Unix milliseconds.
    look_at_ms: Option<i64>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(channel: &'a Channel) -> Self {
        Self {
            channel,
            figures: SweepMetrics::default(),
            recovered: 0,
            was_woken: false,
            has_failed: false,
            plan: WakePlan::NoWake,
            had_to_wait: false,
            look_at_ms: None,
        }
    }

    fn look_again_at(&mut self, at_ms: i64) {
        self.look_at_ms = Some(self.look_at_ms.map_or(at_ms, |earlier_ms| earlier_ms.min(at_ms)));
    }

    fn fail(&mut self, error: &PortError) {
        self.has_failed = true;
        report_failure(self.channel, error);
    }
}

/// Logs that a part of the round failed for a channel. The rest of the round continues.
pub(super) fn report_failure(channel: &Channel, error: &PortError) {
    let channel = &channel.name;
    match error {
        PortError::Unusable { .. } => tracing::error!(
            metric = "unreadable_rows",
            count = 1,
            %channel,
            %error,
            "a channel was not swept: a row cannot be used"
        ),
        PortError::Unavailable { .. } | PortError::Throttled { .. } => {
            tracing::error!(%channel, %error, "a channel was not swept");
        }
    }
}

impl Sweeper {
    /// Finds out whether the lane has work, and wakes it if it has and may send.
    pub(super) async fn first_look(&self, lane: &mut Lane<'_>, turns: &Semaphore) {
        let _turn = turns.acquire().await;
        if !lane.channel.paused {
            self.look_for_work(lane).await;
        }
        // Recovering claims may take long. All lanes are woken before.
        if !self.look(lane).await.is_empty() {
            lane.look_again_at(self.clock.now_ms());
        }
    }

    /// Looks at the lane whenever something is about to happen in it, until `ends_at`. `turns` limit
    /// how many lanes the round works on at once.
    pub(super) async fn follow(&self, lane: &mut Lane<'_>, turns: &Semaphore, ends_at: Instant) {
        while let Some(at_ms) = lane.look_at_ms {
            let wait_ms = u64::try_from(at_ms - self.clock.now_ms()).unwrap_or(0);
            let look_at = Instant::now() + Duration::from_millis(wait_ms);
            if look_at > ends_at {
                return;
            }
            tokio::time::sleep_until(look_at).await;
            let _turn = turns.acquire().await;
            for drain in self.look(lane).await {
                self.recover(lane, drain, ends_at).await;
            }
        }
    }

    /// Looks at the lane's row once. Returns the drains that a sender did not end, and whose claims
    /// have to be recovered.
    async fn look(&self, lane: &mut Lane<'_>) -> Vec<OpenDrain> {
        lane.look_at_ms = None;
        let read = self.lanes.lane_state(&lane.channel.name).await;
        let now_ms = self.clock.now_ms();
        let state = match read {
            Ok(state) => state.unwrap_or_default(),
            Err(error) => {
                lane.fail(&error);
                match error {
                    // The lane is woken all the same. Only the sender knows whether it can use the
                    // row.
                    PortError::Unusable { .. } => {}
                    PortError::Unavailable { .. } | PortError::Throttled { .. } => {
                        lane.look_again_at(now_ms + LOOK_EVERY_MS);
                    }
                }
                LaneState::default()
            }
        };
        if !lane.channel.paused {
            self.wake_in_time(lane, &state).await;
        }
        let mut overdue = Vec::new();
        for drain in state.open_drains {
            let overdue_ms = overdue_at_ms(&drain);
            if overdue_ms <= now_ms {
                overdue.push(drain);
            } else {
                lane.look_again_at(overdue_ms.min(now_ms + LOOK_EVERY_MS));
            }
        }
        overdue
    }

    async fn look_for_work(&self, lane: &mut Lane<'_>) {
        let now_ms = self.clock.now_ms();
        match self.lane_work(lane.channel, &mut lane.figures).await {
            Ok(LaneWork::Nothing) => lane.plan = WakePlan::NoWake,
            Ok(LaneWork::Now) => lane.plan = WakePlan::From { at_ms: now_ms },
            Ok(LaneWork::DueAt { due_ms }) => {
                lane.plan = WakePlan::From { at_ms: due_ms - WAKE_AHEAD_MS };
            }
            Err(error) => lane.fail(&error),
        }
    }

    /// Wakes the lane if it has work and may send, or plans when to look again.
    async fn wake_in_time(&self, lane: &mut Lane<'_>, state: &LaneState) {
        if let Some(until_ms) = state.must_wait_until_ms(self.clock.now_ms()) {
            lane.had_to_wait = true;
            lane.look_again_at(until_ms);
            return;
        }
        if std::mem::take(&mut lane.had_to_wait) && lane.plan == WakePlan::NoWake {
            self.look_for_work(lane).await;
        }
        let now_ms = self.clock.now_ms();
        let is_circuit_open = state.position.circuit_breaker.is_open();
        let due_us = state.position.circuit_breaker.probe_at_us();
        let is_leased = state.leased_until_ms.is_some_and(|until_ms| until_ms > now_ms);
        match lane.plan {
            WakePlan::NoWake => return,
            WakePlan::From { at_ms } if at_ms > now_ms => {
                lane.look_again_at(at_ms);
                return;
            }
            // The probe succeeded, and the sender that made it drains the lane.
            WakePlan::AgainForProbe { .. } if !is_circuit_open => {
                lane.plan = WakePlan::NoWake;
                return;
            }
            // A sender is probing.
            WakePlan::AgainForProbe { .. } if is_leased => {}
            // The probe succeeded, and no message may leave that could close the circuit.
            WakePlan::AgainForProbe { probe_at_us, was_repeated: true }
                if probe_at_us == due_us =>
            {
                lane.plan = WakePlan::NoWake;
                return;
            }
            WakePlan::From { .. } | WakePlan::AgainForProbe { .. } => {
                match self.wake(lane.channel).await {
                    Ok(()) => {
                        lane.was_woken = true;
                        let for_this_probe = matches!(lane.plan,
                            WakePlan::AgainForProbe { probe_at_us, .. } if probe_at_us == due_us);
                        lane.plan = if is_circuit_open {
                            WakePlan::AgainForProbe {
                                probe_at_us: due_us,
                                was_repeated: for_this_probe,
                            }
                        } else {
                            WakePlan::NoWake
                        };
                    }
                    Err(error) => lane.fail(&error),
                }
            }
        }
        if lane.plan != WakePlan::NoWake {
            lane.look_again_at(now_ms + LOOK_EVERY_MS);
        }
    }

    async fn recover(&self, lane: &mut Lane<'_>, drain: OpenDrain, give_up_at: Instant) {
        let mut figures = SweepMetrics::default();
        let recovered =
            self.recover_orphaned_claims(lane.channel, drain, give_up_at, &mut figures).await;
        let found = figures.unknown;
        lane.recovered += usize::try_from(found).unwrap_or(usize::MAX);
        if figures != SweepMetrics::default() {
            self.meter.swept(&lane.channel.name, self.clock.now_ms(), &figures);
        }
        if let Err(error) = recovered {
            lane.fail(&error);
            lane.look_again_at(self.clock.now_ms() + LOOK_EVERY_MS);
        }
    }
}
