//! The hours rule at departure, by the configuration as it is now.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::delivery::compose::window_class;
use crate::domain::hours::{Hours, hours_of};
use crate::domain::{Category, Channel, HoursConfig, Notification, Template, WindowClass};
use crate::ports::{Catalog, PortError};

/// For how long what was read counts as the present configuration.
const FRESH: Duration = Duration::from_secs(1);

/// The present configuration, as far as it decides when a message may leave.
pub(super) struct CurrentHours {
    catalog: Arc<dyn Catalog>,
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    hours: Option<(HoursConfig, Instant)>,
    templates: HashMap<String, (Option<Arc<Template>>, Instant)>,
}

impl CurrentHours {
    pub(super) fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self { catalog, read: Mutex::default() }
    }

    /// The class that a message belongs to now. `None`: its windows have no minute in common, and
    /// it may not leave until somebody changes that.
    ///
    /// One whose template is gone keeps the hours that it had, as far as those of stack and channel
    /// still allow them.
    pub(super) async fn class_of(
        &self,
        notification: &Notification,
        channel: &Channel,
    ) -> Result<Option<WindowClass>, PortError> {
        let hours = self.hours().await?;
        let to = &notification.recipient;
        let known = &notification.window_class;
        if let Some(template) = self.template(&notification.template).await? {
            return Ok(window_class(&template, channel, &hours, notification.origin(), to));
        }
        let Some(window) = known.window() else { return Ok(Some(known.clone())) };
        // What the template took it for is not known any more.
        let strictest = hours_of(
            notification.origin(),
            Category::Advertising,
            &hours,
            channel.window,
            Some(window),
        );
        let zone = to.timezone.as_deref().unwrap_or(&channel.timezone);
        Ok(match strictest {
            Hours::Within(window) => WindowClass::within(window, zone).ok(),
            Hours::Exempt | Hours::Never => None,
        })
    }

    async fn hours(&self) -> Result<HoursConfig, PortError> {
        let mut read = self.read.lock().await;
        if let Some((hours, at)) = read.hours
            && at.elapsed() < FRESH
        {
            return Ok(hours);
        }
        // From before it was asked for: it may be as old as that.
        let at = Instant::now();
        let hours = self.catalog.hours().await?;
        read.hours = Some((hours, at));
        Ok(hours)
    }

    async fn template(&self, name: &str) -> Result<Option<Arc<Template>>, PortError> {
        let mut read = self.read.lock().await;
        if let Some((template, at)) = read.templates.get(name)
            && at.elapsed() < FRESH
        {
            return Ok(template.clone());
        }
        let at = Instant::now();
        let template = self.catalog.template(name).await?.map(Arc::new);
        read.templates.insert(name.to_owned(), (template.clone(), at));
        Ok(template)
    }
}
