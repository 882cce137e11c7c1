//! Bizppurio's JSON, as the provider reads and writes it.

use alimi::domain::{ChannelType, Media};
use serde_json::{Value, json};

use crate::simulator::core::{Line, Message, Said, Shown, ShownButton, Taken, WrittenReceipt};

/// The fields of every message, with their greatest lengths in bytes.
const FIELDS: [(&str, usize); 5] =
    [("account", 20), ("type", 3), ("from", 16), ("to", 16), ("refkey", 32)];

/// A complete message.
pub(super) struct SentMessage {
    pub(super) refkey: String,
    pub(super) number: String,
    first: Shown,
    fallback: Option<Shown>,
}

impl SentMessage {
    /// Reads a message's body; `None` when a part is missing or too long.
    pub(super) fn read(body: &Value) -> Option<Self> {
        for (field, bytes_max) in FIELDS {
            text(body, field, bytes_max)?;
        }
        let number = text(body, "to", 16)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let kind = text(body, "type", 3)?;
        let content = &body["content"][kind];
        let first = match kind {
            "at" => alimtalk(content)?,
            other => text_message(other, content)?,
        };
        let fallback = match body.get("resend") {
            None => None,
            Some(resend) => {
                let kind = resend["first"].as_str()?;
                Some(text_message(kind, &body["recontent"][kind])?)
            }
        };
        Some(Self {
            refkey: text(body, "refkey", 32)?.to_owned(),
            number: number.to_owned(),
            first,
            fallback,
        })
    }

    /// The message, taken under a key.
    pub(super) fn taken(self, key: String) -> Message {
        let Self { refkey, number, first, fallback } = self;
        let media =
            Media { first: first.medium, fallback: fallback.as_ref().map(|shown| shown.medium) };
        let taken = Taken { key, reference: refkey, number, media };
        Message { taken, first, fallback }
    }
}

/// A text that is neither missing nor empty nor too long.
fn text<'a>(object: &'a Value, field: &str, bytes_max: usize) -> Option<&'a str> {
    object[field].as_str().filter(|text| (1..=bytes_max).contains(&text.len()))
}

fn alimtalk(content: &Value) -> Option<Shown> {
    text(content, "senderkey", 40)?;
    let buttons = content["button"].as_array().into_iter().flatten();
    Some(Shown {
        medium: ChannelType::Alimtalk,
        code: Some(text(content, "templatecode", 32)?.to_owned()),
        subject: None,
        text: text(content, "message", usize::MAX)?.to_owned(),
        buttons: buttons.map(button).collect::<Option<_>>()?,
    })
}

fn button(button: &Value) -> Option<ShownButton> {
    let links = ["url_mobile", "url_pc", "scheme_ios", "scheme_android"]
        .into_iter()
        .filter_map(|field| button[field].as_str().map(str::to_owned));
    Some(ShownButton { name: text(button, "name", usize::MAX)?.to_owned(), links: links.collect() })
}

/// A text message of its own, or a fallback. The document names a long one in two ways.
fn text_message(kind: &str, content: &Value) -> Option<Shown> {
    let medium = match kind {
        "sms" => ChannelType::Sms,
        "lms" | "mms" => ChannelType::Lms,
        _ => return None,
    };
    Some(Shown {
        medium,
        code: None,
        subject: content["subject"].as_str().map(str::to_owned),
        text: text(content, "message", usize::MAX)?.to_owned(),
        buttons: vec![],
    })
}

/// A receipt, which Bizppurio calls a result push: an object with only texts as values.
pub(super) fn receipt(taken: &Taken, line: Line, at_us: i64) -> WrittenReceipt {
    let result = result(line);
    let Taken { key, reference, number, media } = taken;
    let body = json!({
        "DEVICE": device(media.first), "CMSGID": key, "MSGID": key, "PHONE": number,
        "MEDIA": medium(line.medium), "UNIXTIME": (at_us / 1_000_000).to_string(),
        "RESULT": result, "REFKEY": reference,
    });
    WrittenReceipt { body, result: result.to_owned() }
}

/// The type that was asked for.
fn device(first: ChannelType) -> &'static str {
    match first {
        ChannelType::Alimtalk => "AT",
        ChannelType::Sms => "SMS",
        ChannelType::Lms => "LMS",
    }
}

/// The type that was used.
fn medium(medium: ChannelType) -> &'static str {
    match medium {
        ChannelType::Alimtalk => "KAT",
        ChannelType::Sms => "SMS",
        ChannelType::Lms => "LMS",
    }
}

fn result(line: Line) -> &'static str {
    let (delivered, undelivered) = match line.medium {
        ChannelType::Alimtalk => ("7000", "7308"),
        ChannelType::Sms => ("4100", "4410"),
        ChannelType::Lms => ("6600", "6610"),
    };
    match line.said {
        Said::Delivered => delivered,
        Said::Undelivered => undelivered,
        Said::Uncertain => "7305",
    }
}
