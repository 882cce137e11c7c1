//! Reads each part of the catalog once within a time.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::{Channel, HoursConfig, Template};
use crate::ports::{Catalog, PortError, Revised};

/// How many revisions of templates are kept. A lane's queue rarely holds messages of more.
const REVISIONS_MAX: usize = 256;

pub(super) struct CatalogCache {
    catalog: Arc<dyn Catalog>,
    /// How long an entry counts as current. `None`: for as long as the cache exists.
    age_max: Option<Duration>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    templates: HashMap<String, Entry<Option<Arc<Revised<Template>>>>>,
    /// By name and revision. A revision never changes, so these are current at any age.
    revisions: HashMap<(String, u64), Arc<Template>>,
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

    pub(super) async fn template(
        &self,
        name: &str,
    ) -> Result<Option<Arc<Revised<Template>>>, PortError> {
        let mut entries = self.entries.lock().await;
        if let Some(template) = self.current(entries.templates.get(name)) {
            return Ok(template);
        }
        let read_at = Instant::now();
        let value = self.catalog.template(name).await?.map(Arc::new);
        entries.templates.insert(name.to_owned(), Entry { value: value.clone(), read_at });
        Ok(value)
    }

    /// A template as it was at a revision; `None` when that revision is not stored.
    pub(super) async fn template_revision(
        &self,
        name: &str,
        revision: u64,
    ) -> Result<Option<Arc<Template>>, PortError> {
        let mut entries = self.entries.lock().await;
        let key = (name.to_owned(), revision);
        if let Some(template) = entries.revisions.get(&key) {
            return Ok(Some(Arc::clone(template)));
        }
        let template = match entries.read_before(name, revision) {
            Some(template) => Some(template),
            None => self.catalog.template_revision(name, revision).await?,
        };
        let Some(template) = template.map(Arc::new) else { return Ok(None) };
        if entries.revisions.len() >= REVISIONS_MAX {
            entries.revisions.clear();
        }
        entries.revisions.insert(key, Arc::clone(&template));
        Ok(Some(template))
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

impl Entries {
    /// The revision, if it was read as the template's present one. Most messages are of the present
    /// revision, so their texts cost no read of their own.
    fn read_before(&self, name: &str, revision: u64) -> Option<Template> {
        let present = self.templates.get(name)?.value.as_ref()?;
        (present.revision == revision).then(|| present.document.clone())
    }
}
