//! One round of the sweeper a minute.

mod heal;

use alimi::delivery::{DiscardUploads, MissedTimes, Plan, ResumeRuns, Sweep, SweepReport};
use alimi::ports::PortError;
use serde::Serialize;

/// All that the sweeper looks after.
#[derive(Clone)]
pub struct Sweeper {
    /// Lanes and deadlines.
    pub sweep: Sweep,
    /// Runs whose invocation died.
    pub resume: ResumeRuns,
    /// Times that nobody fired.
    pub missed: MissedTimes,
    /// Schedules that differ from their rows.
    pub plan: Plan,
    /// Uploads that nobody reads any more.
    pub discard: DiscardUploads,
}

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// For lanes.
    #[serde(flatten)]
    pub swept: SweepReport,
    /// Runs that were asked to go on.
    pub runs_resumed: usize,
    /// Times that nobody had fired, whose runs were asked for.
    pub times_missed: usize,
    /// Schedules that were missing, different or stray.
    pub schedules_healed: usize,
}

/// Sweeps once, and answers with what was done. What woke it does not matter.
///
/// # Errors
/// [`PortError`] when nothing could be swept.
pub async fn handle(sweeper: &Sweeper) -> Result<Report, PortError> {
    // Beside each other: a round may wait for what comes due, and neither keeps the other from it.
    let (swept, healed) = futures::join!(sweeper.sweep.round(), heal::round(sweeper));
    let swept = swept?;
    tracing::info!(
        lanes_woken = swept.lanes_woken,
        deadlines_closed = swept.deadlines_closed,
        channels_failed = swept.channels_failed,
        runs_resumed = healed.runs_resumed,
        times_missed = healed.times_missed,
        schedules_healed = healed.schedules_put_right,
        "swept"
    );
    Ok(Report {
        swept,
        runs_resumed: healed.runs_resumed,
        times_missed: healed.times_missed,
        schedules_healed: healed.schedules_put_right,
    })
}
