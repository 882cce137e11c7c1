//! The sending hours of a message, by the configuration of this second.

use std::sync::Arc;

use crate::domain::hours::{Hours, hours_of};
use crate::domain::{Category, Channel, Notification, WindowClass};
use crate::ports::PortError;
use crate::use_cases::catalog_cache::CatalogCache;
use crate::use_cases::compose::window_class;

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
    ///
    /// The template's present revision decides, not the one that the message's texts come from.
    /// A message whose template was deleted keeps its stored hours, as far as the hours of the
    /// stack and of the channel still allow them.
    pub(super) async fn class_of(
        &self,
        notification: &Notification,
        channel: &Channel,
    ) -> Result<Option<WindowClass>, PortError> {
        let hours = self.catalog.hours().await?;
        let recipient = &notification.recipient;
        let stored_class = &notification.window_class;
        if let Some(present) = self.catalog.template(&notification.template).await? {
            let (template, origin) = (&present.document, notification.origin());
            return Ok(window_class(template, channel, &hours, origin, recipient));
        }
        let Some(window) = stored_class.window() else { return Ok(Some(stored_class.clone())) };
        // The deleted template's category is not known any more, so the strictest one is assumed.
        let strictest = hours_of(
            notification.origin(),
            Category::Advertising,
            &hours,
            channel.window,
            Some(window),
        );
        let zone = recipient.timezone.as_deref().unwrap_or(&channel.timezone);
        Ok(match strictest {
            Hours::Within(window) => WindowClass::within(window, zone).ok(),
            Hours::Exempt | Hours::Never => None,
        })
    }
}
