//! What producers ask for.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::domain::group::{MUST_BE_A_TAG, is_tag};
use crate::domain::name::{MUST_BE_A_NAME, is_name};
use crate::domain::sequence::{After, OnFailure, OnUnconfirmed};
use crate::domain::{
    Addresses, FieldError, Notification, Priority, Producer, RecipientRef, RequestKey,
};

/// A producer's request, apart from its content.
#[derive(Clone, Copy)]
pub struct ProducerRequest<'a> {
    pub producer: &'a Producer,
    /// One idempotency key used on two routes names two requests.
    pub route: &'a str,
    /// The `Idempotency-Key` header, as sent.
    pub idempotency_key: &'a str,
    /// The digest of the body. With the same key, it distinguishes a repeated request from another
    /// one.
    pub digest: &'a str,
}

impl<'a> ProducerRequest<'a> {
    pub(super) fn key(&self) -> RequestKey<'a> {
        RequestKey {
            producer: &self.producer.name,
            route: self.route,
            idempotency_key: self.idempotency_key,
        }
    }
}

/// One notification as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The template's name.
    pub template: String,
    /// The channel's name. Without one, the template's first variant is used.
    pub channel: Option<String>,
    pub recipient: RecipientRef,
    pub addresses: Addresses,
    pub variables: BTreeMap<String, String>,
    pub tag: Option<String>,
    pub data: Option<Map<String, Value>>,
    pub priority: Priority,
    pub not_before_ms: Option<i64>,
    /// How long a step waits after the step before it; 0 for every other message.
    pub delay_ms: i64,
    /// The message must leave before this time.
    pub expires_at_ms: Option<i64>,
}

impl Draft {
    /// Checks what depends on no template and on no channel.
    pub(super) fn check(&self) -> Result<(), FieldError> {
        if !is_name(&self.template) {
            return Err(FieldError::new("template", MUST_BE_A_NAME));
        }
        if self.channel.as_deref().is_some_and(|channel| !is_name(channel)) {
            return Err(FieldError::new("channel", MUST_BE_A_NAME));
        }
        if self.tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            return Err(FieldError::new("tag", MUST_BE_A_TAG));
        }
        let data_bytes = self.data.as_ref().map_or(0, json_bytes);
        if data_bytes > Notification::DATA_BYTES_MAX {
            let detail = format!(
                "has {data_bytes} bytes as JSON; must have at most {}",
                Notification::DATA_BYTES_MAX
            );
            return Err(FieldError::new("data", detail));
        }
        Ok(())
    }
}

/// The length without white space between the parts.
fn json_bytes(data: &Map<String, Value>) -> usize {
    // The keys are texts, so writing them as JSON cannot fail.
    serde_json::to_string(data).map_or(usize::MAX, |json| json.len())
}

/// A sequence as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct SequenceDraft {
    /// The recipient of every step.
    pub recipient: RecipientRef,
    pub addresses: Addresses,
    /// The steps in their order.
    pub steps: Vec<StepDraft>,
    pub on_failure: OnFailure,
    pub on_unconfirmed: OnUnconfirmed,
    /// How long each notification waits for its receipt; `None`: as long as its channel says.
    pub confirm_within: Option<SignedDuration>,
    pub priority: Priority,
    /// The first step must not leave before this time.
    pub not_before_ms: Option<i64>,
    /// Every step must leave before this time.
    pub expires_at_ms: Option<i64>,
}

/// One step of a sequence.
#[derive(Clone, PartialEq, Eq)]
pub struct StepDraft {
    /// What has to become of the step before it.
    pub after: After,
    /// How long it waits after that.
    pub delay: SignedDuration,
    pub notifications: Vec<StepNotificationDraft>,
}

/// One notification of a step.
#[derive(Clone, PartialEq, Eq)]
pub struct StepNotificationDraft {
    /// Its place in the request, for errors: `steps[1]`, or `steps[1].notifications[0]`.
    pub path: String,
    /// The template's name.
    pub template: String,
    /// The channel's name. Without one, the template's first variant is used.
    pub channel: Option<String>,
    pub variables: BTreeMap<String, String>,
    pub data: Option<Map<String, Value>>,
    /// Its end is the end of the step. The only notification of a step is the gate in any case.
    pub is_gate: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::producer::Grants;

    fn draft(tag: Option<&str>, data: &Value) -> Draft {
        Draft {
            template: "t".into(),
            channel: None,
            recipient: RecipientRef { id: "u".into(), timezone: None },
            addresses: Addresses::default(),
            variables: BTreeMap::new(),
            tag: tag.map(str::to_owned),
            data: data.as_object().cloned(),
            priority: Priority::REAL_TIME,
            not_before_ms: None,
            delay_ms: 0,
            expires_at_ms: None,
        }
    }

    #[test]
    fn a_tag_is_safe_inside_an_index_key() {
        let longest = "x".repeat(64);
        for tag in ["a", "Order_2026-03.1", longest.as_str()] {
            assert_eq!(draft(Some(tag), &Value::Null).check(), Ok(()), "{tag}");
        }
        let too_long = "x".repeat(65);
        for tag in ["", "a b", "a#b", "주문", too_long.as_str()] {
            let error = draft(Some(tag), &Value::Null).check().expect_err("no tag");
            assert_eq!(error.field, "tag", "{tag}");
        }
    }

    #[test]
    fn data_is_limited_by_its_length_as_json() {
        // `{"k":"…"}` has 8 bytes around the text.
        let of_bytes = |bytes: usize| draft(None, &json!({ "k": "x".repeat(bytes - 8) }));
        assert_eq!(of_bytes(1024).check(), Ok(()));
        let error = of_bytes(1025).check().expect_err("too long");
        assert_eq!(error.to_string(), "data: has 1025 bytes as JSON; must have at most 1024");
    }

    #[test]
    fn the_key_of_a_request_belongs_to_its_producer() {
        let producer = Producer {
            name: "shop".into(),
            principals: vec![],
            grants: Grants::default(),
            keys: vec![],
        };
        let request = ProducerRequest {
            producer: &producer,
            route: "POST /v1/notifications",
            idempotency_key: "order-1",
            digest: "d",
        };
        let other = Producer { name: "school".into(), ..producer.clone() };
        let of_other = ProducerRequest { producer: &other, ..request };
        assert_ne!(request.key().notification_id(0), of_other.key().notification_id(0));
    }
}
