//! The API keys of a producer. Each is made here and shown once. Only its hash is stored.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::ConfigureCatalog;
use super::changes::NotChanged;
use super::edits::Edit;
use super::entry::read;
use crate::domain::{API_KEYS_MAX, ApiKey, FieldError, Producer, Scope, SecretDigest};
use crate::ports::{Kind, PortError};

/// The field of a producer's document.
const FIELD: &str = "keys";

/// A new key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub stored: ApiKey,
    /// The text that the service sends.
    pub text: SecretString,
}

/// A stored key, and when it was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    pub stored: ApiKey,
    /// To the hour. `None`: never.
    pub last_used_at: Option<Timestamp>,
    pub has_expired: bool,
}

impl ConfigureCatalog {
    /// Makes a key for a producer. The earlier keys stay valid.
    ///
    /// Repeating this makes another key, because the lost one cannot be shown again. The list shows
    /// the lost one as never used.
    pub async fn make_api_key(
        &self,
        producer: &str,
        scopes: BTreeSet<Scope>,
        expires_at: Option<Timestamp>,
        by: &str,
    ) -> Result<NewApiKey, NotChanged> {
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        if scopes.is_empty() {
            let must = "is empty; must have at least one scope";
            return Err(FieldError::new("scopes", must).into());
        }
        if let Some(expires_at) = expires_at.filter(|expires_at| *expires_at <= now) {
            let detail = format!("is {expires_at}; must be later than now, which is {now}");
            return Err(FieldError::new("expires_at", detail).into());
        }
        let secret = URL_SAFE_NO_PAD.encode(self.randomness.secret_bytes()?);
        let id = ApiKey::id_of(producer, self.randomness.next_u64());
        let text = ApiKey::text(&id, &secret);
        let stored = ApiKey {
            id,
            sha256: SecretDigest::of(&text),
            scopes,
            created_at: now,
            created_by: by.to_owned(),
            expires_at,
        };
        let edited = self.edit(Kind::Producer, producer, by, |fields| {
            let mut keys = stored_keys(fields.get(FIELD))?;
            if keys.len() >= API_KEYS_MAX {
                let detail = format!(
                    "has {} keys; must have at most {API_KEYS_MAX}: delete one that the service no \
                     longer sends first",
                    keys.len()
                );
                return Err(NotChanged::Full(FieldError::new(FIELD, detail)));
            }
            keys.push(stored.clone());
            replace(fields, &keys)?;
            Ok(Edit::Save)
        });
        edited.await?;
        Ok(NewApiKey { stored, text: SecretString::from(text) })
    }

    /// Deletes a key of a producer. `false` when the producer has no key of this id.
    pub async fn delete_api_key(
        &self,
        producer: &str,
        id: &str,
        by: &str,
    ) -> Result<bool, NotChanged> {
        let edited = self.edit(Kind::Producer, producer, by, |fields| {
            let mut keys = stored_keys(fields.get(FIELD))?;
            let before = keys.len();
            keys.retain(|known| known.id != id);
            if keys.len() == before {
                return Ok(Edit::Keep);
            }
            replace(fields, &keys)?;
            Ok(Edit::Save)
        });
        let (_, edit) = edited.await?;
        Ok(edit == Edit::Save)
    }

    /// The keys of a producer, oldest first; `None` when there is no such producer.
    pub async fn api_keys(&self, producer: &str) -> Result<Option<Vec<ListedKey>>, PortError> {
        let Some(document) = self.documents.document(Kind::Producer, producer).await? else {
            return Ok(None);
        };
        let producer: Producer = read(&document)?;
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let mut listed = Vec::with_capacity(producer.keys.len());
        for stored in producer.keys {
            let last_use_ms = self.key_uses.last_use_ms(&stored.id).await?;
            listed.push(ListedKey {
                last_used_at: last_use_ms.and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok()),
                has_expired: stored.has_expired(now),
                stored,
            });
        }
        Ok(Some(listed))
    }
}

/// Reads the keys of a stored producer's field.
///
/// # Errors
/// [`PortError::Unusable`]: whoever saved the producer without them would lock the service out.
pub(super) fn stored_keys(field: Option<&Value>) -> Result<Vec<ApiKey>, PortError> {
    let Some(field) = field else { return Ok(vec![]) };
    serde_json::from_value(field.clone()).map_err(|_| PortError::Unusable {
        what: "the catalog",
        detail: "the API keys of a producer do not decode".to_owned(),
    })
}

fn replace(fields: &mut Map<String, Value>, keys: &[ApiKey]) -> Result<(), PortError> {
    if keys.is_empty() {
        fields.remove(FIELD);
        return Ok(());
    }
    let keys = serde_json::to_value(keys)
        .map_err(|error| PortError::Unusable { what: "the catalog", detail: error.to_string() })?;
    fields.insert(FIELD.to_owned(), keys);
    Ok(())
}
