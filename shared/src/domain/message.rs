//! The content of a message, in no provider's words: each provider's adapter translates it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rendered message: its template's variables are filled in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The provider's own code of the approved template, if the provider has such codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_code: Option<String>,
    pub body: String,
    /// Buttons under the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The provider sends this when it cannot deliver the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// Leaves out the texts: no log line may contain them.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("template_code", &self.template_code)
            .finish_non_exhaustive()
    }
}

/// A button under a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {
    /// The label.
    pub name: String,
    /// The provider's type code, such as `WL` (web link) or `AL` (app link).
    #[serde(rename = "type")]
    pub kind: String,
    /// The link that opens on a phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_mobile: Option<String>,
    /// The link that opens on a computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_pc: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme_ios: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme_android: Option<String>,
}

/// Leaves out the label and the links: they contain variables, which no log line may show.
impl fmt::Debug for Button {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Button").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The text message that the provider sends when it cannot deliver the first choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fallback {
    /// A short text message.
    Sms { body: String },
    /// A long text message.
    Lms {
        /// The heading.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        body: String,
    },
}

/// Leaves out the texts: no log line may contain them.
impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sms { .. } => "Sms",
            Self::Lms { .. } => "Lms",
        })
    }
}
