//! API keys: by them a service proves which producer it is, without AWS credentials. Only their
//! hashes are stored, in the producer's document.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::name::is_name;
use super::receipt_secret::SecretDigest;
use super::written;

/// The most keys of a producer at a time.
pub const API_KEYS_MAX: usize = 10;

/// How a key begins, so that people and secret scanners recognise one.
const START: &str = "ak_";

/// The hexadecimal digits of a key's number.
const NUMBER_DIGITS: usize = 16;

/// The characters of a key's secret: 256 bits as base64url.
const SECRET_CHARACTERS: usize = 43;

/// One key of a producer. A producer may have several, so that one can replace another while both
/// are valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The producer's name, a full stop and a number. Not secret: lists, logs and audits show it.
    pub id: String,
    /// SHA-256 of the whole key.
    pub sha256: SecretDigest,
    /// What the key permits.
    pub scopes: BTreeSet<Scope>,
    #[serde(deserialize_with = "written::time")]
    pub created_at: Timestamp,
    /// The operator who made it.
    pub created_by: String,
    /// From this time on the key is refused; `None`: it does not expire.
    #[serde(
        default,
        deserialize_with = "written::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub expires_at: Option<Timestamp>,
}

/// What a key permits. Each route of producers needs one scope.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    IntoStaticStr,
    VariantArray,
)]
pub enum Scope {
    /// Reads notifications and sequences.
    #[serde(rename = "notifications:read")]
    #[strum(serialize = "notifications:read")]
    Read,
    /// Stores and cancels notifications and sequences.
    #[serde(rename = "notifications:write")]
    #[strum(serialize = "notifications:write")]
    Write,
}

impl Scope {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl ApiKey {
    /// The id of a producer's key.
    #[must_use]
    pub fn id_of(producer: &str, number: u64) -> String {
        format!("{producer}.{number:0NUMBER_DIGITS$x}")
    }

    /// The text that a service sends.
    #[must_use]
    pub fn text(id: &str, secret: &str) -> String {
        format!("{START}{id}_{secret}")
    }

    /// The key that a caller has presented, if it is one of these. It may have expired.
    ///
    /// The time that this takes must not reveal a key. So hashes are compared, in constant time, and
    /// each known key is compared, also after a match.
    #[must_use]
    pub fn recognised<'a>(known: &'a [Self], presented: &PresentedKey) -> Option<&'a Self> {
        let mut found = None;
        for key in known {
            if key.sha256.equals_in_constant_time(&presented.sha256) {
                found = Some(key);
            }
        }
        found
    }

    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// A well-formed key that a caller has presented. It does not hold the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedKey {
    /// The producer whose key it claims to be.
    pub producer: String,
    /// The id of the key that it claims to be.
    pub id: String,
    sha256: SecretDigest,
}

impl PresentedKey {
    /// Reads a header `Authorization: Bearer ak_…`. `None` for everything else: no producer has such
    /// a key, so nobody has to look for it.
    #[must_use]
    pub fn read(authorization: &str) -> Option<Self> {
        let (scheme, text) = authorization.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let text = text.trim_start();
        // A name has no underscore, and a secret may have some.
        let (id, secret) = text.strip_prefix(START)?.split_once('_')?;
        let (producer, number) = id.rsplit_once('.')?;
        let is_number = number.len() == NUMBER_DIGITS
            && number.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let is_secret = secret.len() == SECRET_CHARACTERS
            && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (is_name(producer) && is_number && is_secret).then(|| Self {
            producer: producer.to_owned(),
            id: id.to_owned(),
            sha256: SecretDigest::of(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_-9z";

    fn text(number: u64) -> String {
        ApiKey::text(&ApiKey::id_of("shop", number), SECRET)
    }

    fn key(number: u64, expires_at: Option<&str>) -> ApiKey {
        ApiKey {
            id: ApiKey::id_of("shop", number),
            sha256: SecretDigest::of(&text(number)),
            scopes: [Scope::Read].into(),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "kim".into(),
            expires_at: expires_at.map(|at| at.parse().expect("a time")),
        }
    }

    fn presented(text: &str) -> PresentedKey {
        PresentedKey::read(&format!("Bearer {text}")).expect("a well-formed key")
    }

    fn recognised<'a>(known: &'a [ApiKey], text: &str) -> Option<&'a str> {
        ApiKey::recognised(known, &presented(text)).map(|key| key.id.as_str())
    }

    #[test]
    fn each_of_the_keys_is_recognised_and_no_other() {
        let known = [key(1, None), key(2, None)];
        assert_eq!(recognised(&known, &text(1)), Some("shop.0000000000000001"));
        assert_eq!(recognised(&known, &text(2)), Some("shop.0000000000000002"));
        assert_eq!(recognised(&known, &text(3)), None, "the right secret under another id");
        let other = text(1).replace("_-9z", "_-9y");
        assert_eq!(recognised(&known, &other), None, "another secret under the right id");
        assert_eq!(recognised(&[], &text(1)), None);
    }

    #[test]
    fn a_key_expires_at_its_time_and_not_before() {
        let key = key(1, Some("2026-03-02T01:00:00Z"));
        let has_expired = |now: &str| key.has_expired(now.parse().expect("a time"));
        assert!(!has_expired("2026-03-02T00:59:59Z"));
        assert!(has_expired("2026-03-02T01:00:00Z"));
    }

    #[test]
    fn only_a_well_formed_key_behind_bearer_is_read() {
        let good = text(1);
        for header in
            [format!("Bearer {good}"), format!("bearer {good}"), format!(" BEARER  {good} ")]
        {
            let read = PresentedKey::read(&header).expect("a key");
            assert_eq!((read.producer.as_str(), &read), ("shop", &presented(&good)), "{header}");
        }
        let malformed = [
            good.clone(),
            format!("Basic {good}"),
            "Bearer".into(),
            "Bearer ".into(),
            format!("Bearer {good}x"),
            format!("Bearer {}", &good[..good.len() - 1]),
            format!("Bearer {}", good.replace("ak_", "AK_")),
            format!("Bearer {}", good.replace("shop.", "Shop.")),
            format!("Bearer {}", good.replace("shop.", ".")),
            format!("Bearer {}", good.replace("shop.", "shop")),
            format!("Bearer {}", good.replace("shop.0", "shop.")),
            format!("Bearer {}", good.replace("0001_", "000g_")),
            format!("Bearer {}", good.replace("AAA", "AA=")),
            format!("Bearer {}", good.replace("AAA", "AA ")),
        ];
        for header in malformed {
            assert_eq!(PresentedKey::read(&header), None, "{header}");
        }
    }

    #[test]
    fn neither_a_stored_nor_a_presented_key_holds_the_secret() {
        let stored = serde_json::to_string(&key(1, None)).expect("JSON");
        for shown in [stored, format!("{:?}", key(1, None)), format!("{:?}", presented(&text(1)))] {
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }

    #[test]
    fn scopes_are_written_alike_everywhere() {
        for scope in Scope::VARIANTS {
            assert_eq!(serde_json::to_value(scope).expect("JSON"), scope.as_str());
        }
    }
}
