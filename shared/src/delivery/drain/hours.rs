//! The hours rule at departure, by the configuration as it is now.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::delivery::compose::window_class;
use crate::domain::{Channel, HoursConfig, Notification, Template, WindowClass};
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

    /// The class that a message belongs to now. One whose template is gone, or has no hours any
    /// more, stays in its own: nobody can say better.
    pub(super) async fn class_of(
        &self,
        notification: &Notification,
        channel: &Channel,
    ) -> Result<WindowClass, PortError> {
        let hours = self.hours().await?;
        let Some(template) = self.template(&notification.template).await? else {
            return Ok(notification.window_class.clone());
        };
        let class = window_class(
            &template,
            channel,
            &hours,
            notification.priority,
            &notification.recipient,
        );
        Ok(class.unwrap_or_else(|| notification.window_class.clone()))
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
