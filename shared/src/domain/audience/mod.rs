//! Audiences: whom a schedule's messages go to, with which variables.

pub mod file;

use serde::{Deserialize, Serialize};

use self::file::{AudienceFormat, Member};
use super::channel::is_name;
use super::notification::Recipient;
use super::phone::PhoneNumber;
use super::zone::{MUST_BE_A_ZONE, zone};

/// Who, and from where the members are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Its name, unique in the stack.
    #[serde(default)]
    pub name: String,
    /// Where its members are.
    pub source: AudienceSource,
}

/// Where an audience's members are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AudienceSource {
    /// Uploaded, and kept in the database.
    Members {
        /// Which upload holds: an upload replaces the one before once it is complete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// How many members that upload has.
        #[serde(default)]
        size: u64,
    },
    /// A file in S3, read anew by each run.
    S3 {
        /// The bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// How the file is written.
        format: AudienceFormat,
    },
}

/// An audience as one run sees it from its beginning to its end, whatever changes meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PinnedAudience {
    /// One upload.
    Members {
        /// The audience.
        audience: String,
        /// The upload.
        version: String,
        /// How many members it has.
        size: u64,
    },
    /// One state of a file.
    S3 {
        /// The bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// How the file is written.
        format: AudienceFormat,
        /// S3's name for this content.
        etag: String,
        /// How long it is.
        bytes: u64,
    },
}

impl Audience {
    /// What is wrong with it: the field and what it must be.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, field, must: &str| {
            if !holds {
                faults.push((field, must.to_owned()));
            }
        };
        require(is_name(&self.name), "name", "must be 1 to 64 of a-z, 0-9 and -");
        if let AudienceSource::S3 { bucket, key, .. } = &self.source {
            let must = "must name a bucket: 3 to 63 of a-z, 0-9, . and -, a letter or digit first \
                        and last";
            require(is_bucket(bucket), "source.bucket", must);
            require((1..=1024).contains(&key.len()), "source.key", "must be 1 to 1024 bytes");
        }
        faults
    }
}

/// Whether a bucket may have this name: what template.yaml takes for `AudienceBucket`.
fn is_bucket(name: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    let is_outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(is_inner)
        && is_outer(bytes.first())
        && is_outer(bytes.last())
}

/// A member that nothing can be sent to. Holds nothing of the member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {must}")]
pub struct BadMember {
    /// The field at fault.
    pub field: &'static str,
    /// What it must be.
    pub must: String,
}

/// A member as the recipient of a message.
///
/// # Errors
/// Its phone number or its time zone is none.
pub fn recipient_of(member: &Member) -> Result<Recipient, BadMember> {
    let phone = member
        .phone
        .clone()
        .map(PhoneNumber::try_from)
        .transpose()
        .map_err(|error| BadMember { field: "phone", must: error.to_string() })?;
    if member.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
        let must = MUST_BE_A_ZONE.to_owned();
        return Err(BadMember { field: "timezone", must });
    }
    Ok(Recipient { id: member.id.clone(), phone, timezone: member.timezone.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_named_as_the_template_takes_them() {
        let longest = "b".repeat(63);
        for name in ["abc", "a.b", "0-9", "members.2026-eu", longest.as_str()] {
            assert!(is_bucket(name), "{name}");
        }
        let too_long = "b".repeat(64);
        for name in
            ["", "ab", "My Bucket", "Bucket", "a_b", "-ab", "ab-", ".ab", "ab.", "버킷", &too_long]
        {
            assert!(!is_bucket(name), "{name}");
        }
    }
}
