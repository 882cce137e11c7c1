use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::*;
use crate::domain::{Audience, Producer, Schedule};
use crate::ports::ListedProducers;

/// A catalog with one template, which has been saved a number of times.
struct OneTemplate {
    present_revision: AtomicU64,
    /// The revisions that were read from the history.
    reads: StdMutex<Vec<u64>>,
}

fn template(revision: u64) -> Template {
    serde_json::from_value(serde_json::json!({
        "name": "t",
        "category": "informational",
        "variants": [
            { "channel": "sms", "content": { "type": "sms", "body": format!("{revision}") } },
        ],
    }))
    .expect("a template")
}

impl OneTemplate {
    fn saved(times: u64) -> Arc<Self> {
        Arc::new(Self { present_revision: AtomicU64::new(times), reads: StdMutex::default() })
    }

    fn reads(&self) -> Vec<u64> {
        self.reads.lock().expect("the reads").clone()
    }
}

#[async_trait]
impl Catalog for OneTemplate {
    async fn channel(&self, _: &str) -> Result<Option<Channel>, PortError> {
        Ok(None)
    }
    async fn template(&self, _: &str) -> Result<Option<Revised<Template>>, PortError> {
        let revision = self.present_revision.load(Ordering::Relaxed);
        Ok(Some(Revised { revision, document: template(revision) }))
    }
    async fn template_revision(
        &self,
        _: &str,
        revision: u64,
    ) -> Result<Option<Template>, PortError> {
        self.reads.lock().expect("the reads").push(revision);
        let is_stored = revision <= self.present_revision.load(Ordering::Relaxed);
        Ok(is_stored.then(|| template(revision)))
    }
    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        Ok(vec![])
    }
    async fn producer(&self, _: &str) -> Result<Option<Producer>, PortError> {
        Ok(None)
    }
    async fn producers(&self) -> Result<ListedProducers, PortError> {
        Ok(ListedProducers::default())
    }
    async fn schedule(&self, _: &str) -> Result<Option<Schedule>, PortError> {
        Ok(None)
    }
    async fn audience(&self, _: &str) -> Result<Option<Audience>, PortError> {
        Ok(None)
    }
    async fn hours(&self) -> Result<HoursConfig, PortError> {
        Ok(HoursConfig::default())
    }
}

fn cache(catalog: &Arc<OneTemplate>) -> CatalogCache {
    let catalog: Arc<dyn Catalog> = catalog.clone();
    CatalogCache::limited(catalog, Duration::from_secs(1))
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_read_once_however_old_the_read_is() {
    let catalog = OneTemplate::saved(2);
    let cache = cache(&catalog);
    for _ in 0..3 {
        let first = cache.template_revision("t", 1).await.expect("read");
        assert_eq!(first.as_deref(), Some(&template(1)));
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert_eq!(catalog.reads(), [1]);
}

#[tokio::test(start_paused = true)]
async fn the_present_revision_needs_no_read_of_its_own() {
    let catalog = OneTemplate::saved(2);
    let cache = cache(&catalog);
    cache.template("t").await.expect("read");
    let present = cache.template_revision("t", 2).await.expect("read");
    assert_eq!(present.as_deref(), Some(&template(2)));
    assert_eq!(catalog.reads(), Vec::<u64>::new());
}

#[tokio::test(start_paused = true)]
async fn a_template_that_changes_leaves_its_earlier_revision_as_it_was() {
    let catalog = OneTemplate::saved(1);
    let cache = cache(&catalog);
    cache.template("t").await.expect("read");
    catalog.present_revision.store(2, Ordering::Relaxed);
    tokio::time::advance(Duration::from_secs(2)).await;
    let present = cache.template("t").await.expect("read").expect("a template");
    assert_eq!(present.revision, 2);
    let first = cache.template_revision("t", 1).await.expect("read");
    assert_eq!(first.as_deref(), Some(&template(1)));
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_is_not_stored_is_asked_for_again() {
    let catalog = OneTemplate::saved(1);
    let cache = cache(&catalog);
    for _ in 0..2 {
        assert_eq!(cache.template_revision("t", 9).await.expect("read"), None);
    }
    assert_eq!(catalog.reads(), [9, 9]);
}

#[tokio::test(start_paused = true)]
async fn so_many_revisions_are_kept_at_most() {
    let kept_max = u64::try_from(REVISIONS_MAX).expect("small");
    let catalog = OneTemplate::saved(2 * kept_max);
    let cache = cache(&catalog);
    for revision in 1..=2 * kept_max {
        cache.template_revision("t", revision).await.expect("read");
        assert!(cache.entries.lock().await.revisions.len() <= REVISIONS_MAX);
    }
}
