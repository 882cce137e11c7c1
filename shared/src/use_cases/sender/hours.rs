//! The sending hours of a message, by the configuration of this second.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::hours::{Hours, hours_of};
use crate::domain::{Category, Channel, Notification, WindowClass};
use crate::ports::{Catalog, PortError};
use crate::use_cases::catalog_cache::CatalogCache;
use crate::use_cases::compose::window_class;

/// How long a configuration that was read counts as the present one.
const FRESH: Duration = Duration::from_secs(1);

/// The present configuration, as far as it decides when a message may depart.
pub(super) struct CurrentHours {
    catalog: CatalogCache,
}

impl CurrentHours {
    pub(super) fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self { catalog: CatalogCache::limited(catalog, FRESH) }
    }

    /// The window class that a message belongs to now. `None` when its windows have no minute in
    /// common: the message then waits until an operator changes them.
    ///
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
        if let Some(template) = self.catalog.template(&notification.template).await? {
            return Ok(window_class(&template, channel, &hours, notification.origin(), recipient));
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
