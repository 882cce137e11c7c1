//! The window classes whose messages a lane may hold.

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::WindowClass;

#[async_trait]
pub trait WindowClasses: Send + Sync {
    /// Adds a class to a lane. Call this before storing the lane's first message of the class:
    /// senders look only at the classes that the lane is known to have.
    async fn add_class(&self, channel: &str, class: &WindowClass) -> Result<(), PortError>;

    /// A lane's classes, without the exempt class, which every lane has. A class that cannot be
    /// read is left out.
    async fn classes(&self, channel: &str) -> Result<Vec<WindowClass>, PortError>;
}
