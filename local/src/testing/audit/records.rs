//! What the provider knows of each message.

use std::collections::BTreeMap;

use alimi::domain::NotificationId;

use crate::simulator::{AcceptedReceipt, Arrival};

/// The provider's record of one message.
#[derive(Clone, Debug, Default)]
pub(super) struct Record<'a> {
    /// In order.
    pub(super) arrivals: Vec<&'a Arrival>,
    /// When the first receipt was sent that says delivered.
    pub(super) delivered_us: Option<i64>,
    /// When the first receipt was sent that does not say delivered.
    pub(super) undelivered_us: Option<i64>,
}

impl Record<'_> {
    /// Whether the provider accepted the message at least once.
    pub(super) fn was_accepted(&self) -> bool {
        self.arrivals.iter().any(|arrival| arrival.was_accepted())
    }
}

/// The provider's records, by the message's id.
#[derive(Debug)]
pub(super) struct Records<'a> {
    by_id: BTreeMap<&'a NotificationId, Record<'a>>,
    none: Record<'a>,
}

impl<'a> Records<'a> {
    pub(super) fn new(arrivals: &'a [Arrival], receipts: &'a [AcceptedReceipt]) -> Self {
        let mut by_id: BTreeMap<&NotificationId, Record<'_>> = BTreeMap::new();
        for arrival in arrivals {
            if let Some(reference) = &arrival.reference {
                by_id.entry(&reference.id).or_default().arrivals.push(arrival);
            }
        }
        for receipt in receipts {
            let Some(reference) = &receipt.reference else { continue };
            let record = by_id.entry(&reference.id).or_default();
            let first = if receipt.says_delivered() {
                &mut record.delivered_us
            } else {
                &mut record.undelivered_us
            };
            let at_us = first.get_or_insert(receipt.at_us);
            *at_us = receipt.at_us.min(*at_us);
        }
        Self { by_id, none: Record::default() }
    }

    /// The record of a message; an empty one when the provider knows nothing of it.
    pub(super) fn of(&self, id: &NotificationId) -> &Record<'a> {
        self.by_id.get(id).unwrap_or(&self.none)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'a NotificationId, &Record<'a>)> {
        self.by_id.iter().map(|(id, record)| (*id, record))
    }
}
