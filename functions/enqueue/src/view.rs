//! What producers see of a notification. Phone numbers are masked, and texts are left out.

use alimi::domain::{
    Attempt, Notification, NotificationId, Outcome, ReceiptRecord, SequenceId, Status,
};
use alimi::http::Problem;
use alimi::use_cases::{Enqueued, NotEnqueued};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct NotificationView<'a> {
    id: &'a NotificationId,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonView<'a>>,
    status_since: Option<Timestamp>,
    channel: &'a str,
    template: &'a str,
    recipient: RecipientView<'a>,
    priority: u16,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_message_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ReceiptView<'a> {
    attempt: u8,
    received_at: Option<Timestamp>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    medium: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct SequenceView<'a> {
    id: &'a SequenceId,
    steps: Vec<NotificationView<'a>>,
}

#[derive(Serialize)]
pub(crate) struct BulkView {
    pub(crate) items: Vec<BulkItem>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum BulkItem {
    Enqueued { index: usize, id: NotificationId, status: Status, new: bool },
    Refused { index: usize, problem: Problem },
}

/// `None` never occurs: stored times are within the range of a timestamp.
fn time(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}

impl<'a> NotificationView<'a> {
    pub(crate) fn of(notification: &'a Notification) -> Self {
        Self {
            id: &notification.id,
            status: notification.status,
            reason: notification
                .reason
                .as_ref()
                .map(|reason| ReasonView { name: reason.name(), code: reason.code() }),
            status_since: time(notification.status_since_ms),
            channel: &notification.channel,
            template: &notification.template,
            recipient: RecipientView {
                id: &notification.recipient.id,
                phone: notification.recipient.phone.as_ref().map(ToString::to_string),
            },
            priority: notification.priority.0,
            sequence: notification.sequence_step.as_ref().map(|place| PlaceView {
                id: &place.sequence,
                step: place.step + 1,
                of: place.steps,
            }),
            created_at: time(notification.created_at_ms),
            not_before: notification.not_before_ms.and_then(time),
            expires_at: notification.expires_at_ms.and_then(time),
            confirm_by: notification.deadline_ms.and_then(time),
            attempts: notification.attempts.iter().map(AttemptView::of).collect(),
            receipts: notification.receipts.iter().map(ReceiptView::of).collect(),
        }
    }
}

impl<'a> AttemptView<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        Self {
            number: attempt.number,
            claimed_at: time(attempt.claimed_at_ms),
            request_sent_at: attempt.request_sent_at_ms.and_then(time),
            response_received_at: attempt.response_received_at_ms.and_then(time),
            outcome: attempt.outcome,
            code: attempt.code.as_deref(),
            provider_message_id: attempt.provider_message_id.as_deref(),
        }
    }
}

impl<'a> ReceiptView<'a> {
    fn of(receipt: &'a ReceiptRecord) -> Self {
        Self {
            attempt: receipt.attempt,
            received_at: time(receipt.received_at_ms),
            code: &receipt.code,
            medium: receipt.medium.as_deref(),
        }
    }
}

impl<'a> SequenceView<'a> {
    pub(crate) fn of(id: &'a SequenceId, steps: &'a [Notification]) -> Self {
        Self { id, steps: steps.iter().map(NotificationView::of).collect() }
    }
}

impl BulkItem {
    pub(crate) fn of(index: usize, result: Result<Enqueued, NotEnqueued>) -> Self {
        match result {
            Ok(enqueued) => Self::Enqueued {
                index,
                id: enqueued.notification.id,
                status: enqueued.notification.status,
                new: enqueued.is_new,
            },
            Err(error) => Self::Refused { index, problem: error.into() },
        }
    }
}
