//! One round of the sweeper. A schedule invokes this function every minute.

mod function;
mod repairs;

use alimi::ports::PortError;
use alimi::use_cases::SweepReport;
use serde::Serialize;

pub use self::function::SweeperFunction;

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub swept: SweepReport,
    pub runs_resumed: usize,
    /// Runs whose last notification has ended.
    pub runs_finished: usize,
    /// Times that were never fired, and whose runs were requested.
    pub times_missed: usize,
    /// Schedules that were missing in the scheduler, different, or without a row.
    pub schedules_repaired: usize,
}

/// Does one round. It does not read the event.
///
/// # Errors
/// [`PortError`] when the channels cannot be listed.
pub async fn handle(function: &SweeperFunction) -> Result<Report, PortError> {
    // Concurrently: the sweeper's round may wait for messages that become due, and neither side
    // must keep the other from its work.
    let (swept, repairs) = futures::join!(function.sweeper.round(), repairs::round(function));
    let swept = swept?;
    let repairs::Repairs { runs_resumed, runs_finished, times_missed, schedules_repaired } =
        repairs;
    tracing::info!(
        lanes_woken = swept.lanes_woken,
        deadlines_closed = swept.deadlines_closed,
        channels_failed = swept.channels_failed,
        runs_resumed,
        runs_finished,
        times_missed,
        schedules_repaired,
        "swept"
    );
    Ok(Report { swept, runs_resumed, runs_finished, times_missed, schedules_repaired })
}
