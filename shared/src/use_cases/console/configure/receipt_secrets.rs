//! The secrets of a channel's webhook. Each is made here and shown once. Only its hash is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::ConfigureCatalog;
use super::changes::NotChanged;
use super::edits::Edit;
use crate::domain::{FieldError, RECEIPT_SECRETS_MAX, ReceiptSecret, SecretDigest};
use crate::ports::{Kind, PortError};

/// The field of a channel's document.
const FIELD: &str = "receipt_secrets";

/// A new secret.
#[derive(Clone, Debug)]
pub struct NewReceiptSecret {
    pub id: String,
    pub secret: SecretString,
    pub created_at: Timestamp,
}

impl ConfigureCatalog {
    /// Makes a secret for a channel's webhook. The earlier secrets stay valid.
    ///
    /// Repeating this makes another secret, because the lost one cannot be shown again.
    pub async fn make_receipt_secret(
        &self,
        channel: &str,
        by: &str,
    ) -> Result<NewReceiptSecret, NotChanged> {
        let secret = URL_SAFE_NO_PAD.encode(self.randomness.secret_bytes()?);
        let made = ReceiptSecret {
            id: format!("{:016x}", self.randomness.next_u64()),
            sha256: SecretDigest::of(&secret),
            created_at: Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default(),
        };
        let edited = self.edit(Kind::Channel, channel, by, |fields| {
            let mut secrets = stored_secrets(fields.get(FIELD))?;
            if secrets.len() >= RECEIPT_SECRETS_MAX {
                let detail = format!(
                    "has {} secrets; must have at most {RECEIPT_SECRETS_MAX}: delete one that the \
                     provider no longer uses first",
                    secrets.len()
                );
                return Err(NotChanged::Full(FieldError::new(FIELD, detail)));
            }
            secrets.push(made.clone());
            replace(fields, &secrets)?;
            Ok(Edit::Save)
        });
        edited.await?;
        let ReceiptSecret { id, sha256: _, created_at } = made;
        Ok(NewReceiptSecret { id, secret: SecretString::from(secret), created_at })
    }

    /// Deletes a secret of a channel's webhook. `false` when the channel has no secret of this id.
    pub async fn delete_receipt_secret(
        &self,
        channel: &str,
        id: &str,
        by: &str,
    ) -> Result<bool, NotChanged> {
        let edited = self.edit(Kind::Channel, channel, by, |fields| {
            let mut secrets = stored_secrets(fields.get(FIELD))?;
            let before = secrets.len();
            secrets.retain(|known| known.id != id);
            if secrets.len() == before {
                return Ok(Edit::Keep);
            }
            replace(fields, &secrets)?;
            Ok(Edit::Save)
        });
        let (_, edit) = edited.await?;
        Ok(edit == Edit::Save)
    }
}

/// Reads the secrets of a stored channel's field.
///
/// # Errors
/// [`PortError::Unusable`]: whoever saved the channel without them would lock the provider out.
pub(super) fn stored_secrets(field: Option<&Value>) -> Result<Vec<ReceiptSecret>, PortError> {
    let Some(field) = field else { return Ok(vec![]) };
    serde_json::from_value(field.clone()).map_err(|_| PortError::Unusable {
        what: "the catalog",
        detail: "the receipt secrets of a channel do not decode".to_owned(),
    })
}

fn replace(fields: &mut Map<String, Value>, secrets: &[ReceiptSecret]) -> Result<(), PortError> {
    if secrets.is_empty() {
        fields.remove(FIELD);
        return Ok(());
    }
    let secrets = serde_json::to_value(secrets)
        .map_err(|error| PortError::Unusable { what: "the catalog", detail: error.to_string() })?;
    fields.insert(FIELD.to_owned(), secrets);
    Ok(())
}
