//! The ports that descriptions need.

use std::sync::Arc;

use crate::ports::{Adapters, Catalog, Clock, Lanes, Notifications, Sequences};

/// Describes notifications.
#[derive(Clone)]
pub struct Describe {
    pub notifications: Arc<dyn Notifications>,
    pub sequences: Arc<dyn Sequences>,
    pub catalog: Arc<dyn Catalog>,
    pub lanes: Arc<dyn Lanes>,
    /// The meanings of the providers' codes.
    pub adapters: Arc<dyn Adapters>,
    pub clock: Arc<dyn Clock>,
}
