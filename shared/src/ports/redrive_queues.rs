//! Where dead letters go back to.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::Edge;

#[async_trait]
pub trait RedriveQueues: Send + Sync {
    /// Sends a message to the queue of its edge, in its group. Firings go to the run queue, which takes
    /// them as they are. Sending a message twice is harmless: a wake is a hint, a run is stored once
    /// for its time, and a receipt takes effect once.
    async fn send_again(
        &self,
        edge: Edge,
        body: &str,
        group: Option<&str>,
        deduplication: &str,
    ) -> Result<(), PortError>;
}
