//! Which provider a channel uses, and how the account is set up there.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::field_error::FieldError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ProviderConfig {
    /// Bizppurio: Kakao Alimtalk with text-message fallback.
    Bizppurio {
        /// `https://api.bizppurio.com`, or `https://dev-api.bizppurio.com` for the test account.
        base_url: String,
        /// The account's name at Bizppurio.
        account: String,
        /// The Kakao sender profile's key.
        sender_key: String,
        /// The registered sender number of fallback text messages.
        from: String,
        /// How the `resend` field names a long text message: `lms` or `mms`. Bizppurio's documents
        /// do not say which; ask the account manager.
        #[serde(default = "lms")]
        lms_keyword: String,
    },
}

pub(super) fn lms() -> String {
    "lms".to_owned()
}

impl ProviderConfig {
    /// The shortest wait between two attempts at one message that the provider's documents ask for.
    #[must_use]
    pub fn retry_wait_min(&self) -> SignedDuration {
        match self {
            // Bizppurio's documents ask for none.
            Self::Bizppurio { .. } => SignedDuration::ZERO,
        }
    }

    /// What has to be changed before the configuration can be used.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let Self::Bizppurio { base_url, account, sender_key, from, .. } = self;
        let has_scheme = base_url.starts_with("https://") || base_url.starts_with("http://");
        let base_url = FieldError::unless(
            has_scheme,
            "base_url",
            "must begin with https:// (or http://, for a simulated provider)",
        );
        let texts = [("account", account, 20), ("sender_key", sender_key, 40), ("from", from, 16)];
        let texts = texts.map(|(field, text, bytes_max)| {
            FieldError::unless(
                (1..=bytes_max).contains(&text.len()),
                field,
                format!("has {} bytes; must have 1 to {bytes_max}", text.len()),
            )
        });
        base_url.into_iter().chain(texts.into_iter().flatten()).collect()
    }
}
