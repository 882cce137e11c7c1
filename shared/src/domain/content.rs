//! What a message says, in the words of its channel type and of no provider. Each provider's
//! adapter translates it.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A kind of message, and with it the kind of address that the message goes to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChannelType {
    /// An informational message by Kakao.
    Alimtalk,
    /// A short text message.
    Sms,
    /// A long text message.
    Lms,
}

impl ChannelType {
    /// The channel type as JSON and the database have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How long the receipt of this channel type may take, whatever its channel expects. Carriers
    /// report a text message up to 25 hours later, and a long one up to 80 hours later (NHN Cloud's
    /// documents).
    #[must_use]
    pub fn receipt_within_min(self) -> SignedDuration {
        match self {
            Self::Alimtalk => SignedDuration::ZERO,
            Self::Sms => SignedDuration::from_hours(26),
            Self::Lms => SignedDuration::from_hours(81),
        }
    }
}

/// Which channel types a notification may be delivered over. A notification keeps this instead of
/// its content, because its texts are not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    pub first: ChannelType,
    /// The provider sends this when it cannot deliver the first choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<ChannelType>,
}

/// The content of a message. In a template its texts hold variables, written `#{name}`; in a
/// message that leaves they are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    Alimtalk(Alimtalk),
    Sms(Sms),
    Lms(Lms),
}

/// An Alimtalk message. Its wording must match a template that Kakao has approved.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alimtalk {
    /// The code of the approved template.
    pub code: String,
    pub body: String,
    /// Buttons under the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// The provider sends this text message when it cannot deliver the Alimtalk message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
#[serde(deny_unknown_fields)]
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

/// A short text message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lms {
    /// The heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    fn try_map_texts<E>(
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

impl Content {
    #[must_use]
    pub fn channel_type(&self) -> ChannelType {
        match self {
            Self::Alimtalk(_) => ChannelType::Alimtalk,
            Self::Sms(_) => ChannelType::Sms,
            Self::Lms(_) => ChannelType::Lms,
        }
    }

    #[must_use]
    pub fn media(&self) -> Media {
        let fallback = match self {
            Self::Alimtalk(alimtalk) => alimtalk.fallback.as_ref().map(Fallback::channel_type),
            Self::Sms(_) | Self::Lms(_) => None,
        };
        Media { first: self.channel_type(), fallback }
    }

    /// The same content with every text mapped. `map` gets the path of each text within the
    /// content, such as `buttons[0].name`, and the text. A code is no text: it stays as it is.
    ///
    /// Rendering and checking both go through here, so no text can be rendered but not checked.
    ///
    /// # Errors
    /// The first error of `map`.
    pub fn try_map_texts<E>(
        &self,
        mut map: impl FnMut(&str, &str) -> Result<String, E>,
    ) -> Result<Self, E> {
        let map = &mut map;
        Ok(match self {
            Self::Alimtalk(alimtalk) => Self::Alimtalk(Alimtalk {
                code: alimtalk.code.clone(),
                body: map("body", &alimtalk.body)?,
                buttons: alimtalk
                    .buttons
                    .iter()
                    .enumerate()
                    .map(|(index, button)| button.try_map_texts(index, map))
                    .collect::<Result<_, _>>()?,
                fallback: match &alimtalk.fallback {
                    Some(fallback) => Some(fallback.try_map_texts(map)?),
                    None => None,
                },
            }),
            Self::Sms(sms) => Self::Sms(Sms { body: map("body", &sms.body)? }),
            Self::Lms(Lms { subject, body }) => Self::Lms(Lms {
                subject: optional(map, "subject", subject.as_deref())?,
                body: map("body", body)?,
            }),
        })
    }
}

impl Button {
    fn try_map_texts<E>(
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

fn optional<E>(
    map: &mut impl FnMut(&str, &str) -> Result<String, E>,
    path: &str,
    text: Option<&str>,
) -> Result<Option<String>, E> {
    text.map(|text| map(path, text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alimtalk() -> Content {
        serde_json::from_value(serde_json::json!({
            "type": "alimtalk", "code": "CODE", "body": "a",
            "buttons": [{ "name": "b", "type": "WL", "url_mobile": "c", "url_pc": "d",
                          "scheme_ios": "e", "scheme_android": "f" }],
            "fallback": { "type": "lms", "subject": "g", "body": "h" },
        }))
        .expect("content")
    }

    #[test]
    fn every_text_is_mapped_and_named_by_its_path() {
        let mut texts = Vec::new();
        let mapped: Result<Content, ()> = alimtalk().try_map_texts(|path, text| {
            texts.push((path.to_owned(), text.to_owned()));
            Ok(text.to_uppercase())
        });
        texts.sort_by(|one, other| one.1.cmp(&other.1));
        let paths: Vec<&str> = texts.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "body",
                "buttons[0].name",
                "buttons[0].url_mobile",
                "buttons[0].url_pc",
                "buttons[0].scheme_ios",
                "buttons[0].scheme_android",
                "fallback.subject",
                "fallback.body",
            ]
        );
        let json = serde_json::to_string(&mapped.expect("mapped")).expect("JSON");
        for letter in ["A", "B", "C", "D", "E", "F", "G", "H"] {
            assert!(json.contains(&format!("\"{letter}\"")), "{letter} in {json}");
        }
        assert!(json.contains("\"CODE\""), "the code is no text: {json}");
    }

    #[test]
    fn debug_output_shows_no_text() {
        let shown = format!("{:?}", alimtalk());
        for text in ["\"a\"", "\"b\"", "\"c\"", "\"h\""] {
            assert!(!shown.contains(text), "{shown}");
        }
    }

    #[test]
    fn a_contents_media_name_its_fallback() {
        let media = alimtalk().media();
        assert_eq!(media, Media { first: ChannelType::Alimtalk, fallback: Some(ChannelType::Lms) });
        let sms = Content::Sms(Sms { body: "a".into() }).media();
        assert_eq!(sms, Media { first: ChannelType::Sms, fallback: None });
    }
}
