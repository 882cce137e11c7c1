//! A request for a single notification.

use std::collections::BTreeMap;

use alimi::domain::{FieldError, Priority, written};
use alimi::use_cases::Draft;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::recipient::RecipientRequest;
use super::variables::{Variable, texts};

/// The most notifications in one request.
pub(crate) const BULK_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationRequest {
    template: String,
    #[serde(default)]
    channel: Option<String>,
    to: RecipientRequest,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    priority: Option<Priority>,
    #[serde(default, deserialize_with = "written::optional_time")]
    not_before: Option<Timestamp>,
    #[serde(default, deserialize_with = "written::optional_time")]
    expires_at: Option<Timestamp>,
}

impl NotificationRequest {
    pub(crate) fn draft(self) -> Result<Draft, FieldError> {
        let (recipient, addresses) = self.to.read()?;
        Ok(Draft {
            template: self.template,
            channel: self.channel,
            recipient,
            addresses,
            variables: texts(self.variables)?,
            tag: self.tag,
            data: self.data,
            priority: self.priority.unwrap_or(Priority::REAL_TIME),
            not_before_ms: self.not_before.map(Timestamp::as_millisecond),
            delay_ms: 0,
            expires_at_ms: self.expires_at.map(Timestamp::as_millisecond),
        })
    }
}
