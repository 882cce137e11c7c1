//! What becomes of a message that the provider took: it appears on a phone, and its receipts are
//! sent.

use std::sync::Arc;
use std::time::Duration;

use super::behaviour::Receipts;
use super::phones::PhoneMessage;
use super::provider::Simulator;
use super::receipts::{
    AcceptedReceipt, Choice, Line, Message, Planned, Taken, WriteReceipt, timeline,
};

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
        message: Message,
        receipts: Receipts,
        write: WriteReceipt,
    ) {
        let mean = self.settings.receipt_after;
        let after = self.around(mean, mean / 2);
        let key = message.taken.key.clone();
        self.state().taken.insert(key, (message.taken.clone(), None));
        let message = Arc::new(message);
        for planned in timeline(receipts, message.taken.media, after, mean) {
            self.plan(Arc::clone(&message), planned, write);
        }
    }

    fn plan(self: &Arc<Self>, message: Arc<Message>, planned: Planned, write: WriteReceipt) {
        let this = Arc::clone(self);
        let Planned { after, appears, receipt } = planned;
        this.state().pending_receipts += usize::from(receipt.is_some());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if let Some(choice) = appears {
                this.show(&message, choice);
            }
            if let Some(line) = receipt {
                this.send_receipt(&message.taken, line, write).await;
                this.state().pending_receipts -= 1;
            }
        });
    }

    fn show(&self, message: &Message, choice: Choice) {
        let (shown, is_fallback) = match choice {
            Choice::First => (Some(&message.first), false),
            Choice::Fallback => (message.fallback.as_ref(), true),
        };
        let Some(shown) = shown.cloned() else { return };
        let Taken { number, reference, .. } = &message.taken;
        let at_us = self.clock.now_us();
        let message = PhoneMessage::new(at_us, number, reference, is_fallback, shown);
        self.state().phones.show(message);
    }

    /// Asks about a message. If its receipt was sent, the last one is sent again.
    pub(in crate::simulator) fn inquire(
        self: &Arc<Self>,
        key: &str,
        write: WriteReceipt,
    ) -> Inquired {
        let Some((taken, last)) = self.state().taken.get(key).cloned() else {
            return Inquired::NotKnown;
        };
        let Some(line) = last else { return Inquired::NotFinal };
        let this = Arc::clone(self);
        this.state().pending_receipts += 1;
        tokio::spawn(async move {
            tokio::time::sleep(this.settings.receipt_after).await;
            this.send_receipt(&taken, line, write).await;
            this.state().pending_receipts -= 1;
        });
        Inquired::ReceiptComes
    }

    /// Sends one receipt, and repeats it until the webhook accepts it. Without a sink the receipt
    /// is discarded.
    async fn send_receipt(&self, taken: &Taken, line: Line, write: WriteReceipt) {
        if let Some((_, last)) = self.state().taken.get_mut(&taken.key) {
            *last = Some(line);
        }
        let Some(sink) = self.sink.get() else { return };
        let written = write(taken, line, self.clock.now_us());
        for _ in 0..RECEIPT_TRIES {
            let at_us = self.clock.now_us();
            if sink(written.body.clone()).await == 200 {
                let accepted = AcceptedReceipt::new(at_us, taken, line.said, written.result);
                self.state().accepted_receipts.push(accepted);
                return;
            }
            tokio::time::sleep(RECEIPT_RETRY_PAUSE).await;
        }
    }
}
