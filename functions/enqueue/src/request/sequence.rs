//! A request for a sequence.

use std::collections::BTreeMap;

use alimi::domain::sequence::{After, OnFailure, OnUnconfirmed};
use alimi::domain::{Confirmation, FieldError, Priority, written};
use alimi::use_cases::{SequenceDraft, StepDraft, StepNotificationDraft};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::recipient::RecipientRequest;
use super::variables::{Variable, texts};

const CONFIRM_WITHIN_MIN: SignedDuration = SignedDuration::from_mins(1);
const CONFIRM_WITHIN_MAX: SignedDuration = Confirmation::WITHIN_MAX;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceRequest {
    to: RecipientRequest,
    steps: Vec<StepRequest>,
    #[serde(default)]
    on_failure: OnFailure,
    #[serde(default)]
    on_unconfirmed: OnUnconfirmed,
    #[serde(default, deserialize_with = "written::optional_duration")]
    confirm_within: Option<SignedDuration>,
    #[serde(default)]
    priority: Option<Priority>,
    #[serde(default, deserialize_with = "written::optional_time")]
    not_before: Option<Timestamp>,
    #[serde(default, deserialize_with = "written::optional_time")]
    expires_at: Option<Timestamp>,
}

/// A step with one notification, whose fields are the step's own, or with a list of notifications.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepRequest {
    #[serde(default)]
    template: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    variables: Option<BTreeMap<String, Variable>>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    notifications: Option<Vec<StepNotificationRequest>>,
    #[serde(default)]
    after: After,
    #[serde(default, deserialize_with = "written::duration")]
    delay: SignedDuration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepNotificationRequest {
    template: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    gate: bool,
}

impl SequenceRequest {
    pub(crate) fn draft(self) -> Result<SequenceDraft, FieldError> {
        if let Some(within) = self.confirm_within
            && !(CONFIRM_WITHIN_MIN..=CONFIRM_WITHIN_MAX).contains(&within)
        {
            let detail =
                format!("is {within:#}; must be {CONFIRM_WITHIN_MIN:#} to {CONFIRM_WITHIN_MAX:#}");
            return Err(FieldError::new("confirm_within", detail));
        }
        let steps = self.steps.into_iter().enumerate();
        let steps = steps
            .map(|(index, step)| step.draft(&format!("steps[{index}]")))
            .collect::<Result<_, _>>()?;
        let (recipient, addresses) = self.to.read()?;
        Ok(SequenceDraft {
            recipient,
            addresses,
            steps,
            on_failure: self.on_failure,
            on_unconfirmed: self.on_unconfirmed,
            confirm_within: self.confirm_within,
            priority: self.priority.unwrap_or(Priority::REAL_TIME),
            not_before_ms: self.not_before.map(Timestamp::as_millisecond),
            expires_at_ms: self.expires_at.map(Timestamp::as_millisecond),
        })
    }
}

impl StepRequest {
    fn draft(self, path: &str) -> Result<StepDraft, FieldError> {
        let Self { template, channel, variables, data, notifications, after, delay } = self;
        let notifications = match (template, notifications) {
            (Some(template), None) => {
                let variables = variables.unwrap_or_default();
                // The only notification of a step is its gate.
                let only =
                    StepNotificationRequest { template, channel, variables, data, gate: true };
                vec![only.draft(path.to_owned())?]
            }
            (None, Some(notifications)) => {
                let own_fields = [
                    ("channel", channel.is_some()),
                    ("variables", variables.is_some()),
                    ("data", data.is_some()),
                ];
                if let Some((field, _)) = own_fields.iter().find(|(_, is_given)| *is_given) {
                    return Err(beside_notifications(path, field));
                }
                let notifications = notifications.into_iter().enumerate();
                notifications
                    .map(|(place, each)| each.draft(format!("{path}.notifications[{place}]")))
                    .collect::<Result<_, _>>()?
            }
            (Some(_), Some(_)) => return Err(beside_notifications(path, "template")),
            (None, None) => {
                let detail = "is missing; must be a template's name, unless the step has a list of \
                              notifications";
                return Err(FieldError::new(format!("{path}.template"), detail));
            }
        };
        Ok(StepDraft { after, delay, notifications })
    }
}

fn beside_notifications(path: &str, field: &str) -> FieldError {
    let must = "must be left out of a step with a list of notifications, each of which has its own";
    FieldError::new(format!("{path}.{field}"), must)
}

impl StepNotificationRequest {
    fn draft(self, path: String) -> Result<StepNotificationDraft, FieldError> {
        let variables = texts(self.variables).map_err(|error| error.within(&path))?;
        Ok(StepNotificationDraft {
            path,
            template: self.template,
            channel: self.channel,
            variables,
            data: self.data,
            is_gate: self.gate,
        })
    }
}
