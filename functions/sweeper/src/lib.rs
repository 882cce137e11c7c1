//! One round of the sweeper a minute.

use alimi::delivery::Sweep;
use alimi::ports::PortError;
use serde::Serialize;

/// What a round did, as the invocation answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Lanes woken.
    pub lanes_woken: usize,
    /// Notifications whose deadline had passed.
    pub deadlines_closed: usize,
    /// Channels that the next round has to come to again.
    pub channels_failed: usize,
}

/// Sweeps once. What woke it does not matter.
///
/// # Errors
/// [`PortError`] when nothing could be swept.
pub async fn handle(sweep: &Sweep) -> Result<Swept, PortError> {
    let report = sweep.round().await?;
    tracing::info!(
        lanes_woken = report.lanes_woken,
        deadlines_closed = report.deadlines_closed,
        channels_failed = report.channels_failed,
        "swept"
    );
    Ok(Swept {
        lanes_woken: report.lanes_woken,
        deadlines_closed: report.deadlines_closed,
        channels_failed: report.channels_failed,
    })
}
