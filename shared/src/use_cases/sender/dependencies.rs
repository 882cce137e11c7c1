//! The ports and settings that a sender works with.

use std::sync::Arc;

use super::settings::SenderSettings;
use crate::ports::{
    Agenda, Catalog, Clock, Lanes, Meter, Notifications, Providers, Randomness, Waker,
    WindowClasses,
};
use crate::use_cases::apply::Apply;

/// Drains lanes.
#[derive(Clone)]
pub struct Sender {
    pub catalog: Arc<dyn Catalog>,
    pub notifications: Arc<dyn Notifications>,
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
            Arc::clone(&self.waker),
            Arc::clone(&self.clock),
        );
        apply.within_lane(channel)
    }
}
