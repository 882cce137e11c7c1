//! One round of the sweeper a minute.

use alimi::delivery::{Sweep, SweepReport};
use alimi::ports::PortError;

/// Sweeps once, and answers with what was done. What woke it does not matter.
///
/// # Errors
/// [`PortError`] when nothing could be swept.
pub async fn handle(sweep: &Sweep) -> Result<SweepReport, PortError> {
    let report = sweep.round().await?;
    tracing::info!(
        lanes_woken = report.lanes_woken,
        deadlines_closed = report.deadlines_closed,
        channels_failed = report.channels_failed,
        "swept"
    );
    Ok(report)
}
