//! The sending hours of a message, by the configuration of this second.

use std::sync::Arc;

use super::catalog_cache::CatalogCache;
use crate::domain::present_hours::present_class;
use crate::domain::{Channel, Notification, WindowClass};
use crate::ports::PortError;

/// The present configuration, as far as it decides when a message may depart.
pub(super) struct CurrentHours {
    catalog: Arc<CatalogCache>,
}

impl CurrentHours {
    pub(super) fn new(catalog: Arc<CatalogCache>) -> Self {
        Self { catalog }
    }

    /// The window class that a message belongs to now. `None` when its windows have no minute in
    /// common: the message then waits until an operator changes them.
    pub(super) async fn class_of(
        &self,
        notification: &Notification,
        channel: &Channel,
    ) -> Result<Option<WindowClass>, PortError> {
        let hours = self.catalog.hours().await?;
        let template = self.catalog.template(&notification.template).await?;
        let template = template.as_ref().map(|present| &present.document);
        Ok(present_class(notification, template, channel, &hours))
    }
}
