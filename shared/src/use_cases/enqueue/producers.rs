//! Which producer a caller is.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::domain::Producer;
use crate::domain::id::content_digest;
use crate::domain::name::is_name;
use crate::domain::producer::Grants;
use crate::ports::{Catalog, Clock, ListedProducers, PortError};

/// How long a change of the producers may go unnoticed.
const AGE_MAX_MS: i64 = 60_000;

/// A producer that is not known may have been stored a moment ago. It is looked for again after this
/// time, and no sooner, so that callers of no producer cost few reads.
const LOOK_AGAIN_AFTER_MS: i64 = 1_000;

const NAME_CHARACTERS_MAX: usize = 64;

/// How many hexadecimal digits of a principal's digest become part of a producer's name.
const DIGEST_CHARACTERS: usize = 8;

/// The catalog's producers, read at most once a minute.
#[derive(Clone)]
pub struct Producers {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    cached: Arc<Mutex<Cached>>,
}

#[derive(Default)]
struct Cached {
    producers: Vec<Arc<Producer>>,
    /// How many producers could not be read.
    unreadable: usize,
    read_at_ms: Option<i64>,
}

/// Why a caller may not ask for anything.
#[derive(Debug, thiserror::Error)]
pub enum NoProducer {
    /// The caller's role or user has the name of a producer, without being one of its principals.
    #[error(
        "the role or user {principal:?} is not a principal of the producer {name:?}; an operator \
         must add it to the principals of the producer that it belongs to"
    )]
    NameTaken { principal: String, name: String },
    /// The caller's API key belongs to a producer that is not stored any more.
    #[error(
        "the producer {name:?} of this API key is not stored any more; an operator must store it"
    )]
    Deleted { name: String },
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Producers {
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, clock: Arc<dyn Clock>) -> Self {
        Self { catalog, clock, cached: Arc::default() }
    }

    /// The producer of a caller: the stored one that names the caller's role or user among its
    /// principals, or else one that nothing restricts, with the name of the role or user. IAM's names
    /// differ by more than the case of their letters, so the case does not count.
    ///
    /// # Errors
    /// [`NoProducer`]. While a producer cannot be read, a caller that no other producer names gets
    /// [`PortError::Unavailable`]: the caller may be that producer, whose grants are not known.
    pub async fn of(&self, principal: &str) -> Result<Arc<Producer>, NoProducer> {
        let cached = self.current(AGE_MAX_MS).await?;
        let is_principal = |producer: &&Arc<Producer>| {
            producer.principals.iter().any(|name| name.eq_ignore_ascii_case(principal))
        };
        if let Some(producer) = cached.producers.iter().find(is_principal) {
            return Ok(Arc::clone(producer));
        }
        if cached.unreadable > 0 {
            return Err(unreadable(cached.unreadable).into());
        }
        let name = name_of(principal);
        // Otherwise anybody who may create a role could read and cancel another producer's
        // messages.
        let is_reserved = [Producer::ALIMI, Producer::SCHEDULES].contains(&name.as_str());
        if is_reserved || cached.producers.iter().any(|producer| producer.name == name) {
            return Err(NoProducer::NameTaken { principal: principal.to_owned(), name });
        }
        Ok(Arc::new(Producer { name, principals: vec![], grants: Grants::default(), keys: vec![] }))
    }

    /// The stored producer of this name, whose API key the caller has.
    ///
    /// # Errors
    /// [`NoProducer`]. An unknown producer is never taken for one that nothing restricts.
    pub async fn named(&self, name: &str) -> Result<Arc<Producer>, NoProducer> {
        let mut unreadable_count = 0;
        for age_max_ms in [AGE_MAX_MS, LOOK_AGAIN_AFTER_MS] {
            let cached = self.current(age_max_ms).await?;
            if let Some(producer) = cached.producers.iter().find(|its| its.name == name) {
                return Ok(Arc::clone(producer));
            }
            unreadable_count = cached.unreadable;
        }
        if unreadable_count > 0 {
            return Err(unreadable(unreadable_count).into());
        }
        Err(NoProducer::Deleted { name: name.to_owned() })
    }

    /// The producers as they were at most so long ago.
    async fn current(&self, age_max_ms: i64) -> Result<MutexGuard<'_, Cached>, PortError> {
        let mut cached = self.cached.lock().await;
        let now_ms = self.clock.now_ms();
        // A clock that was set back makes an entry's age negative: the entry is read again.
        let is_current = cached
            .read_at_ms
            .is_some_and(|read_at_ms| (0..age_max_ms).contains(&(now_ms - read_at_ms)));
        if !is_current {
            let ListedProducers { producers, unreadable } = self.catalog.producers().await?;
            let producers = producers.into_iter().map(Arc::new).collect();
            *cached = Cached { producers, unreadable, read_at_ms: Some(now_ms) };
        }
        Ok(cached)
    }
}

