//! What producers and operators see of a notification. Phone numbers are masked, and texts are left
//! out.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::hold_view::HoldView;
use crate::domain::{
    Address, Attempt, Notification, NotificationId, Outcome, ReceiptRecord, SequenceId, Status,
    Words,
};
use crate::use_cases::Description;

/// Who sees a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownTo {
    Producer,
    /// Is also told what to do about the provider's codes.
    Operator,
}

#[derive(Serialize)]
pub struct NotificationView<'a> {
    id: &'a NotificationId,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView<'a>>,
    status_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<HoldView>,
    /// The earliest time at which the rules let it leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaves_at: Option<Timestamp>,
    channel: &'a str,
    template: &'a str,
    recipient: RecipientView<'a>,
    priority: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<PlaceView<'a>>,
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm_by: Option<Timestamp>,
    attempts: Vec<AttemptView<'a>>,
    receipts: Vec<ReceiptView<'a>>,
}

#[derive(Serialize)]
struct ReasonView<'a> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(flatten)]
    in_words: InWords,
}

/// A provider's code in words, as far as they are known.
#[derive(Default, Serialize)]
struct InWords {
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_to_do: Option<Words>,
}

#[derive(Serialize)]
struct RecipientView<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

#[derive(Serialize)]
struct PlaceView<'a> {
    id: &'a SequenceId,
    /// Counted from 1.
    step: u8,
    of: u8,
}

#[derive(Serialize)]
struct AttemptView<'a> {
    number: u8,
    claimed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_sent_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_received_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(flatten)]
    in_words: InWords,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inquiries: Option<u8>,
}

#[derive(Serialize)]
struct ReceiptView<'a> {
    attempt: u8,
    received_at: Option<Timestamp>,
    code: &'a str,
    #[serde(flatten)]
    in_words: InWords,
    #[serde(skip_serializing_if = "Option::is_none")]
    medium: Option<&'a str>,
}

/// `None` never occurs: stored times are within the range of a timestamp.
fn time(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}

/// The words for a notification's codes, for one reader.
#[derive(Clone, Copy)]
struct CodeWords<'a> {
    description: Option<&'a Description>,
    shown_to: ShownTo,
}

impl CodeWords<'_> {
    fn of(self, code: Option<&str>) -> InWords {
        let meanings = self.description.map(|description| &description.meanings);
        let Some(found) = code.and_then(|code| meanings?.get(code)) else {
            return InWords::default();
        };
        InWords {
            meaning: Some(found.meaning),
            what_to_do: match self.shown_to {
                ShownTo::Producer => None,
                ShownTo::Operator => Some(found.action),
            },
        }
    }
}

impl<'a> NotificationView<'a> {
    /// The record alone.
    #[must_use]
    pub fn of(notification: &'a Notification) -> Self {
        Self::with_words(notification, CodeWords { description: None, shown_to: ShownTo::Producer })
    }

    /// The record, with what the notification waits for and with the provider's codes in words.
    #[must_use]
    pub fn described(
        notification: &'a Notification,
        description: &Description,
        shown_to: ShownTo,
    ) -> Self {
        let waiting = description.waiting.as_ref();
        let words = CodeWords { description: Some(description), shown_to };
        Self {
            waiting_for: waiting.map(HoldView::of_waiting),
            leaves_at: waiting.and_then(|waiting| waiting.leaves_at_ms).and_then(time),
            ..Self::with_words(notification, words)
        }
    }

    fn with_words(notification: &'a Notification, words: CodeWords<'_>) -> Self {
        let reason = notification.reason.as_ref();
        Self {
            id: &notification.id,
            status: notification.status,
            reason: reason.map(|reason| ReasonView {
                name: reason.name(),
                code: reason.code(),
                in_words: words.of(reason.code()),
            }),
            status_since: time(notification.status_since_ms),
            waiting_for: None,
            leaves_at: None,
            channel: &notification.channel,
            template: &notification.template,
            recipient: RecipientView {
                id: &notification.recipient.id,
                phone: match &notification.to {
                    // This masks the number.
                    Address::Phone(phone) => Some(phone.to_string()),
                },
            },
            priority: notification.priority.0,
            tag: notification.tag.as_deref(),
            data: notification.data.as_ref(),
            sequence: notification.sequence_step.as_ref().map(|place| PlaceView {
                id: &place.sequence,
                step: place.step + 1,
                of: place.steps,
            }),
            created_at: time(notification.created_at_ms),
            not_before: notification.not_before_ms.and_then(time),
            expires_at: notification.expires_at_ms.and_then(time),
            confirm_by: notification.deadline_ms.and_then(time),
            attempts: notification.attempts.iter().map(|it| AttemptView::of(it, words)).collect(),
            receipts: notification.receipts.iter().map(|it| ReceiptView::of(it, words)).collect(),
        }
    }
}

