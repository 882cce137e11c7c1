//! Reads each part of the catalog once within a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::{Channel, HoursConfig, Template};
use crate::ports::{Catalog, PortError};

pub(super) struct CatalogCache {
    catalog: Arc<dyn Catalog>,
    /// How long an entry counts as current. `None`: for as long as the cache exists.
    age_max: Option<Duration>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    templates: HashMap<String, Entry<Option<Arc<Template>>>>,
    channels: HashMap<String, Entry<Option<Arc<Channel>>>>,
    hours: Option<Entry<HoursConfig>>,
}

struct Entry<T> {
    value: T,
    /// Just before the read began: the value may be as old as that.
    read_at: Instant,
}

impl CatalogCache {
    /// Reads everything at most once. For the life of one request.
    pub(super) fn unlimited(catalog: Arc<dyn Catalog>) -> Self {
        Self { catalog, age_max: None, entries: Mutex::default() }
    }

    /// Reads everything again that was read longer than `age_max` ago.
    pub(super) fn limited(catalog: Arc<dyn Catalog>, age_max: Duration) -> Self {
        Self { catalog, age_max: Some(age_max), entries: Mutex::default() }
    }

    pub(super) async fn template(&self, name: &str) -> Result<Option<Arc<Template>>, PortError> {
        let mut entries = self.entries.lock().await;
        if let Some(template) = self.current(entries.templates.get(name)) {
            return Ok(template);
        }
        let read_at = Instant::now();
        let value = self.catalog.template(name).await?.map(Arc::new);
        entries.templates.insert(name.to_owned(), Entry { value: value.clone(), read_at });
        Ok(value)
    }

    pub(super) async fn channel(&self, name: &str) -> Result<Option<Arc<Channel>>, PortError> {
        let mut entries = self.entries.lock().await;
        if let Some(channel) = self.current(entries.channels.get(name)) {
            return Ok(channel);
        }
        let read_at = Instant::now();
        let value = self.catalog.channel(name).await?.map(Arc::new);
        entries.channels.insert(name.to_owned(), Entry { value: value.clone(), read_at });
        Ok(value)
    }

    pub(super) async fn hours(&self) -> Result<HoursConfig, PortError> {
        let mut entries = self.entries.lock().await;
        if let Some(hours) = self.current(entries.hours.as_ref()) {
            return Ok(hours);
        }
        let read_at = Instant::now();
        let value = self.catalog.hours().await?;
        entries.hours = Some(Entry { value, read_at });
        Ok(value)
    }

    fn current<T: Clone>(&self, entry: Option<&Entry<T>>) -> Option<T> {
        let is_current =
            |entry: &&Entry<T>| self.age_max.is_none_or(|max| entry.read_at.elapsed() < max);
        entry.filter(is_current).map(|entry| entry.value.clone())
    }
}