fn unreadable(count: usize) -> PortError {
    PortError::Unavailable {
        what: "the caller's producer",
        detail: format!("{count} producers cannot be read"),
    }
}

/// The name of a role or user in the characters that a producer's name may have. A name that has to
/// be changed by more than the case of its letters gets a digest, so that two roles such as
/// `orders_api` and `orders.api` are two producers.
fn name_of(principal: &str) -> String {
    let lower = principal.to_ascii_lowercase();
    if is_name(&lower) {
        return lower;
    }
    let permitted = |character: char| match character {
        'a'..='z' | '0'..='9' | '-' => character,
        _ => '-',
    };
    let kept = NAME_CHARACTERS_MAX - 1 - DIGEST_CHARACTERS;
    let similar: String = lower.chars().take(kept).map(permitted).collect();
    let digest: String =
        content_digest(principal.as_bytes()).chars().take(DIGEST_CHARACTERS).collect();
    format!("{similar}-{digest}")
}

#[cfg(test)]
mod tests {
    use std::sync::PoisonError;
    use std::sync::atomic::{AtomicI64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};
    use crate::ports::Revised;

    /// A catalog that has producers only.
    #[derive(Default)]
    struct OnlyProducers(std::sync::Mutex<ListedProducers>);

    impl OnlyProducers {
        fn store(&self, name: &str, principal: &str) {
            let producer = Producer {
                name: name.into(),
                principals: vec![principal.into()],
                grants: Grants { templates: Some(vec!["order".into()]), ..Grants::default() },
                keys: vec![],
            };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).producers.push(producer);
        }

