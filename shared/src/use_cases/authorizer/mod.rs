//! Recognises callers by their API keys.
//!
//! API Gateway keeps an answer for a minute, and uses it for every route. So the answer says what a
//! key permits, and each route decides by that. Between two answers for the same key, the producer's
//! keys count as read for ten seconds.

mod refusals;
mod uses;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use self::refusals::Refusals;
use self::uses::Uses;
use crate::domain::{ApiKey, PresentedKey, Scope};
use crate::ports::{Catalog, Clock, KeyUses, PortError};

/// How long a producer's keys count as read. A deleted key is recognised for that long at most, and
/// then for as long as API Gateway keeps the answer.
const CURRENT_FOR: Duration = Duration::from_secs(10);

/// After a wrong secret of a known key, the producer is read again after this time, and no sooner, so
/// that a flood of guesses costs few reads. A key that is not known may be new, so it is looked for
/// at once.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// API Gateway waits for ten seconds.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// The most producers whose keys are remembered. A flood may make up any number of names.
const REMEMBERED_MAX: usize = 1_000;

/// A caller whose key was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorized {
    /// The name of the key's producer.
    pub producer: String,
    /// The key's id.
    pub key: String,
    /// What the key permits.
    pub scopes: Vec<Scope>,
}

#[derive(Clone)]
pub struct Authorizer {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<HashMap<String, Known>>>,
    uses: Uses,
    refusals: Arc<Refusals>,
}

/// The keys of a producer. There are none if the producer is not stored.
struct Known {
    keys: Vec<ApiKey>,
    /// Just before the read began: the keys may be as old as that.
    read_at: Instant,
}

impl Authorizer {
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, uses: Arc<dyn KeyUses>, clock: Arc<dyn Clock>) -> Self {
        Self {
            catalog,
            uses: Uses::new(uses, clock.clone()),
            clock,
            known: Arc::default(),
            refusals: Arc::default(),
        }
    }

    /// The caller who sent this header `Authorization`; `None` if it holds no valid key. A malformed
    /// key is refused without a read.
    ///
    /// # Errors
    /// [`PortError`] when nobody can say that now.
    pub async fn authorize(
        &self,
        authorization: &SecretString,
    ) -> Result<Option<Authorized>, PortError> {
        let Some(presented) = PresentedKey::read(authorization.expose_secret()) else {
            self.refusals.add();
            return Ok(None);
        };
        let Some(key) = self.recognised(&presented).await? else {
            self.refusals.add();
            return Ok(None);
        };
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        if key.has_expired(now) {
            tracing::warn!(key = key.id, "an API key was refused, because it has expired");
            return Ok(None);
        }
        self.uses.record(&key.id).await;
        let scopes = key.scopes.iter().copied().collect();
        Ok(Some(Authorized { producer: presented.producer, key: key.id, scopes }))
    }

    async fn recognised(&self, presented: &PresentedKey) -> Result<Option<ApiKey>, PortError> {
        let mut known = self.known.lock().await;
        if let Some(Known { keys, read_at }) = known.get(&presented.producer) {
            let age = read_at.elapsed();
            let found = ApiKey::recognised(keys, presented).cloned();
            let is_listed = keys.iter().any(|key| key.id == presented.id);
            let holds_for = if found.is_some() { CURRENT_FOR } else { READ_AGAIN_AFTER };
            if is_listed && age < holds_for {
                return Ok(found);
            }
        }
        let read_at = Instant::now();
        let read = timeout(READ_WITHIN, self.catalog.producer(&presented.producer)).await;
        let read = read.unwrap_or_else(|_| {
            let detail = "it has not answered in time".to_owned();
            Err(PortError::Unavailable { what: "the catalog table", detail })
        });
        let keys = read?.map(|producer| producer.keys).unwrap_or_default();
        let found = ApiKey::recognised(&keys, presented).cloned();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(presented.producer.clone(), Known { keys, read_at });
        Ok(found)
    }
}
