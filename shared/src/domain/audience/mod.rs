//! Audiences: the members to whom a schedule's messages go, with each member's variables.

pub mod file;
mod file_upload;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use self::file::{AudienceFormat, Member};
pub use self::file_upload::{FileUpload, UPLOADED_FILES};
use super::address::Addresses;
use super::field_error::FieldError;
use super::name::{MUST_BE_A_NAME, is_name};
use super::notification::RecipientRef;
use super::phone::PhoneNumber;
use super::tagged_json::{absent, present};
use super::zone::{MUST_BE_A_ZONE, zone};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Unique in the stack.
    #[serde(default)]
    pub name: String,
    pub source: AudienceSource,
}

/// Where an audience's members are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AudienceSource {
    /// Uploaded, and kept in the database.
    Members {
        /// The upload that is in use. A new upload replaces it once the new one is complete.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// How many members that upload has.
        size: u64,
    },
    /// A file in S3. Each run reads it anew.
    S3 {
        bucket: String,
        /// The object's key.
        key: String,
        format: AudienceFormat,
    },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceKind {
    Members,
    S3,
}

/// The fields of all kinds of sources.
#[derive(Deserialize)]
struct SourceJson {
    kind: SourceKind,
    version: Option<String>,
    size: Option<u64>,
    bucket: Option<String>,
    key: Option<String>,
    format: Option<AudienceFormat>,
}

impl<'de> Deserialize<'de> for AudienceSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SourceJson::deserialize(deserializer)?.source()
    }
}

impl SourceJson {
    fn source<E: Error>(self) -> Result<AudienceSource, E> {
        let Self { kind, version, size, bucket, key, format } = self;
        match kind {
            SourceKind::Members => {
                let others = [
                    ("bucket", bucket.is_some()),
                    ("key", key.is_some()),
                    ("format", format.is_some()),
                ];
                absent(&others, &["kind", "version", "size"])?;
                Ok(AudienceSource::Members { version, size: size.unwrap_or(0) })
            }
            SourceKind::S3 => {
                let others = [("version", version.is_some()), ("size", size.is_some())];
                absent(&others, &["kind", "bucket", "key", "format"])?;
                Ok(AudienceSource::S3 {
                    bucket: present("bucket", bucket)?,
                    key: present("key", key)?,
                    format: present("format", format)?,
                })
            }
        }
    }
}

/// An audience as one run sees it from its beginning to its end, whatever changes meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PinnedAudience {
    /// One upload.
    Members {
        audience: String,
        /// The upload.
        version: String,
        /// How many members it has.
        size: u64,
    },
    /// One state of a file.
    S3 {
        bucket: String,
        /// The object's key.
        key: String,
        format: AudienceFormat,
        /// S3's name for this content.
        etag: String,
        /// The file's length.
        bytes: u64,
    },
}

impl Audience {
    /// What has to be changed before the audience can be saved.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let name = FieldError::unless(is_name(&self.name), "name", MUST_BE_A_NAME);
        let source = match &self.source {
            AudienceSource::Members { .. } => [None, None, None],
            AudienceSource::S3 { bucket, key, .. } => [
                FieldError::unless(
                    is_bucket(bucket),
                    "source.bucket",
                    "must be the name of a bucket: 3 to 63 characters of a-z, 0-9, . and -, with a \
                     letter or digit first and last",
                ),
                FieldError::unless(
                    (1..=1024).contains(&key.len()),
                    "source.key",
                    format!("has {} bytes; must have 1 to 1024", key.len()),
                ),
                // Alimi deletes an uploaded file once its own audience uses it no more.
                FieldError::unless(
                    !key.starts_with(UPLOADED_FILES)
                        || FileUpload::of_key(key)
                            .is_some_and(|upload| upload.audience == self.name),
                    "source.key",
                    format!(
                        "begins with {UPLOADED_FILES}; must be the key of a file that was uploaded to \
                         this audience, or begin otherwise"
                    ),
                ),
            ],
        };
        name.into_iter().chain(source.into_iter().flatten()).collect()
    }
}

/// Whether a bucket may have this name. The pattern of template.yaml's parameter `AudienceBucket`
/// allows the same names.
fn is_bucket(name: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    let is_outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(is_inner)
        && is_outer(bytes.first())
        && is_outer(bytes.last())
}

/// The recipient of a member's message, with the member's addresses. Fails for a member with an
/// invalid phone number or time zone; the error quotes nothing of the member.
pub fn recipient_of(member: &Member) -> Result<(RecipientRef, Addresses), FieldError> {
    let phone = member
        .phone
        .clone()
        .map(PhoneNumber::try_from)
        .transpose()
        .map_err(|error| FieldError::new("phone", error.to_string()))?;
    if member.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
        return Err(FieldError::new("timezone", MUST_BE_A_ZONE));
    }
    let recipient = RecipientRef { id: member.id.clone(), timezone: member.timezone.clone() };
    Ok((recipient, Addresses { phone }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_the_names_that_the_template_allows() {
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

    #[test]
    fn a_file_that_was_uploaded_to_another_audience_is_refused() {
        let named = |key: &str| {
            let source = AudienceSource::S3 {
                bucket: "files".into(),
                key: key.into(),
                format: AudienceFormat::Csv,
            };
            Audience { name: "teachers".into(), source }.faults()
        };
        let own = FileUpload::new("teachers", AudienceFormat::Csv, 1).key();
        assert_eq!(named(&own), []);
        assert_eq!(named("members/all.csv"), []);
        let of_parents = FileUpload::new("parents", AudienceFormat::Csv, 1).key();
        for key in [of_parents.as_str(), "alimi-uploads/all.csv", "alimi-uploads/teachers/x"] {
            let fields: Vec<_> = named(key).into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, ["source.key"], "{key}");
        }
    }
}
