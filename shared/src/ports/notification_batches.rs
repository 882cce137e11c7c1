//! Several stored notifications at once.

use std::collections::HashMap;

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::{Notification, NotificationId};

#[async_trait]
pub trait NotificationBatches: Send + Sync {
    /// Reads notifications, strongly consistent. Those that are not stored are left out, and so are
    /// rows that cannot be read, which are reported.
    async fn load_all(
        &self,
        ids: &[NotificationId],
    ) -> Result<HashMap<NotificationId, Notification>, PortError>;
}
