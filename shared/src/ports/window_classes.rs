//! The window classes whose messages a lane may hold.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use crate::domain::WindowClass;

/// A window class of a lane, as the lane's row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedClass {
    pub class: WindowClass,
    /// When the class was last added, in Unix milliseconds. `None` in rows of earlier versions.
    pub last_used_ms: Option<i64>,
}

/// Where the review of a lane's closed classes goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewPosition {
    pub class: WindowClass,
    /// The first sort key of the class that has not been reviewed; `None` when none has been.
    pub from: Option<String>,
}

#[async_trait]
pub trait WindowClasses: Send + Sync {
    /// Adds a class to a lane, and takes note of its use. Call this before every write that makes a
    /// message of the class `queued`: senders look only at the classes that the lane is known to
    /// have. An implementation may remember for an hour that it has added a class.
    async fn add_class(&self, channel: &str, class: &WindowClass) -> Result<(), PortError>;

    /// A lane's classes in a fixed order, without the exempt class, which every lane has. A class
    /// that cannot be read is left out.
    async fn classes(&self, channel: &str) -> Result<Vec<WindowClass>, PortError> {
        let used = self.used_classes(channel).await?;
        Ok(used.into_iter().map(|used| used.class).collect())
    }

    /// The same classes, with the time of their last use.
    async fn used_classes(&self, channel: &str) -> Result<Vec<UsedClass>, PortError>;

    /// Removes a class from a lane, unless it was used again since it was read.
    async fn retire_class(&self, channel: &str, read: &UsedClass) -> Result<Saved, PortError>;

    /// Where the review of the lane's closed classes goes on; `None` when it begins anew.
    async fn review_position(&self, channel: &str) -> Result<Option<ReviewPosition>, PortError>;

    /// Stores where the review goes on.
    async fn save_review_position(
        &self,
        channel: &str,
        position: Option<&ReviewPosition>,
    ) -> Result<(), PortError>;
}
