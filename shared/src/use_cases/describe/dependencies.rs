//! The ports that descriptions need.

use std::sync::Arc;

use crate::ports::{
    Adapters, Catalog, Clock, Lanes, NotificationBatches, Notifications, Sequences,
};

/// Describes notifications.
#[derive(Clone)]
pub struct Describe {
    pub notifications: Arc<dyn Notifications>,
    /// The other steps of a sequence.
    pub batches: Arc<dyn NotificationBatches>,
    pub sequences: Arc<dyn Sequences>,
    pub catalog: Arc<dyn Catalog>,
    pub lanes: Arc<dyn Lanes>,
    /// The meanings of the providers' codes.
    pub adapters: Arc<dyn Adapters>,
    pub clock: Arc<dyn Clock>,
}
