//! What producers send.

use std::collections::BTreeMap;

use alimi::delivery::{Draft, FieldError, SequenceDraft, StepDraft};
use alimi::domain::zone::MUST_BE_A_ZONE;
use alimi::domain::{PhoneNumber, Priority, Recipient};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Notifications in one request.
pub(crate) const BULK_MAX: usize = 500;

/// Variables and ids longer than this are a mistake.
const TEXT_BYTES_MAX: usize = 4096;
const RECIPIENT_ID_BYTES_MAX: usize = 256;

/// One notification.
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

/// A sequence.
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

/// Variables fill texts; numbers are taken as they are written.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "must be a text, a number, true or false")]
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
        if self.on_failure.as_deref().is_some_and(|wanted| wanted != "halt") {
            return Err(FieldError::new("on_failure", "must be \"halt\", or left out"));
        }
        if let Some(within) = self.confirm_within
            && !(SignedDuration::from_mins(1)..=SignedDuration::from_hours(72)).contains(&within)
        {
            return Err(FieldError::new("confirm_within", "must be between 1 minute and 72 hours"));
        }
        let mut steps = Vec::with_capacity(self.steps.len());
        for (index, step) in self.steps.into_iter().enumerate() {
            let variables = texts(step.variables).map_err(|error| {
                FieldError::new(format!("steps[{index}].{}", error.field), error.detail)
            })?;
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
        if !(1..=RECIPIENT_ID_BYTES_MAX).contains(&self.id.len()) {
            return Err(FieldError::new("to.id", "must be 1 to 256 bytes"));
        }
        let phone = self
            .phone
            .map(PhoneNumber::try_from)
            .transpose()
            .map_err(|error| FieldError::new("to.phone", error.to_string()))?;
        if let Some(zone) = &self.timezone
            && alimi::domain::zone::zone(zone).is_none()
        {
            return Err(FieldError::new("to.timezone", MUST_BE_A_ZONE));
        }
        Ok(Recipient { id: self.id, phone, timezone: self.timezone })
    }
}

fn priority(wanted: Option<u16>) -> Priority {
    wanted.map_or(Priority::REAL_TIME, Priority)
}

fn texts(variables: BTreeMap<String, Variable>) -> Result<BTreeMap<String, String>, FieldError> {
    variables
        .into_iter()
        .map(|(name, value)| {
            let text = match value {
                Variable::Text(text) => text,
                Variable::Number(number) => number.to_string(),
                Variable::Bool(truth) => truth.to_string(),
            };
            if text.len() > TEXT_BYTES_MAX {
                let detail = format!("must be at most {TEXT_BYTES_MAX} bytes");
                return Err(FieldError::new(format!("variables.{name}"), detail));
            }
            Ok((name, text))
        })
        .collect()
}
