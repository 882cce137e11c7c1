//! The messages that would have appeared on phones.

use std::collections::VecDeque;

use alimi::domain::{ChannelType, Reference};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many messages are kept. Older ones are forgotten.
pub const MESSAGES_KEPT: usize = 1_000;

/// What a person sees of a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub medium: ChannelType,
    /// The code of the template.
    pub code: Option<String>,
    pub subject: Option<String>,
    pub text: String,
    pub buttons: Vec<ShownButton>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownButton {
    pub name: String,
    /// Where the button leads to, on a phone first.
    pub links: Vec<String>,
}

/// A message that was delivered. The number is not masked: nobody is behind a simulated number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneMessage {
    pub at: Timestamp,
    /// As it was on the wire.
    pub number: String,
    /// The reference key, as it was on the wire.
    pub reference: String,
    /// The number of the attempt; `None` when the reference key is not one of Alimi's.
    pub attempt: Option<u8>,
    pub is_fallback: bool,
    #[serde(flatten)]
    pub shown: Shown,
}

impl PhoneMessage {
    pub(super) fn new(
        at_us: i64,
        number: &str,
        reference: &str,
        is_fallback: bool,
        shown: Shown,
    ) -> Self {
        Self {
            at: Timestamp::from_microsecond(at_us).unwrap_or_default(),
            number: number.to_owned(),
            attempt: reference.parse::<Reference>().ok().map(|reference| reference.attempt),
            reference: reference.to_owned(),
            is_fallback,
            shown,
        }
    }
}

/// The last messages, oldest first.
#[derive(Default)]
pub(super) struct Phones(VecDeque<PhoneMessage>);

impl Phones {
    pub(super) fn show(&mut self, message: PhoneMessage) {
        if self.0.len() >= MESSAGES_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    pub(super) fn messages(&self) -> Vec<PhoneMessage> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_thousand_messages_are_kept() {
        let mut phones = Phones::default();
        for number in 0..=MESSAGES_KEPT {
            let shown = Shown {
                medium: ChannelType::Sms,
                code: None,
                subject: None,
                text: number.to_string(),
                buttons: vec![],
            };
            phones.show(PhoneMessage::new(0, "01012345678", "order-1", false, shown));
        }
        let kept = phones.messages();
        assert_eq!(kept.len(), MESSAGES_KEPT);
        assert_eq!(kept[0].shown.text, "1", "the oldest message is forgotten first");
        assert_eq!(kept[MESSAGES_KEPT - 1].shown.text, MESSAGES_KEPT.to_string());
    }

    #[test]
    fn the_attempt_is_read_from_the_reference_key() {
        let shown = Shown {
            medium: ChannelType::Sms,
            code: None,
            subject: None,
            text: String::new(),
            buttons: vec![],
        };
        let attempt = |key: &str| PhoneMessage::new(0, "", key, false, shown.clone()).attempt;
        assert_eq!(attempt("0123456789abcdef0123456789abcd0a"), Some(10));
        assert_eq!(attempt("order-1"), None);
    }
}
