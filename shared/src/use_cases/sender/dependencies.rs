//! The ports and settings that a sender works with.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{
    Agenda, Catalog, Clock, Lanes, Meter, Notifications, Providers, Randomness, Sequences, Waker,
    WindowClasses,
};
use crate::use_cases::apply::Apply;

/// Drains lanes.
#[derive(Clone)]
pub struct Sender {
    pub catalog: Arc<dyn Catalog>,
    pub notifications: Arc<dyn Notifications>,
    /// Which steps follow a step that ended.
    pub sequences: Arc<dyn Sequences>,
    /// The queued and the waiting messages of each lane.
    pub agenda: Arc<dyn Agenda>,
    /// The lanes' leases.
    pub lanes: Arc<dyn Lanes>,
    /// Which window classes each lane has.
    pub classes: Arc<dyn WindowClasses>,
    pub providers: Arc<dyn Providers>,
    /// Wakes the successor.
    pub waker: Arc<dyn Waker>,
    /// Receives the figures of each drain.
    pub meter: Arc<dyn Meter>,
    pub clock: Arc<dyn Clock>,
    /// Spreads retries, and tells the lease's holders apart.
    pub randomness: Arc<dyn Randomness>,
    pub settings: SenderSettings,
}

impl Sender {
    /// Applies events on behalf of the sender that drains this channel's lane: the lane is awake.
    pub(super) fn apply_within_lane(&self, channel: &str) -> Apply {
        let apply = Apply::new(
            Arc::clone(&self.notifications),
            Arc::clone(&self.sequences),
            Arc::clone(&self.classes),
            Arc::clone(&self.waker),
            Arc::clone(&self.clock),
        );
        apply.within_lane(channel)
    }
}

/// The times and limits of a drain. Deployed functions use the defaults; tests and benchmarks
/// change some.
#[derive(Clone, Copy, Debug)]
pub struct SenderSettings {
    /// How long one process drains a lane that has work.
    pub slice: Duration,
    /// How long a lease is valid.
    pub lease: Duration,
    /// How often the lease is renewed.
    pub renew_every: Duration,
    /// The largest assumed difference between the clocks of two machines.
    pub clock_skew: Duration,
    /// How long to try for a lease that another sender holds.
    pub acquire_timeout: Duration,
    /// How long after a hand-over the successor may take to start. After that, this sender's own
    /// group is woken as well.
    pub successor_timeout: Duration,
    /// How long to stay when nothing is queued. Must exceed the time for which the wake queue
    /// deduplicates wakes, and the index's lag.
    pub idle_timeout: Duration,
    /// How often the head of the queue is read again while the page read before is worked off. The
    /// real-time messages in it are read before each claim as well.
    pub read_heads_every: Duration,
    /// How often the channel's configuration is read again.
    pub read_channel_every: Duration,
    /// A message whose claim is older than this is not sent.
    pub claim_age_max: Duration,
    /// No request starts with less than this left of the lease.
    pub lease_left_min: Duration,
    /// The most requests in flight at once. Each has its own connection, and a function on Lambda
    /// may have 1,024 open files, its connections to the database included.
    pub in_flight_max: usize,
}

impl Default for SenderSettings {
    fn default() -> Self {
        Self {
            slice: Duration::from_secs(20),
            lease: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            clock_skew: Duration::from_millis(500),
            acquire_timeout: Duration::from_secs(3),
            successor_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(2),
            read_heads_every: Duration::from_millis(100),
            read_channel_every: Duration::from_millis(500),
            claim_age_max: Duration::from_secs(2),
            lease_left_min: Duration::from_secs(2),
            in_flight_max: 900,
        }
    }
}
