//! The fields that the server sets: when a schedule started, which upload an audience has, the
//! receipt secrets of a channel, and the API keys of a producer.

use jiff::Timestamp;

use super::api_keys::stored_keys;
use super::changes::NotChanged;
use super::entry::{Entry, read};
use super::receipt_secrets::stored_secrets;
use crate::domain::audience::AudienceSource;
use crate::domain::{ApiKey, Audience, Channel, FieldError, Producer, ReceiptSecret, Schedule};
use crate::ports::Document;

impl Entry {
    /// Fills in the fields that the server sets.
    ///
    /// # Errors
    /// [`NotChanged::Invalid`] names the field for which the operator asks for another value.
    pub(super) fn keep_server_fields(
        &mut self,
        current: Option<&Document>,
        now: Timestamp,
    ) -> Result<(), NotChanged> {
        match self {
            Self::Schedule(schedule) => {
                let known = current.and_then(|current| read::<Schedule>(current).ok());
                keep_start(schedule, known.and_then(|known| known.starts_at), now)?;
            }
            Self::Audience(audience) => {
                let known = current.and_then(|current| read::<Audience>(current).ok());
                keep_upload(audience, known.map(|known| known.source))?;
            }
            Self::Channel(channel) => {
                let body = current.and_then(|current| current.body.as_ref());
                let known = stored_secrets(body.and_then(|body| body.get("receipt_secrets")))?;
                keep_receipt_secrets(channel, known)?;
            }
            Self::Producer(producer) => {
                let body = current.and_then(|current| current.body.as_ref());
                keep_keys(producer, stored_keys(body.and_then(|body| body.get("keys")))?)?;
            }
            Self::Template(_) | Self::Hours(_) => {}
        }
        Ok(())
    }
}

/// A rate counts from the first save: another start would move every later time.
fn keep_start(
    schedule: &mut Schedule,
    known: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), FieldError> {
    if schedule.starts_at.is_some() && schedule.starts_at != known {
        let must = match known {
            Some(known) => {
                format!("must be left out, or stay {known}, when the schedule was first saved")
            }
            None => "must be left out: it is set when the schedule is first saved".to_owned(),
        };
        return Err(FieldError::new("starts_at", must));
    }
    schedule.starts_at = known.or(Some(now));
    Ok(())
}

/// Only a complete upload sets the version and the size.
fn keep_upload(audience: &mut Audience, known: Option<AudienceSource>) -> Result<(), FieldError> {
    let AudienceSource::Members { version, size } = &mut audience.source else { return Ok(()) };
    let (known_version, known_size) = match known {
        Some(AudienceSource::Members { version, size }) => (version, size),
        Some(AudienceSource::S3 { .. }) | None => (None, 0),
    };
    let must = "must be left out, or stay as it is: uploading members sets it";
    if version.is_some() && *version != known_version {
        return Err(FieldError::new("source.version", must));
    }
    if *size != 0 && *size != known_size {
        return Err(FieldError::new("source.size", must));
    }
    (*version, *size) = (known_version, known_size);
    Ok(())
}

/// Only their own routes make and delete receipt secrets.
fn keep_receipt_secrets(
    channel: &mut Channel,
    known: Vec<ReceiptSecret>,
) -> Result<(), FieldError> {
    if !channel.receipt_secrets.is_empty() && channel.receipt_secrets != known {
        let must = format!(
            "must be left out, or stay as it is: POST /v1/channels/{0}/receipt-secrets makes a \
             secret, and DELETE /v1/channels/{0}/receipt-secrets/{{id}} deletes one",
            channel.name
        );
        return Err(FieldError::new("receipt_secrets", must));
    }
    channel.receipt_secrets = known;
    Ok(())
}

/// Only their own routes make and delete API keys.
fn keep_keys(producer: &mut Producer, known: Vec<ApiKey>) -> Result<(), FieldError> {
    if !producer.keys.is_empty() && producer.keys != known {
        let must = format!(
            "must be left out, or stay as it is: POST /v1/producers/{0}/keys makes a key, and DELETE \
             /v1/producers/{0}/keys/{{id}} deletes one",
            producer.name
        );
        return Err(FieldError::new("keys", must));
    }
    producer.keys = known;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn channel(receipt_secrets: &Value) -> Channel {
        serde_json::from_value(json!({
            "name": "c", "provider": { "kind": "p" }, "limit": { "per_second": 1 },
            "receipt_secrets": receipt_secrets,
        }))
        .expect("a channel")
    }

    fn stored(receipt_secrets: &Value) -> Document {
        Document {
            name: "c".into(),
            revision: 1,
            body: Some(json!({ "newer": 1, "receipt_secrets": receipt_secrets })),
            changed_by: "kim".into(),
            changed_at_ms: 0,
        }
    }

    fn secret(id: &str) -> Value {
        json!([{ "id": id, "sha256": "0".repeat(64), "created_at": "2026-03-02T01:00:00Z" }])
    }

    fn kept(sent: &Value, current: Option<&Document>) -> Result<Vec<ReceiptSecret>, NotChanged> {
        let mut entry = Entry::Channel(channel(sent));
        entry.keep_server_fields(current, Timestamp::UNIX_EPOCH)?;
        let Entry::Channel(channel) = entry else { panic!("a channel") };
        Ok(channel.receipt_secrets)
    }

    #[test]
    fn a_change_of_a_channel_keeps_its_receipt_secrets() {
        let current = stored(&secret("a"));
        for sent in [json!([]), secret("a")] {
            let kept = kept(&sent, Some(&current)).expect("accepted");
            assert_eq!(kept.len(), 1, "{sent}");
            assert_eq!(kept[0].id, "a");
        }
    }

    #[test]
    fn a_change_of_a_channel_brings_no_receipt_secrets_of_its_own() {
        for current in [None, Some(stored(&secret("a")))] {
            let refused = kept(&secret("b"), current.as_ref()).expect_err("refused");
            assert!(refused.to_string().starts_with("receipt_secrets: must be left out"));
        }
    }

    #[test]
    fn receipt_secrets_that_cannot_be_read_are_not_dropped() {
        let newer = stored(&json!({ "other": "shape" }));
        let refused = kept(&json!([]), Some(&newer)).expect_err("refused");
        assert!(matches!(refused, NotChanged::Port(_)), "{refused}");
    }
}
