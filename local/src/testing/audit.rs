//! Checks Alimi's promises from the provider's side: compares what arrived at the simulated
//! provider, and its answers and receipts, with the stored notifications.

mod order;
mod records;

use alimi::domain::{
    Address, DecisionKind, Notification, NotificationId, PhoneNumber, Reference, Status,
};

use self::order::{Order, order_of};
use self::records::{Record, Records};
use crate::aws::embedded::Stored;
use crate::simulator::{Arrival, PhoneMessage, Simulator, busiest_second};

/// The longest time from a message's claim to its arrival: the claim's largest age at departure,
/// and the time in transit.
const STALE_US: i64 = 2_500_000;

#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Messages that the provider accepted more often than operators and policies asked for.
    pub sent_twice: Vec<NotificationId>,
    /// Steps that arrived before the step before them had ended in the way that they wait for. Only
    /// the provider's receipt shows a delivery.
    pub out_of_order: Vec<NotificationId>,
    /// The most arrivals in any sliding second.
    pub busiest_second: usize,
    /// Messages that arrived long after their claim: their sender may have lost its lease.
    pub stale: Vec<NotificationId>,
    /// Messages with a receipt of delivery that are not stored as delivered.
    pub not_stored_as_delivered: Vec<NotificationId>,
    /// Messages that appeared on another phone than the stored one, or over another medium.
    pub misdirected: Vec<NotificationId>,
    /// The number of messages that arrived and are not stored.
    pub not_stored: usize,
    /// Messages that have not ended and do not wait for a person.
    pub unsettled: Vec<(NotificationId, Status)>,
    /// From the receipt that delivered a step to the arrival of the next one, in milliseconds.
    pub release_ms: Vec<f64>,
}

impl Audit {
    /// Compares the provider's record with what is stored.
    #[must_use]
    pub fn of(simulator: &Simulator, stored: &Stored) -> Self {
        let arrivals = simulator.arrivals();
        let receipts = simulator.accepted_receipts();
        let records = Records::new(&arrivals, &receipts);
        let mut audit = Self { busiest_second: busiest_second(&arrivals), ..Self::default() };
        for (id, record) in records.all() {
            audit.compare(id, record, &records, stored);
        }
        for message in simulator.messages() {
            let Ok(Reference { id, .. }) = message.reference.parse() else { continue };
            let found = stored.notifications.get(&id);
            if found.is_some_and(|notification| !is_for(&message, notification)) {
                audit.misdirected.push(id);
            }
        }
        let all = stored.notifications.values();
        audit.unsettled = all
            .filter(|notification| !is_settled(notification, stored))
            .map(|notification| (notification.id.clone(), notification.status))
            .collect();
        audit
    }

    /// Compares the provider's record of one message with what is stored.
    fn compare(
        &mut self,
        id: &NotificationId,
        record: &Record<'_>,
        records: &Records<'_>,
        stored: &Stored,
    ) {
        let notification = stored.notifications.get(id);
        let accepted = record.arrivals.iter().filter(|arrival| arrival.was_accepted()).count();
        if accepted > 1 + notification.map_or(0, resends) {
            self.sent_twice.push(id.clone());
        }
        let Some(notification) = notification else {
            self.not_stored += usize::from(!record.arrivals.is_empty());
            return;
        };
        if record.delivered_us.is_some() && notification.status != Status::Delivered {
            self.not_stored_as_delivered.push(id.clone());
        }
        if record.arrivals.iter().any(|arrival| is_stale(notification, arrival)) {
            self.stale.push(id.clone());
        }
        let place = notification.sequence_step.as_ref().filter(|place| place.step > 0);
        if let (Some(place), Some(first)) = (place, record.arrivals.first()) {
            let sequence = stored.sequences.get(&place.sequence);
            let order = sequence.map(|sequence| {
                order_of(sequence, usize::from(place.step), first.at_us, records, stored)
            });
            match order {
                Some(Order::Released { waited_us }) => {
                    self.release_ms.push(waited_us as f64 / 1000.0);
                }
                Some(Order::Kept) => {}
                Some(Order::Broken) | None => self.out_of_order.push(id.clone()),
            }
        }
    }

    /// Every broken promise, as text. Unsettled messages break none: they may only need time.
    #[must_use]
    pub fn violations(&self, limit_per_second: usize) -> Vec<String> {
        let mut violations = Vec::new();
        let mut require = |holds: bool, violation: String| {
            if !holds {
                violations.push(violation);
            }
        };
        require(self.sent_twice.is_empty(), format!("sent twice: {:?}", self.sent_twice));
        require(self.out_of_order.is_empty(), format!("out of order: {:?}", self.out_of_order));
        require(self.stale.is_empty(), format!("sent on a stale claim: {:?}", self.stale));
        require(
            self.busiest_second <= limit_per_second,
            format!("{} arrivals in a second, {limit_per_second} allowed", self.busiest_second),
        );
        require(
            self.not_stored_as_delivered.is_empty(),
            format!("delivered, but not stored as such: {:?}", self.not_stored_as_delivered),
        );
        require(self.misdirected.is_empty(), format!("misdirected: {:?}", self.misdirected));
        require(self.not_stored == 0, format!("{} arrived that are not stored", self.not_stored));
        violations
    }
}

/// How often an operator or a policy has sent it again, as far as its record keeps that.
fn resends(notification: &Notification) -> usize {
    let is_resend = |kind| matches!(kind, DecisionKind::Resent | DecisionKind::ResentByPolicy);
    notification.decisions.iter().filter(|decision| is_resend(decision.kind)).count()
}

/// Whether a message on a phone is the one that is stored. The provider has Korean numbers in
/// national form, and they are stored in international form.
fn is_for(message: &PhoneMessage, notification: &Notification) -> bool {
    let Address::Phone(phone) = &notification.to;
    let media = notification.media;
    let medium = if message.is_fallback { media.fallback } else { Some(media.first) };
    let number = PhoneNumber::try_from(message.number.clone());
    number.is_ok_and(|number| number == *phone) && medium == Some(message.shown.medium)
}

fn is_stale(notification: &Notification, arrival: &Arrival) -> bool {
    let attempt = arrival.reference.as_ref().map_or(0, |reference| reference.attempt);
    let record = notification.attempt_record(attempt);
    record.is_some_and(|record| arrival.at_us > 1000 * record.claimed_at_ms + STALE_US)
}

/// Whether a notification has ended, is an exception, or is blocked behind an exception.
fn is_settled(notification: &Notification, stored: &Stored) -> bool {
    match notification.status {
        Status::Blocked => notification.sequence_step.as_ref().is_some_and(|place| {
            let sequence = stored.sequences.get(&place.sequence).into_iter();
            let steps = sequence.flat_map(|sequence| &sequence.steps);
            let earlier = steps.take(usize::from(place.step));
            let mut gates = earlier.filter_map(|step| stored.notifications.get(step.gate()?));
            gates.any(|gate| matches!(gate.status, Status::Unknown | Status::Unconfirmed))
        }),
        Status::Deferred | Status::Queued | Status::Sending | Status::Accepted => false,
        Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => true,
    }
}
