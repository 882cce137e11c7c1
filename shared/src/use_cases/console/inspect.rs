//! Shows operators a notification with its text, rendered as it is sent.

use std::sync::Arc;

use crate::domain::{Content, Notification, NotificationId};
use crate::ports::{Catalog, Notifications, PortError};

#[derive(Clone)]
pub struct Inspect {
    pub notifications: Arc<dyn Notifications>,
    pub catalog: Arc<dyn Catalog>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    pub notification: Notification,
    /// Rendered from the template's pinned revision.
    pub content: Result<Content, ContentMissing>,
}

/// Why the text of a notification cannot be shown. A sender cannot send the notification either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentMissing {
    #[error("the template's revision is not in the catalog's history")]
    NoRevision,
    #[error("the template's revision cannot be read")]
    Unreadable,
    #[error("the template's revision has no variant for the channel")]
    NoVariant,
    /// Names the variable.
    #[error("the text cannot be rendered: {0}")]
    NotRendered(String),
}

impl Inspect {
    /// A notification with its text; `None` when there is no such notification.
    ///
    /// # Errors
    /// [`PortError`]: a retry may succeed.
    pub async fn inspect(&self, id: &NotificationId) -> Result<Option<Inspected>, PortError> {
        let Some(notification) = self.notifications.load(id).await? else { return Ok(None) };
        let content = self.content(&notification).await?;
        Ok(Some(Inspected { notification, content }))
    }

    async fn content(
        &self,
        notification: &Notification,
    ) -> Result<Result<Content, ContentMissing>, PortError> {
        let Notification { template, template_revision, .. } = notification;
        let template = match self.catalog.template_revision(template, *template_revision).await {
            Ok(Some(template)) => template,
            Ok(None) => return Ok(Err(ContentMissing::NoRevision)),
            Err(error @ PortError::Unusable { .. }) => {
                tracing::error!(
                    notification = %notification.id,
                    %error,
                    "the text of a notification cannot be shown"
                );
                return Ok(Err(ContentMissing::Unreadable));
            }
            Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                return Err(error);
            }
        };
        let Ok(variant) = template.variant(Some(&notification.channel)) else {
            return Ok(Err(ContentMissing::NoVariant));
        };
        let rendered = variant.render(&notification.variables);
        Ok(rendered.map_err(|error| ContentMissing::NotRendered(error.to_string())))
    }
}