impl<'a> AttemptView<'a> {
    fn of(attempt: &'a Attempt, words: CodeWords<'_>) -> Self {
        Self {
            number: attempt.number,
            claimed_at: time(attempt.claimed_at_ms),
            request_sent_at: attempt.request_sent_at_ms.and_then(time),
            response_received_at: attempt.response_received_at_ms.and_then(time),
            outcome: attempt.outcome,
            code: attempt.code.as_deref(),
            in_words: words.of(attempt.code.as_deref()),
            provider_message_id: attempt.provider_message_id.as_deref(),
            inquiries: (attempt.inquiries > 0).then_some(attempt.inquiries),
        }
    }
}

impl<'a> ReceiptView<'a> {
    fn of(receipt: &'a ReceiptRecord, words: CodeWords<'_>) -> Self {
        Self {
            attempt: receipt.attempt,
            received_at: time(receipt.received_at_ms),
            code: &receipt.code,
            in_words: words.of(Some(&receipt.code)),
            medium: receipt.medium.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::domain::Explanation;

    fn notification() -> Notification {
        serde_json::from_value(json!({
            "id": "29698ed96c0fc24da63deffce69aa3", "revision": 3, "request_digest": "d",
            "owner": "shop", "channel": "kakao", "template": "order", "template_revision": 7,
            "variables": { "name": "김하나" }, "media": { "first": "alimtalk" },
            "recipient": { "id": "u" }, "to": { "phone": "+821090010000" }, "priority": 5,
            "tag": "spring", "data": { "order": 17 }, "status": "failed",
            "reason": { "rejected": "3015" }, "claim": 1, "attempt": 1, "failures": 0,
            "created_at_ms": 0, "ready_at_ms": 0, "status_since_ms": 1000,
        }))
        .expect("a notification")
    }

    #[test]
    fn a_producer_sees_its_tag_its_data_and_what_became_of_the_message() {
        let notification = notification();
        let shown = serde_json::to_value(NotificationView::of(&notification)).expect("JSON");
        assert_eq!(shown["tag"], "spring");
        assert_eq!(shown["data"], json!({ "order": 17 }));
        assert_eq!(shown["reason"], json!({ "name": "rejected", "code": "3015" }));
        assert_eq!(shown["status_since"], "1970-01-01T00:00:01Z");
        assert_eq!(shown.get("sequence"), None);
    }

    #[test]
    fn a_code_is_shown_in_words_and_only_an_operator_is_told_what_to_do() {
        let notification = notification();
        let meaning = Words { en: "It is refused.", ko: "거부되었습니다." };
        let action = Words { en: "Ask them.", ko: "문의하세요." };
        let explanation = Explanation { meaning, action };
        let description = Description {
            waiting: None,
            meanings: BTreeMap::from([("3015".to_owned(), explanation)]),
        };
        let reason = |shown_to| {
            let view = NotificationView::described(&notification, &description, shown_to);
            serde_json::to_value(view).expect("JSON")["reason"].clone()
        };
        let of_producer = json!({ "name": "rejected", "code": "3015", "meaning": meaning });
        assert_eq!(reason(ShownTo::Producer), of_producer);
        assert_eq!(reason(ShownTo::Operator)["what_to_do"]["ko"], "문의하세요.");
    }

    #[test]
    fn nobody_sees_phone_numbers_variables_and_internals() {
        let notification = notification();
        let shown = serde_json::to_string(&NotificationView::of(&notification)).expect("JSON");
        for hidden in ["9001", "김하나", "request_digest", "revision", "owner"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
        assert!(shown.contains("00\""), "the last two digits are shown: {shown}");
    }
}
