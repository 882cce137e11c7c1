//! Metrics of lanes, of the webhook and of dead letters.

use crate::domain::{LaneMetrics, SweepMetrics};

pub trait Meter: Send + Sync {
    fn drained(&self, channel: &str, at_ms: i64, metrics: &LaneMetrics);

    /// Records what one round of the sweeper found in a lane.
    fn swept(&self, channel: &str, at_ms: i64, metrics: &SweepMetrics);

    /// Records how many calls of the webhook were refused since the last record.
    fn webhook_refused(&self, at_ms: i64, count: u64);

    /// Records how many messages were given up since the last record.
    fn dead_letters(&self, at_ms: i64, count: u64);
}
