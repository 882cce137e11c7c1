//! What becomes of a message that the provider took: it appears on a phone, and its receipts are
//! sent.

use std::sync::Arc;
use std::time::Duration;

use super::behaviour::Receipts;
use super::channel::FromChannel;
use super::kept::{Delivery, PlannedReceipt};
use super::phones::PhoneMessage;
use super::provider::Simulator;
use super::receipts::{
    AcceptedReceipt, Choice, Line, Message, Planned, Said, Taken, WriteReceipt, timeline,
};
use super::taken::TakenMessage;

/// A receipt is sent until the webhook answers with 200, this often at most, with this pause.
const RECEIPT_TRIES: u32 = 10;
const RECEIPT_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What the provider can say about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inquired {
    NotKnown,
    /// No receipt of the message has been sent.
    NotFinal,
    /// The message's last receipt is sent again.
    ReceiptComes,
}

impl Simulator {
    /// Takes a message: it appears on the phone, and its receipts are sent, as `receipts` says.
    pub(in crate::simulator) fn take(
        self: &Arc<Self>,
        from: &FromChannel,
        message: &Message,
        receipts: Receipts,
        write: WriteReceipt,
    ) {
        let mean = self.settings.receipt_after;
        let after = self.around(mean, mean / 2);
        let FromChannel(channel) = from.clone();
        let delivered = Line { medium: message.taken.media.first, said: Said::Delivered };
        let last = (receipts == Receipts::Lost).then_some(delivered);
        let taken = TakenMessage { taken: message.taken.clone(), channel, last };
        {
            let mut state = self.state();
            state.counts.messages += 1;
            state.taken.add(taken.clone());
        }
        let steps = timeline(receipts, message.taken.media, after, mean);
        for (step, planned) in steps.into_iter().enumerate() {
            let due_us = self.us_after(planned.after);
            let receipt = planned.receipt.map(|line| planned_receipt(&taken, line, write, due_us));
            let delivery = Delivery { due_us, shown: appearing(message, planned, due_us), receipt };
            self.keep_and_start(format!("{}-{step}", message.taken.key), delivery);
        }
    }

    fn us_after(&self, duration: Duration) -> i64 {
        let us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        self.clock.now_us().saturating_add(us)
    }

    fn keep_and_start(self: &Arc<Self>, name: String, delivery: Delivery) {
        if let Some(kept) = self.kept.get() {
            kept.keep_delivery(&name, &delivery);
        }
        self.start_delivery(name, delivery);
    }

    /// Waits until the delivery is due, and makes it.
    pub(super) fn start_delivery(self: &Arc<Self>, name: String, delivery: Delivery) {
        let this = Arc::clone(self);
        let Delivery { due_us, shown, receipt } = delivery;
        let has_receipt = receipt.is_some();
        this.state().pending_receipts += usize::from(has_receipt);
        let left_us = u64::try_from(due_us - self.clock.now_us()).unwrap_or(0);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_micros(left_us)).await;
            if let Some(shown) = shown {
                this.state().phones.show(shown);
            }
            if let Some(receipt) = receipt {
                this.send_receipt(receipt).await;
            }
            if let Some(kept) = this.kept.get() {
                kept.forget_delivery(&name);
            }
            this.state().pending_receipts -= usize::from(has_receipt);
        });
    }

    /// Asks about a message. If its receipt was sent, the last one is sent again.
    pub(in crate::simulator) fn inquire(
        self: &Arc<Self>,
        key: &str,
        write: WriteReceipt,
    ) -> Inquired {
        let Some(message) = self.state().taken.get(key).cloned() else {
            return Inquired::NotKnown;
        };
        let Some(line) = message.last else { return Inquired::NotFinal };
        let due_us = self.us_after(self.settings.receipt_after);
        let receipt = Some(planned_receipt(&message, line, write, due_us));
        let delivery = Delivery { due_us, shown: None, receipt };
        self.keep_and_start(format!("{key}-asked-{}", self.next_key()), delivery);
        Inquired::ReceiptComes
    }

    /// Sends one receipt, and repeats it until the webhook accepts it. Without a sink the receipt
    /// is discarded.
    async fn send_receipt(&self, receipt: PlannedReceipt) {
        let PlannedReceipt { key, reference, channel, line, body, result } = receipt;
        self.state().taken.receipt_sent(&key, line);
        for _ in 0..RECEIPT_TRIES {
            let at_us = self.clock.now_us();
            let sent = match (&channel, self.channel_sink.get(), self.sink.get()) {
                (Some(channel), Some(sink), _) => sink(channel, body.clone()),
                (_, _, Some(sink)) => sink(body.clone()),
                (_, _, None) => return,
            };
            if sent.await == 200 {
                self.receipt_accepted(AcceptedReceipt::new(at_us, &reference, line.said, result));
                return;
            }
            tokio::time::sleep(RECEIPT_RETRY_PAUSE).await;
        }
    }
}

fn planned_receipt(
    message: &TakenMessage,
    line: Line,
    write: WriteReceipt,
    due_us: i64,
) -> PlannedReceipt {
    let TakenMessage { taken, channel, .. } = message;
    let written = write(taken, line, due_us);
    PlannedReceipt {
        key: taken.key.clone(),
        reference: taken.reference.clone(),
        channel: channel.as_deref().map(str::to_owned),
        line,
        body: written.body,
        result: written.result,
    }
}

/// What appears on the phone.
fn appearing(message: &Message, planned: Planned, at_us: i64) -> Option<PhoneMessage> {
    let (shown, is_fallback) = match planned.appears? {
        Choice::First => (Some(&message.first), false),
        Choice::Fallback => (message.fallback.as_ref(), true),
    };
    let Taken { number, reference, .. } = &message.taken;
    Some(PhoneMessage::new(at_us, number, reference, is_fallback, shown?.clone()))
}
