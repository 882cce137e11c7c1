//! The receipts of a message: when each of them is sent, and what it says.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::{ChannelType, Media, Reference};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::behaviour::Receipts;
use super::phones::Shown;

/// Sends one receipt to the webhook and returns the HTTP status; 0 when no answer came.
pub type ReceiptSink = Arc<dyn Fn(Value) -> BoxFuture<'static, u16> + Send + Sync>;

/// As [`ReceiptSink`], for the receipts of channels that have an address of their own.
pub type ChannelReceiptSink = Arc<dyn Fn(&str, Value) -> BoxFuture<'static, u16> + Send + Sync>;

/// A message that the provider took.
pub struct Message {
    pub taken: Taken,
    pub first: Shown,
    pub fallback: Option<Shown>,
}

/// What the provider keeps of a message: all but its texts.
#[derive(Clone)]
pub struct Taken {
    /// The provider's own key of the message.
    pub key: String,
    /// The reference key, as it was on the wire.
    pub reference: String,
    /// As it was on the wire.
    pub number: String,
    pub media: Media,
}

/// What one receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The medium that the receipt is about.
    pub medium: ChannelType,
    pub said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    Delivered,
    Undelivered,
    Uncertain,
}

/// A receipt in a provider's format.
pub struct WrittenReceipt {
    pub body: Value,
    /// The result code in the body.
    pub result: String,
}

/// Writes a receipt in the provider's format. The number is the time in Unix microseconds.
pub(super) type WriteReceipt = fn(&Taken, Line, i64) -> WrittenReceipt;

/// One receipt that the webhook answered with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedReceipt {
    /// When the provider sent it.
    pub at_us: i64,
    /// The message's reference key.
    pub reference: Option<Reference>,
    /// The result code.
    pub result: String,
    said: Said,
}

impl AcceptedReceipt {
    pub(super) fn new(at_us: i64, reference: &str, said: Said, result: String) -> Self {
        Self { at_us, reference: reference.parse().ok(), result, said }
    }

    /// Whether its result code means that the message was delivered.
    #[must_use]
    pub fn says_delivered(&self) -> bool {
        self.said == Said::Delivered
    }
}

/// One of a message's two contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    First,
    Fallback,
}

/// Something that happens to a message a while after its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) after: Duration,
    /// The content that appears on the phone.
    pub(super) appears: Option<Choice>,
    /// The receipt that is sent.
    pub(super) receipt: Option<Line>,
}

/// What happens to a message that the provider took. The first receipt usually comes after `after`;
/// a later one comes about `mean` later.
pub(super) fn timeline(
    receipts: Receipts,
    media: Media,
    after: Duration,
    mean: Duration,
) -> Vec<Planned> {
    let first = |said| Line { medium: media.first, said };
    let shown = |after, receipt| Planned { after, appears: Some(Choice::First), receipt };
    let receipt = |after, line| Planned { after, appears: None, receipt: Some(line) };
    let fallback = |after, appears, said| {
        let receipt = media.fallback.map(|medium| Line { medium, said })?;
        Some(Planned { after, appears, receipt: Some(receipt) })
    };
    let shown_fallback = |after| fallback(after, Some(Choice::Fallback), Said::Delivered);
    let delivered = Some(first(Said::Delivered));
    match receipts {
        Receipts::Delivered => vec![shown(after, delivered)],
        Receipts::Early => vec![shown(Duration::ZERO, delivered)],
        Receipts::Late => {
            vec![shown(after, None), receipt(after + 4 * mean, first(Said::Delivered))]
        }
        Receipts::Doubled => vec![shown(after, delivered), receipt(after, first(Said::Delivered))],
        Receipts::Never | Receipts::Lost => vec![shown(after, None)],
        Receipts::Uncertain => vec![receipt(after, first(Said::Uncertain))],
        Receipts::Undelivered => {
            let second = fallback(after + mean, None, Said::Undelivered);
            let first = receipt(after, first(Said::Undelivered));
            [Some(first), second].into_iter().flatten().collect()
        }
        Receipts::Fallback => match media.first {
            ChannelType::Alimtalk => {
                let first = receipt(after, first(Said::Undelivered));
                [Some(first), shown_fallback(after + mean)].into_iter().flatten().collect()
            }
            ChannelType::Sms | ChannelType::Lms => vec![shown(after, delivered)],
        },
        Receipts::OutOfOrder => match shown_fallback(after) {
            Some(before) => vec![before, receipt(after + mean, first(Said::Undelivered))],
            None => vec![shown(after, delivered), receipt(after + mean, first(Said::Uncertain))],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(1);
    const MEAN: Duration = Duration::from_secs(10);

    fn planned(receipts: Receipts, fallback: Option<ChannelType>) -> Vec<Planned> {
        let media = Media { first: ChannelType::Alimtalk, fallback };
        timeline(receipts, media, AFTER, MEAN)
    }

    #[test]
    fn a_fallback_appears_only_if_the_message_has_one() {
        let undelivered = Line { medium: ChannelType::Alimtalk, said: Said::Undelivered };
        let with = planned(Receipts::Fallback, Some(ChannelType::Lms));
        assert_eq!(with.len(), 2);
        assert_eq!(with[0].receipt, Some(undelivered));
        assert_eq!(with[1].appears, Some(Choice::Fallback));
        let delivered = Line { medium: ChannelType::Lms, said: Said::Delivered };
        assert_eq!(with[1].receipt, Some(delivered));

        let without = planned(Receipts::Fallback, None);
        assert_eq!(without.len(), 1);
        assert_eq!((without[0].appears, without[0].receipt), (None, Some(undelivered)));
    }

    #[test]
    fn a_text_message_reaches_a_phone_that_alimtalk_does_not_reach() {
        let media = Media { first: ChannelType::Sms, fallback: None };
        let sms = timeline(Receipts::Fallback, media, AFTER, MEAN);
        let delivered = Line { medium: ChannelType::Sms, said: Said::Delivered };
        let receipt = Some(delivered);
        assert_eq!(sms, [Planned { after: AFTER, appears: Some(Choice::First), receipt }]);
    }

    #[test]
    fn a_message_without_receipts_appears_and_a_doubled_receipt_shows_it_once() {
        let never = planned(Receipts::Never, None);
        assert_eq!(never, [Planned { after: AFTER, appears: Some(Choice::First), receipt: None }]);
        let doubled = planned(Receipts::Doubled, None);
        let shown = doubled.iter().filter(|planned| planned.appears.is_some()).count();
        let receipts = doubled.iter().filter(|planned| planned.receipt.is_some()).count();
        assert_eq!((shown, receipts), (1, 2));
    }

    #[test]
    fn receipts_out_of_order_name_the_fallback_before_the_first_choice() {
        let planned = planned(Receipts::OutOfOrder, Some(ChannelType::Sms));
        let media: Vec<_> =
            planned.iter().filter_map(|planned| Some(planned.receipt?.medium)).collect();
        assert_eq!(media, [ChannelType::Sms, ChannelType::Alimtalk]);
        assert!(planned[0].after < planned[1].after);
    }
}
