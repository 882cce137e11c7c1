//! The queue of the trigger function.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::RunKey;

#[async_trait]
pub trait RunQueue: Send + Sync {
    /// Asks the trigger to begin or to resume a run. Asking twice is harmless.
    async fn request_run(&self, key: &RunKey) -> Result<(), PortError>;
}
