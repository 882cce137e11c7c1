//! What a message says, in the words of its channel type and of no provider. Each provider's
//! adapter translates it.

mod alimtalk;
mod channel_type;
mod text;
mod text_message;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::alimtalk::{Alimtalk, Button};
pub use self::channel_type::{ChannelType, Media};
use self::text::optional;
pub use self::text_message::{Fallback, Lms, Sms};
use super::tagged_json::{absent, present};

/// The content of a message. In a template its texts hold variables, written `#{name}`; in a
/// message that leaves they are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    Alimtalk(Alimtalk),
    Sms(Sms),
    Lms(Lms),
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

/// The fields of all types of content.
#[derive(Deserialize)]
struct ContentJson {
    #[serde(rename = "type")]
    channel_type: ChannelType,
    code: Option<String>,
    subject: Option<String>,
    body: Option<String>,
    buttons: Option<Vec<Button>>,
    fallback: Option<Fallback>,
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ContentJson::deserialize(deserializer)?.content()
    }
}

impl ContentJson {
    fn content<E: Error>(self) -> Result<Content, E> {
        let Self { channel_type, code, subject, body, buttons, fallback } = self;
        match channel_type {
            ChannelType::Alimtalk => {
                let known = &["type", "code", "body", "buttons", "fallback"];
                absent(&[("subject", subject.is_some())], known)?;
                Ok(Content::Alimtalk(Alimtalk {
                    code: present("code", code)?,
                    body: present("body", body)?,
                    buttons: buttons.unwrap_or_default(),
                    fallback,
                }))
            }
            ChannelType::Sms => {
                let others = [
                    ("code", code.is_some()),
                    ("subject", subject.is_some()),
                    ("buttons", buttons.is_some()),
                    ("fallback", fallback.is_some()),
                ];
                absent(&others, &["type", "body"])?;
                Ok(Content::Sms(Sms { body: present("body", body)? }))
            }
            ChannelType::Lms => {
                let others = [
                    ("code", code.is_some()),
                    ("buttons", buttons.is_some()),
                    ("fallback", fallback.is_some()),
                ];
                absent(&others, &["type", "subject", "body"])?;
                Ok(Content::Lms(Lms { subject, body: present("body", body)? }))
            }
        }
    }
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
