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
}

#[async_trait]
pub trait Notifications: Send + Sync {
    /// Stores a new notification, unless its id is taken.
    async fn create(&self, notification: &Notification) -> Result<Created, PortError>;

    /// Stores at most 25 new notifications, all or none: [`Saved::Conflict`] when one of the ids is
    /// taken.
    async fn create_all(&self, notifications: &[Notification]) -> Result<Saved, PortError>;

    /// Reads one notification, strongly consistent.
    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError>;

    /// Saves at most 25 changed notifications, all or none, on the condition that each stored
    /// revision is still the one that was loaded. On success every revision is one higher.
    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError>;
}
