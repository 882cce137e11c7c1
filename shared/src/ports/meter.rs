//! Metrics of lanes.

use crate::domain::{LaneFigures, SweepFigures};

pub trait Meter: Send + Sync {
    /// Records the figures of one drain.
    fn drained(&self, channel: &str, at_ms: i64, figures: &LaneFigures);

    /// Records what one round of the sweeper found in a lane.
    fn swept(&self, channel: &str, at_ms: i64, figures: &SweepFigures);
}
