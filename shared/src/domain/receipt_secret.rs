//! The secrets by which a channel's webhook recognises its provider. Only their hashes are stored.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::written;

/// One secret of a channel's webhook. A channel may have several, so that one can replace another
/// without a receipt being refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSecret {
    /// Names the secret, so that an operator can delete it.
    pub id: String,
    /// SHA-256 of the secret.
    pub sha256: SecretDigest,
    #[serde(deserialize_with = "written::time")]
    pub created_at: Timestamp,
}

/// The most secrets of a channel at a time.
pub const RECEIPT_SECRETS_MAX: usize = 5;

/// SHA-256 of a secret: 64 hexadecimal digits as a text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretDigest([u8; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256: 64 lower-case hexadecimal digits")]
pub struct MalformedDigest;

impl SecretDigest {
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Whether one of the known secrets has this digest.
    ///
    /// The time that this takes must not reveal a secret. So digests are compared, which all have
    /// the same length, and each known one is compared, also after a match.
    #[must_use]
    pub fn is_one_of(&self, known: &[Self]) -> bool {
        let matches = known.iter().fold(Choice::from(0), |any, known| any | known.0.ct_eq(&self.0));
        bool::from(matches)
    }

    /// Compares two digests in a time that does not depend on where they differ.
    #[must_use]
    pub fn equals_in_constant_time(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest")
    }
}

impl From<SecretDigest> for String {
    fn from(digest: SecretDigest) -> Self {
        use fmt::Write as _;
        digest.0.iter().fold(Self::with_capacity(64), |mut text, byte| {
            // Writing into a String cannot fail.
            let _written = write!(text, "{byte:02x}");
            text
        })
    }
}

impl TryFrom<String> for SecretDigest {
    type Error = MalformedDigest;

    fn try_from(text: String) -> Result<Self, MalformedDigest> {
        let digits: Vec<u8> = text
            .bytes()
            .map(|digit| match digit {
                b'0'..=b'9' => Ok(digit - b'0'),
                b'a'..=b'f' => Ok(digit - b'a' + 10),
                _ => Err(MalformedDigest),
            })
            .collect::<Result<_, _>>()?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |b, d| 16 * b + d)).collect();
        if digits.len() != 64 {
            return Err(MalformedDigest);
        }
        bytes.try_into().map(Self).map_err(|_| MalformedDigest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_secrets_is_recognised_and_no_other() {
        let known = ["old", "new"].map(SecretDigest::of);
        assert!(SecretDigest::of("old").is_one_of(&known));
        assert!(SecretDigest::of("new").is_one_of(&known));
        assert!(!SecretDigest::of("ne").is_one_of(&known));
        assert!(!SecretDigest::of("").is_one_of(&[]));
    }

    #[test]
    fn a_digest_is_read_back_from_its_text() {
        let digest = SecretDigest::of("secret");
        assert_eq!(SecretDigest::try_from(String::from(digest.clone())), Ok(digest));
        for text in ["", "0", &"g".repeat(64), &"0".repeat(63), &"0".repeat(66)] {
            assert_eq!(SecretDigest::try_from(text.to_owned()), Err(MalformedDigest), "{text}");
        }
    }

    #[test]
    fn a_stored_secret_does_not_hold_the_secret() {
        let secret = ReceiptSecret {
            id: "a".into(),
            sha256: SecretDigest::of("plain"),
            created_at: Timestamp::UNIX_EPOCH,
        };
        let stored = serde_json::to_string(&secret).expect("JSON");
        assert!(!stored.contains("plain"), "{stored}");
    }
}