        fn set_unreadable(&self, unreadable: usize) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).unreadable = unreadable;
        }
    }

    #[async_trait]
    impl Catalog for OnlyProducers {
        async fn channel(&self, _name: &str) -> Result<Option<Channel>, PortError> {
            Ok(None)
        }

        async fn template(&self, _name: &str) -> Result<Option<Revised<Template>>, PortError> {
            Ok(None)
        }

        async fn template_revision(
            &self,
            _name: &str,
            _revision: u64,
        ) -> Result<Option<Template>, PortError> {
            Ok(None)
        }

        async fn channels(&self) -> Result<Vec<Channel>, PortError> {
            Ok(vec![])
        }

        async fn producer(&self, _name: &str) -> Result<Option<Producer>, PortError> {
            Ok(None)
        }

        async fn producers(&self) -> Result<ListedProducers, PortError> {
            Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
        }

        async fn schedule(&self, _name: &str) -> Result<Option<Schedule>, PortError> {
            Ok(None)
        }

        async fn audience(&self, _name: &str) -> Result<Option<Audience>, PortError> {
            Ok(None)
        }

        async fn hours(&self) -> Result<HoursConfig, PortError> {
            Ok(HoursConfig::default())
        }
    }

    #[derive(Default)]
    struct StoppedClock(AtomicI64);

    impl Clock for StoppedClock {
        fn now_us(&self) -> i64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    struct Fixture {
        catalog: Arc<OnlyProducers>,
        clock: Arc<StoppedClock>,
        producers: Producers,
    }

    fn fixture() -> Fixture {
        let (catalog, clock) = (Arc::<OnlyProducers>::default(), Arc::<StoppedClock>::default());
        let producers = Producers::new(catalog.clone(), clock.clone());
        Fixture { catalog, clock, producers }
    }

    #[tokio::test]
    async fn a_role_that_a_producer_names_is_that_producer() {
        let Fixture { catalog, producers, .. } = fixture();
        catalog.store("shop", "Shop-Backend");
        let shop = producers.of("Shop-Backend").await.expect("a producer");
        assert_eq!(shop.name, "shop");
        assert!(shop.grants.templates.is_some());
    }

    #[tokio::test]
    async fn any_other_role_is_a_producer_of_its_own_name_without_grants() {
        let Fixture { catalog, producers, .. } = fixture();
        catalog.store("shop", "shop-backend");
        let other = producers.of("School_Service@2").await.expect("a producer");
        assert_eq!(other.name, "school-service-2-ebeaa4c6");
        assert_eq!(other.grants, Grants::default());
        let similar = producers.of("School-Service").await.expect("a producer");
        assert_eq!(similar.name, "school-service");
    }

    #[tokio::test]
    async fn roles_with_similar_names_are_different_producers() {
        let Fixture { producers, .. } = fixture();
        let underscore = producers.of("orders_api").await.expect("a producer");
        let full_stop = producers.of("orders.api").await.expect("a producer");
        assert_eq!(underscore.name, "orders-api-f8d169f1");
        assert_eq!(full_stop.name, "orders-api-37a371bc");
    }

    #[tokio::test]
    async fn a_role_is_its_producer_whatever_the_case_of_its_letters() {
        let Fixture { catalog, producers, .. } = fixture();
        catalog.store("shop", "Shop-Backend");
        assert_eq!(producers.of("shop-BACKEND").await.expect("a producer").name, "shop");
    }

    #[tokio::test]
    async fn while_a_producer_cannot_be_read_a_role_that_no_other_names_has_to_try_again() {
        let Fixture { catalog, clock, producers } = fixture();
        catalog.store("shop", "shop-backend");
        catalog.set_unreadable(1);
        assert_eq!(producers.of("shop-backend").await.expect("a producer").name, "shop");
        let refused = producers.of("school").await.expect_err("refused");
        assert!(matches!(refused, NoProducer::Port(PortError::Unavailable { .. })), "{refused}");
        catalog.set_unreadable(0);
        clock.0.store(60_000_000, Ordering::Relaxed);
        assert_eq!(producers.of("school").await.expect("a producer").name, "school");
    }

    #[tokio::test]
    async fn a_role_is_not_another_producer_just_because_of_its_name() {
        let Fixture { catalog, producers, .. } = fixture();
        catalog.store("shop", "shop-backend");
        for principal in ["shop", "Shop", "alimi", "schedules"] {
            let refused = producers.of(principal).await.expect_err("refused");
            assert!(matches!(refused, NoProducer::NameTaken { .. }), "{principal}: {refused}");
        }
    }

    #[tokio::test]
    async fn a_change_of_the_producers_counts_within_a_minute() {
        let Fixture { catalog, clock, producers } = fixture();
        let name_at = async |at_ms: i64, principal: &str| {
            clock.0.store(at_ms * 1000, Ordering::Relaxed);
            producers.of(principal).await.expect("a producer").name.clone()
        };
        assert_eq!(name_at(0, "backend").await, "backend");
        catalog.store("shop", "backend");
        assert_eq!(name_at(59_999, "backend").await, "backend");
        assert_eq!(name_at(60_000, "backend").await, "shop");
        catalog.store("school", "teachers");
        assert_eq!(name_at(1_000, "teachers").await, "school", "the clock was set back");
    }

    #[tokio::test]
    async fn a_key_belongs_to_the_stored_producer_of_its_name_and_never_to_another() {
        let Fixture { catalog, clock, producers } = fixture();
        let at = |at_ms: i64| clock.0.store(at_ms * 1000, Ordering::Relaxed);
        let refused = producers.named("shop").await.expect_err("not stored");
        assert!(matches!(refused, NoProducer::Deleted { .. }), "{refused}");
        catalog.store("shop", "shop-backend");
        at(999);
        assert!(producers.named("shop").await.is_err(), "nobody looks again within a second");
        at(1_000);
        let shop = producers.named("shop").await.expect("stored by now");
        assert!(shop.grants.templates.is_some(), "with its grants");
        catalog.set_unreadable(1);
        at(120_000);
        assert!(producers.named("shop").await.is_ok());
        let unknown = producers.named("school").await.expect_err("it may be the unreadable one");
        assert!(matches!(unknown, NoProducer::Port(_)), "{unknown}");
    }

    #[test]
    fn every_role_has_a_name_that_a_producer_may_have() {
        let longest = "R".repeat(70);
        for principal in ["a", "Role+=,.@_-1", "역할", longest.as_str()] {
            assert!(is_name(&name_of(principal)), "{principal}");
        }
    }
}
