//! What an outsider who saw everything can say: whether the promises were kept, told from what
//! arrived at the provider and what it answered.

use std::collections::BTreeMap;

use alimi::domain::{Notification, NotificationId, Status};

use crate::simulator::{Arrival, Simulator, busiest_second};

/// How long after its claim a message may arrive: the claim's age at departure, and the way.
const STALE_US: i64 = 2_500_000;

/// The outcome of an audit.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Messages that the provider took more than once.
    pub taken_twice: Vec<NotificationId>,
    /// Steps that arrived before the push which delivered the step before them.
    pub out_of_order: Vec<NotificationId>,
    /// The most arrivals in any sliding second.
    pub busiest_second: usize,
    /// Messages that arrived long after their claim: somebody sent who had no right to any more.
    pub stale: Vec<NotificationId>,
    /// Delivered by the provider's word, and not known as such to us.
    pub not_known_delivered: Vec<NotificationId>,
    /// Arrived, though we know of no such message.
    pub strangers: usize,
    /// Something still has to happen to them.
    pub unsettled: Vec<(NotificationId, Status)>,
    /// From the push that delivered a step to the arrival of the next one, in milliseconds.
    pub release_ms: Vec<f64>,
}

impl Audit {
    /// Compares what the provider saw with what is stored.
    #[must_use]
    pub fn of(simulator: &Simulator, stored: &BTreeMap<NotificationId, Notification>) -> Self {
        let arrivals = simulator.arrivals();
        let pushed = simulator.pushed();
        let mut audit = Self { busiest_second: busiest_second(&arrivals), ..Self::default() };

        let mut arrived: BTreeMap<&NotificationId, Vec<&Arrival>> = BTreeMap::new();
        for arrival in &arrivals {
            if let Some(reference) = &arrival.reference {
                arrived.entry(&reference.id).or_default().push(arrival);
            }
        }
        let mut delivered_at_us: BTreeMap<&NotificationId, i64> = BTreeMap::new();
        for push in pushed.iter().filter(|push| push.says_delivered()) {
            if let Some(reference) = &push.reference {
                let at_us = delivered_at_us.entry(&reference.id).or_insert(push.at_us);
                *at_us = push.at_us.min(*at_us);
            }
        }

        for (id, arrivals) in &arrived {
            if arrivals.iter().filter(|arrival| arrival.was_taken()).count() > 1 {
                audit.taken_twice.push((*id).clone());
            }
            let Some(notification) = stored.get(*id) else {
                audit.strangers += 1;
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
            if let Some(place) = notification.place.as_ref().filter(|place| place.step > 0) {
                let before = place.sequence.step_id(place.step - 1);
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
                audit.not_known_delivered.push((*id).clone());
            }
        }
        audit.unsettled = stored
            .values()
            .filter(|notification| !is_settled(notification, stored))
            .map(|notification| (notification.id.clone(), notification.status))
            .collect();
        audit
    }

    /// Every broken promise, in words. What is unsettled is none: it may only need time.
    #[must_use]
    pub fn violations(&self, limit_per_second: usize) -> Vec<String> {
        let mut violations = Vec::new();
        let mut require = |holds: bool, words: String| {
            if !holds {
                violations.push(words);
            }
        };
        require(self.taken_twice.is_empty(), format!("sent twice: {:?}", self.taken_twice));
        require(self.out_of_order.is_empty(), format!("out of order: {:?}", self.out_of_order));
        require(self.stale.is_empty(), format!("sent on a stale claim: {:?}", self.stale));
        require(
            self.busiest_second <= limit_per_second,
            format!("{} arrivals in a second, {limit_per_second} allowed", self.busiest_second),
        );
        require(
            self.not_known_delivered.is_empty(),
            format!("delivered, and not known to be: {:?}", self.not_known_delivered),
        );
        require(self.strangers == 0, format!("{} arrived that nobody stored", self.strangers));
        violations
    }
}

/// Over, on the exceptions list, or blocked behind one that is.
fn is_settled(
    notification: &Notification,
    stored: &BTreeMap<NotificationId, Notification>,
) -> bool {
    match notification.status {
        Status::Blocked => notification.place.as_ref().is_some_and(|place| {
            (0..place.step)
                .filter_map(|step| stored.get(&place.sequence.step_id(step)))
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
