//! Text messages: an SMS and an LMS by themselves, and sequences whose second step is an SMS that
//! leaves only if the first step failed.

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::{ChannelType, Media, Notification, NotificationId, Reason, SequenceId, Status};
use reqwest::Client;
use serde_json::{Value, json};

use super::error::DemoError;
use super::expected::expected_status;

/// The template of the SMS, which is the fallback step of the sequences too.
const SMS: &str = "consultation-sms";
/// The template of the LMS.
const LMS: &str = "consultation-lms";
/// The template of the sequences' first step. It has no fallback of the provider's.
const FIRST: &str = "photo-and-video";
/// Gets both messages by themselves.
const READER: &str = "010-1234-0001";
/// The first one gets the first step, and the other one the fallback step.
const SEQUENCE_READERS: [&str; 2] = ["010-1234-0002", "010-9006-0002"];

/// The posted messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    /// The messages by themselves.
    pub(super) singles: Vec<(ChannelType, NotificationId)>,
    /// The sequences, with the phone numbers that they go to.
    pub(super) sequences: Vec<(&'static str, SequenceId)>,
    /// Unexpected answers, as text.
    pub(super) faults: Vec<String>,
}

impl Texts {
    /// Posts everything.
    pub(super) async fn post(api_url: &str) -> Result<Self, DemoError> {
        let client = Client::new();
        let mut texts = Self::default();
        for (channel_type, template) in [(ChannelType::Sms, SMS), (ChannelType::Lms, LMS)] {
            let mut body = message(template);
            body["to"] = json!({ "id": "reader", "phone": READER });
            let url = format!("{api_url}/v1/notifications");
            match id(&post(&client, &url, template, &body).await?) {
                Ok(id) => texts.singles.push((channel_type, id)),
                Err(answer) => texts.faults.push(format!("{template} was answered with {answer}")),
            }
        }
        for (index, phone) in SEQUENCE_READERS.into_iter().enumerate() {
            let mut fallback = message(SMS);
            fallback["after"] = "failed".into();
            let reader = format!("sequence-reader-{}", index + 1);
            let body = json!({
                "to": { "id": reader, "phone": phone },
                "steps": [message(FIRST), fallback],
            });
            let url = format!("{api_url}/v1/sequences");
            match id(&post(&client, &url, &reader, &body).await?) {
                Ok(id) => texts.sequences.push((phone, id)),
                Err(answer) => {
                    let fault = format!("a sequence with a fallback was answered with {answer}");
                    texts.faults.push(fault);
                }
            }
        }
        Ok(texts)
    }

    /// Messages that ended differently from their phone numbers' scenarios, as text.
    pub(super) fn differences(
        &self,
        stored: &BTreeMap<NotificationId, Notification>,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: String, id: &NotificationId, expected: &Expected| {
            let found = stored.get(id).map(Expected::of);
            if found.as_ref() != Some(expected) {
                differences.push(format!("{what} is {found:?}, not {expected:?}"));
            }
        };
        for (channel_type, id) in &self.singles {
            let expected = Expected::at(READER, *channel_type);
            compare(format!("the {}", channel_type.as_str()), id, &expected);
        }
        for (index, (phone, id)) in self.sequences.iter().enumerate() {
            let first = Expected::at(phone, ChannelType::Alimtalk);
            let second = if first.status == Status::Failed {
                Expected::at(phone, ChannelType::Sms)
            } else {
                Expected::not_needed()
            };
            for (step, expected) in [(0, first), (1, second)] {
                let what = format!("step {} of fallback sequence {}", step + 1, index + 1);
                compare(what, &id.notification_id(step, 0), &expected);
            }
        }
        differences
    }

    /// How many of the messages by themselves were delivered.
    pub(super) fn delivered(&self, stored: &BTreeMap<NotificationId, Notification>) -> usize {
        let found = self.singles.iter().filter_map(|(_, id)| stored.get(id));
        found.filter(|notification| notification.status == Status::Delivered).count()
    }

    /// How many fallback steps ended in a status.
    pub(super) fn fallbacks(
        &self,
        stored: &BTreeMap<NotificationId, Notification>,
        status: Status,
    ) -> usize {
        let ids = self.sequences.iter().map(|(_, id)| id.notification_id(1, 0));
        let found = ids.filter_map(|id| stored.get(&id));
        found.filter(|notification| notification.status == status).count()
    }
}

/// The end of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    status: Status,
    is_not_needed: bool,
}

impl Expected {
    fn of(notification: &Notification) -> Self {
        let is_not_needed = notification.reason == Some(Reason::NotNeeded);
        Self { status: notification.status, is_not_needed }
    }

    /// The end of a message without a fallback of the provider's.
    fn at(phone: &str, first: ChannelType) -> Self {
        let media = Media { first, fallback: None };
        Self { status: expected_status(phone, media), is_not_needed: false }
    }

    fn not_needed() -> Self {
        Self { status: Status::Cancelled, is_not_needed: true }
    }
}

fn message(template: &str) -> Value {
    let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
    json!({ "template": template, "variables": variables })
}

/// Posts a body, and returns the answer's body.
async fn post(client: &Client, url: &str, key: &str, body: &Value) -> Result<Value, DemoError> {
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header("idempotency-key", format!("texts-{key}"))
        .body(body.to_string())
        .timeout(Duration::from_secs(30));
    let answer = request.send().await?;
    Ok(serde_json::from_slice(&answer.bytes().await?).unwrap_or_default())
}

/// The id in an answer; otherwise the answer as text.
fn id<T: std::str::FromStr>(answer: &Value) -> Result<T, String> {
    let id = answer["id"].as_str().and_then(|id| id.parse().ok());
    id.ok_or_else(|| answer.to_string())
}
