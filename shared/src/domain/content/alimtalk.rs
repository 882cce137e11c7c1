//! Alimtalk messages.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::optional;
use super::text_message::Fallback;

/// An Alimtalk message. Its wording must match a template that Kakao has approved.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Alimtalk {
    /// The code of the approved template.
    pub code: String,
    pub body: String,
    /// Buttons under the text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The provider sends this text message when it cannot deliver the Alimtalk message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

/// Leaves out the texts: no log line may contain them.
impl fmt::Debug for Alimtalk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alimtalk").field("code", &self.code).finish_non_exhaustive()
    }
}

/// A button under an Alimtalk message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// The label.
    pub name: String,
    /// Kakao's code of what the button does, such as `WL` (web link) or `AL` (app link).
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

impl Button {
    /// The same button with every text mapped; `index` is its place among the buttons.
    pub(super) fn try_map_texts<E>(
        &self,
        index: usize,
        map: &mut impl FnMut(&str, &str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let mut link = |field: &str, text: Option<&str>| {
            optional(map, &format!("buttons[{index}].{field}"), text)
        };
        let url_mobile = link("url_mobile", self.url_mobile.as_deref())?;
        let url_pc = link("url_pc", self.url_pc.as_deref())?;
        let scheme_ios = link("scheme_ios", self.scheme_ios.as_deref())?;
        let scheme_android = link("scheme_android", self.scheme_android.as_deref())?;
        Ok(Self {
            name: map(&format!("buttons[{index}].name"), &self.name)?,
            kind: self.kind.clone(),
            url_mobile,
            url_pc,
            scheme_ios,
            scheme_android,
        })
    }
}
