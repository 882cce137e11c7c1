//! The JSON bodies that producers send.

use std::collections::BTreeMap;

use alimi::domain::zone::{MUST_BE_A_ZONE, zone};
use alimi::domain::{FieldError, PhoneNumber, Priority, Recipient};
use alimi::use_cases::{Draft, SequenceDraft, StepDraft};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// The most notifications in one request.
pub(crate) const BULK_MAX: usize = 500;

const VARIABLE_BYTES_MAX: usize = 4096;
const RECIPIENT_ID_BYTES_MAX: usize = 256;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationRequest {
    template: String,
    to: RecipientRequest,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    priority: Option<u16>,
    #[serde(default)]
    not_before: Option<Timestamp>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceRequest {
    to: RecipientRequest,
    steps: Vec<StepRequest>,
    #[serde(default)]
    on_failure: Option<String>,
    #[serde(default)]
    confirm_within: Option<SignedDuration>,
    #[serde(default)]
    priority: Option<u16>,
    #[serde(default)]
    not_before: Option<Timestamp>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepRequest {
    template: String,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientRequest {
    id: String,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    timezone: Option<String>,
}

/// A number becomes a text as the producer wrote it.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "must be a string, a number, true or false")]
enum Variable {
    Text(String),
    Number(serde_json::Number),
    Bool(bool),
}

impl NotificationRequest {
    pub(crate) fn draft(self) -> Result<Draft, FieldError> {
        Ok(Draft {
            template: self.template,
            to: self.to.recipient()?,
            variables: texts(self.variables)?,
            priority: priority(self.priority),
            not_before_ms: self.not_before.map(Timestamp::as_millisecond),
            expires_at_ms: self.expires_at.map(Timestamp::as_millisecond),
        })
    }
}

impl SequenceRequest {
    pub(crate) fn draft(self) -> Result<SequenceDraft, FieldError> {
        if self.on_failure.as_deref().is_some_and(|action| action != "halt") {
            return Err(FieldError::new("on_failure", "must be \"halt\", or left out"));
        }
        if let Some(within) = self.confirm_within
            && !(SignedDuration::from_mins(1)..=SignedDuration::from_hours(72)).contains(&within)
        {
            let detail = format!("is {within:#}; must be 1m to 72h");
            return Err(FieldError::new("confirm_within", detail));
        }
        let mut steps = Vec::with_capacity(self.steps.len());
        for (index, step) in self.steps.into_iter().enumerate() {
            let variables =
                texts(step.variables).map_err(|error| error.within(&format!("steps[{index}]")))?;
            steps.push(StepDraft { template: step.template, variables });
        }
        Ok(SequenceDraft {
            to: self.to.recipient()?,
            steps,
            confirm_within: self.confirm_within,
            priority: priority(self.priority),
            not_before_ms: self.not_before.map(Timestamp::as_millisecond),
            expires_at_ms: self.expires_at.map(Timestamp::as_millisecond),
        })
    }
}

impl RecipientRequest {
    fn recipient(self) -> Result<Recipient, FieldError> {
        let id_bytes = self.id.len();
        if !(1..=RECIPIENT_ID_BYTES_MAX).contains(&id_bytes) {
            let detail = format!("has {id_bytes} bytes; must have 1 to {RECIPIENT_ID_BYTES_MAX}");
            return Err(FieldError::new("to.id", detail));
        }
        let phone = self
            .phone
            .map(PhoneNumber::try_from)
            .transpose()
            .map_err(|error| FieldError::new("to.phone", error.to_string()))?;
        if self.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
            return Err(FieldError::new("to.timezone", MUST_BE_A_ZONE));
        }
        Ok(Recipient { id: self.id, phone, timezone: self.timezone })
    }
}

fn priority(number: Option<u16>) -> Priority {
    number.map_or(Priority::REAL_TIME, Priority)
}

fn texts(variables: BTreeMap<String, Variable>) -> Result<BTreeMap<String, String>, FieldError> {
    variables
        .into_iter()
        .map(|(name, value)| {
            let text = match value {
                Variable::Text(text) => text,
                Variable::Number(number) => number.to_string(),
                Variable::Bool(value) => value.to_string(),
            };
            if text.len() > VARIABLE_BYTES_MAX {
                let detail =
                    format!("has {} bytes; must have at most {VARIABLE_BYTES_MAX}", text.len());
                return Err(FieldError::new(format!("variables.{name}"), detail));
            }
            Ok((name, text))
        })
        .collect()
}
