//! Text messages, and text messages as a fallback.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::channel_type::ChannelType;
use super::text::optional;
use crate::domain::tagged_json::{absent, present};

/// A short text message.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Sms {
    pub body: String,
}

/// Leaves out the text: no log line may contain it.
impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms").finish_non_exhaustive()
    }
}

/// A long text message.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Lms {
    /// The heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub body: String,
}

/// Leaves out the texts: no log line may contain them.
impl fmt::Debug for Lms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lms").finish_non_exhaustive()
    }
}

/// The text message that the provider sends when it cannot deliver the first choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fallback {
    Sms(Sms),
    Lms(Lms),
}

impl Fallback {
    #[must_use]
    pub fn channel_type(&self) -> ChannelType {
        match self {
            Self::Sms(_) => ChannelType::Sms,
            Self::Lms(_) => ChannelType::Lms,
        }
    }

    /// The same with every text mapped; `map` gets the path within the content that has the
    /// fallback.
    pub(super) fn try_map_texts<E>(
        &self,
        map: &mut impl FnMut(&str, &str) -> Result<String, E>,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::Sms(sms) => Self::Sms(Sms { body: map("fallback.body", &sms.body)? }),
            Self::Lms(Lms { subject, body }) => Self::Lms(Lms {
                subject: optional(map, "fallback.subject", subject.as_deref())?,
                body: map("fallback.body", body)?,
            }),
        })
    }
}

/// The types of a fallback.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FallbackType {
    Sms,
    Lms,
}

/// The fields of all types of fallback.
#[derive(Deserialize)]
struct FallbackJson {
    #[serde(rename = "type")]
    fallback_type: FallbackType,
    subject: Option<String>,
    body: Option<String>,
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FallbackJson::deserialize(deserializer)?.fallback()
    }
}

impl FallbackJson {
    fn fallback<E: Error>(self) -> Result<Fallback, E> {
        let Self { fallback_type, subject, body } = self;
        match fallback_type {
            FallbackType::Sms => {
                absent(&[("subject", subject.is_some())], &["type", "body"])?;
                Ok(Fallback::Sms(Sms { body: present("body", body)? }))
            }
            FallbackType::Lms => Ok(Fallback::Lms(Lms { subject, body: present("body", body)? })),
        }
    }
}
