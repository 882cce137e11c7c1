//! The messages whose receipts have not come: the provider is asked about them shortly before their
//! deadlines.
//!
//! Nothing is kept but what the notification says: a question is recorded before it is asked, and its
//! answer is a receipt like any other. So a sender that dies has asked in vain at worst, and the next one
//! asks the second question. The messages go before: one question a second is asked at most, and claims go
//! on meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Slice;
use super::ending::Stop;
use crate::domain::agenda::{confirm_partition, just_after, sort_at};
use crate::domain::inquiry::{ASK_AHEAD_MS, inquiry_due_at_ms};
use crate::domain::{Event, Notification, Receipt, Verdict};
use crate::ports::{AgendaEntry, Asked, Inquiry, PortError};
use crate::use_cases::apply::Applied;
use crate::use_cases::sender::in_flight::InFlight;

const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often the messages are read while none is to be asked about.
const READ_EVERY: Duration = Duration::from_secs(10);
const PAGE: usize = 10;
/// A question that takes longer counts as not answered: much less than what a lease lasts.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How often heads are claimed while a question is under way, and how long a question waits for its slot.
const CLAIM_EVERY: Duration = Duration::from_millis(10);
const SLOT_WITHIN: Duration = Duration::from_secs(2);

/// The messages of one lane that await their receipts.
pub(super) struct Asking {
    partition: String,
    next_at: Instant,
    /// Where the next page begins.
    from: Option<String>,
}

impl Asking {
    pub(super) fn new(channel: &str, now: Instant) -> Self {
        Self { partition: confirm_partition(channel), next_at: now, from: None }
    }
}

impl Slice<'_> {
    /// Asks about one message at most, if its time has come.
    pub(super) async fn ask_when_due(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        if !self.provider.guarantees().can_be_asked || Instant::now() < self.asking.next_at {
            return Ok(());
        }
        let Some(notification) = self.next_to_ask_about(in_flight).await? else { return Ok(()) };
        self.last_work_at = Instant::now();
        if self.is_prepared(in_flight).await? {
            self.ask_about(notification, in_flight).await?;
        }
        Ok(())
    }

    /// Reads the next page of the messages, and returns the first one whose question is due.
    async fn next_to_ask_about(
        &mut self,
        in_flight: &mut InFlight,
    ) -> Result<Option<Notification>, PortError> {
        let now_ms = self.sender.clock.now_ms();
        let from = self.asking.from.take().unwrap_or_else(|| sort_at(now_ms));
        let until = sort_at(now_ms + ASK_AHEAD_MS);
        let sender = self.sender;
        let page = sender.agenda.entries(&self.asking.partition, Some(&from), Some(&until), PAGE);
        let page = in_flight.drive_until(page).await?;
        for AgendaEntry { id, sort } in &page {
            self.keep_claiming(in_flight);
            let awaiting = match in_flight.drive_until(sender.notifications.load(id)).await {
                Ok(loaded) => loaded,
                // The sweeper reports it.
                Err(PortError::Unusable { .. }) => None,
                Err(error) => return Err(error),
            };
            let is_due = |n: &Notification| inquiry_due_at_ms(n).is_some_and(|due| due <= now_ms);
            if let Some(notification) = awaiting.filter(is_due) {
                self.asking.from = Some(sort.clone());
                return Ok(Some(notification));
            }
        }
        let last = page.last().filter(|_| page.len() == PAGE);
        self.asking.from = last.map(|last| just_after(&last.sort));
        let pause = if last.is_some() { ASK_EVERY } else { READ_EVERY };
        self.asking.next_at = Instant::now() + pause;
        Ok(None)
    }

    async fn ask_about(
        &mut self,
        notification: Notification,
        in_flight: &mut InFlight,
    ) -> Result<(), Stop> {
        let attempt = notification.attempt;
        self.asking.next_at = Instant::now() + ASK_EVERY;
        let event = Event::Asked { attempt, at_ms: self.sender.clock.now_ms() };
        let recording = self.apply.apply_to(notification, &event);
        let Applied::Moved(notification) = in_flight.drive_until(recording).await? else {
            return Ok(());
        };
        if !self.has_slot_for_question(in_flight).await {
            return Ok(());
        }
        let Some(answer) = self.answer_to(&notification, in_flight).await else { return Ok(()) };
        let channel = &self.lane.channel.name;
        tracing::info!(channel, notification = %notification.id, ?answer, "the provider was asked");
        let receipt = match answer {
            Asked::Answered(receipt) => receipt,
            // It counts as a receipt that says nothing, and tells persons why the message is unconfirmed.
            Asked::NotKnown { code } => {
                Receipt { verdict: Verdict::Inconclusive, code, medium: None }
            }
            Asked::ReceiptComes | Asked::NoAnswer | Asked::CannotBeAsked => return Ok(()),
        };
        let at_ms = self.sender.clock.now_ms();
        let event = Event::ReceiptArrived { attempt, at_ms, receipt };
        in_flight.drive_until(self.apply.apply_to(*notification, &event)).await?;
        Ok(())
    }

    /// Waits for the next slot, which the question takes before the messages that were claimed for it.
    async fn has_slot_for_question(&mut self, in_flight: &mut InFlight) -> bool {
        let give_up_at = Instant::now() + SLOT_WITHIN;
        let was_open = in_flight.ready.is_open();
        in_flight.ready.close();
        let has_slot = loop {
            // An answer or an open connection has to come first.
            let wait = in_flight.pacing.until_slot().unwrap_or(CLAIM_EVERY);
            let is_free = in_flight.pacing.until_slot().is_some_and(|wait| wait.is_zero());
            if is_free || Instant::now() + wait > give_up_at {
                break is_free;
            }
            in_flight.drive_until(tokio::time::sleep(wait)).await;
        };
        if was_open {
            in_flight.ready.open();
        }
        // A process that was frozen meanwhile has to renew its lease first.
        has_slot && !in_flight.ready.is_lease_over() && !in_flight.pacing.is_circuit_open()
    }

    /// Asks in the slot that is free now.
    async fn answer_to(
        &mut self,
        notification: &Notification,
        in_flight: &mut InFlight,
    ) -> Option<Asked> {
        let attempt = notification.attempt_record(notification.attempt)?;
        let reference = notification.reference();
        let provider = Arc::clone(&self.provider);
        let inquiry = Inquiry { reference: &reference, to: &notification.to, attempt };
        let departure = in_flight.token_request_departs();
        let question = tokio::time::timeout(ANSWER_WITHIN, provider.ask(inquiry));
        tokio::pin!(question);
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut question => break answer,
                () = in_flight.next_event_or(tokio::time::sleep(CLAIM_EVERY)) => {}
            }
            self.keep_claiming(in_flight);
        };
        in_flight.token_request_ended(departure);
        Some(answer.unwrap_or(Asked::NoAnswer))
    }
}
