//! Checks Alimi's promises from the provider's side: compares what arrived at the simulated
//! provider, and its answers and receipts, with the stored notifications.

use std::collections::BTreeMap;

use alimi::domain::{Notification, NotificationId, Status};

use crate::simulator::{Arrival, Simulator, busiest_second};

/// The longest time from a message's claim to its arrival: the claim's largest age at departure,
/// and the time in transit.
const STALE_US: i64 = 2_500_000;

#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Messages that the provider accepted more than once.
    pub sent_twice: Vec<NotificationId>,
    /// Steps that arrived before the receipt that delivered the step before them.
    pub out_of_order: Vec<NotificationId>,
    /// The most arrivals in any sliding second.
    pub busiest_second: usize,
    /// Messages that arrived long after their claim: their sender may have lost its lease.
    pub stale: Vec<NotificationId>,
    /// Messages with a receipt of delivery that are not stored as delivered.
    pub not_stored_as_delivered: Vec<NotificationId>,
    /// The number of messages that arrived and are not stored.
    pub not_stored: usize,
    /// Messages that have not ended and do not wait for a person.
    pub unsettled: Vec<(NotificationId, Status)>,
    /// From the receipt that delivered a step to the arrival of the next one, in milliseconds.
    pub release_ms: Vec<f64>,
}

impl Audit {
    /// Compares the provider's record with the stored notifications.
    #[must_use]
    pub fn of(simulator: &Simulator, stored: &BTreeMap<NotificationId, Notification>) -> Self {
        let arrivals = simulator.arrivals();
        let receipts = simulator.accepted_receipts();
        let mut audit = Self { busiest_second: busiest_second(&arrivals), ..Self::default() };

        let mut arrived: BTreeMap<&NotificationId, Vec<&Arrival>> = BTreeMap::new();
        for arrival in &arrivals {
            if let Some(reference) = &arrival.reference {
                arrived.entry(&reference.id).or_default().push(arrival);
            }
        }
        let mut delivered_at_us: BTreeMap<&NotificationId, i64> = BTreeMap::new();
        for receipt in receipts.iter().filter(|receipt| receipt.says_delivered()) {
            if let Some(reference) = &receipt.reference {
                let at_us = delivered_at_us.entry(&reference.id).or_insert(receipt.at_us);
                *at_us = receipt.at_us.min(*at_us);
            }
        }

        for (id, arrivals) in &arrived {
            if arrivals.iter().filter(|arrival| arrival.was_accepted()).count() > 1 {
                audit.sent_twice.push((*id).clone());
            }
            let Some(notification) = stored.get(*id) else {
                audit.not_stored += 1;
                continue;
            };
            let is_stale = |arrival: &&Arrival| {
                let attempt = arrival.reference.as_ref().map_or(0, |reference| reference.attempt);
                notification
                    .attempt_record(attempt)
                    .is_some_and(|record| arrival.at_us > 1000 * record.claimed_at_ms + STALE_US)
            };
            if arrivals.iter().any(is_stale) {
                audit.stale.push((*id).clone());
            }
            if let Some(step) = notification.sequence_step.as_ref().filter(|step| step.step > 0) {
                let before = step.sequence.step_id(step.step - 1);
                match delivered_at_us.get(&before) {
                    Some(released_us) if arrivals[0].at_us >= *released_us => {
                        let waited_us = arrivals[0].at_us - released_us;
                        audit.release_ms.push(waited_us as f64 / 1000.0);
                    }
                    Some(_) | None => audit.out_of_order.push((*id).clone()),
                }
            }
        }
        for id in delivered_at_us.keys() {
            if stored.get(*id).is_some_and(|known| known.status != Status::Delivered) {
                audit.not_stored_as_delivered.push((*id).clone());
            }
        }
        audit.unsettled = stored
            .values()
            .filter(|notification| !is_settled(notification, stored))
            .map(|notification| (notification.id.clone(), notification.status))
            .collect();
        audit
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
        require(self.not_stored == 0, format!("{} arrived that are not stored", self.not_stored));
        violations
    }
}

/// Whether a notification has ended, is an exception, or is blocked behind an exception.
fn is_settled(
    notification: &Notification,
    stored: &BTreeMap<NotificationId, Notification>,
) -> bool {
    match notification.status {
        Status::Blocked => notification.sequence_step.as_ref().is_some_and(|step| {
            (0..step.step)
                .filter_map(|earlier| stored.get(&step.sequence.step_id(earlier)))
                .any(|earlier| matches!(earlier.status, Status::Unknown | Status::Unconfirmed))
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
