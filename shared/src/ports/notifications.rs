//! Stored notifications.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use crate::domain::{Notification, NotificationId};

/// The result of creating one notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    New,
    /// The id was taken; the stored notification.
    Existing(Box<Notification>),
    /// The id was taken by the placeholder of another request.
    OtherRequest,
}

#[async_trait]
pub trait Notifications: Send + Sync {
    /// Stores a new notification, unless its id is taken. A placeholder of the same request does
    /// not count as taking the id.
    async fn create(&self, notification: &Notification) -> Result<Created, PortError>;

    /// Reads one notification, strongly consistent.
    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError>;

    /// Saves at most 100 changed notifications, all or none, on the condition that each stored
    /// revision is still the one that was loaded. On success every revision is one higher.
    ///
    /// # Errors
    /// Also [`PortError::Unusable`] when a newer version of the code has written one of them: this
    /// version might damage what it does not know.
    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError>;
}
