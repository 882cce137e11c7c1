//! Whether the steps of a sequence arrived in their order.

use alimi::domain::sequence::{After, OnFailure, OnUnconfirmed, Step};
use alimi::domain::{DecisionKind, Notification, NotificationId, Reason, Sequence, Status};

use super::records::Records;
use crate::aws::embedded::Stored;

/// How the first arrival of a step fits the record of the step before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It was released by a delivery, and arrived this long after the receipt.
    Released {
        waited_us: i64,
    },
    Kept,
    Broken,
}

/// Checks a step that arrived at `arrived_us`. `step` counts from 0.
pub(super) fn order_of(
    sequence: &Sequence,
    step: usize,
    arrived_us: i64,
    records: &Records<'_>,
    stored: &Stored,
) -> Order {
    let Some((this, earlier)) = sequence.steps.get(..=step).and_then(<[_]>::split_last) else {
        return Order::Broken;
    };
    let gate_of = |id: &NotificationId| stored.notifications.get(id);
    // A step that did not leave passes on the end of the step before it.
    let mut gates = earlier.iter().rev().filter_map(Step::gate);
    let Some(before) = gates.find(|id| !gate_of(id).is_some_and(was_passed_over)) else {
        return Order::Broken;
    };
    let record = records.of(before);
    let in_time = |at_us: Option<i64>| at_us.filter(|at_us| *at_us <= arrived_us);
    let delivered_us = in_time(record.delivered_us);
    let is_failure = if record.was_accepted() {
        in_time(record.undelivered_us).is_some()
    } else {
        gate_of(before).is_some_and(|gate| has_failed(gate.status))
    };
    // The provider does not know of what a person has settled.
    if gate_of(before).is_some_and(was_settled_as_delivered) {
        return Order::Kept;
    }
    let goes_on = sequence.on_failure == OnFailure::Continue;
    // Nothing at the provider shows when a step became unconfirmed.
    let may_be_unconfirmed = sequence.on_unconfirmed == OnUnconfirmed::Continue;
    let (after_delivery, after_failure) = match this.after {
        After::Delivered => (true, goes_on),
        After::Failed => (false, true),
        After::Finished => (true, true),
    };
    match delivered_us {
        Some(released_us) if after_delivery && this.delay_ms == 0 => {
            Order::Released { waited_us: arrived_us - released_us }
        }
        Some(released_us) if after_delivery && released_us + 1000 * this.delay_ms <= arrived_us => {
            Order::Kept
        }
        None if after_failure && is_failure => Order::Kept,
        None if after_delivery && may_be_unconfirmed => Order::Kept,
        Some(_) | None => Order::Broken,
    }
}

/// Whether the steps behind this one go by the end of the step before it.
fn was_passed_over(gate: &Notification) -> bool {
    gate.status == Status::Cancelled
        && matches!(gate.reason, Some(Reason::NotNeeded | Reason::PredecessorStopped))
}

fn was_settled_as_delivered(gate: &Notification) -> bool {
    gate.decisions.iter().any(|decision| decision.kind == DecisionKind::SettledDelivered)
}

fn has_failed(status: Status) -> bool {
    match status {
        Status::Failed | Status::Expired => true,
        Status::Blocked
        | Status::Deferred
        | Status::Queued
        | Status::Sending
        | Status::Accepted
        | Status::Unknown
        | Status::Unconfirmed
        | Status::Cancelled
        | Status::Delivered => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alimi::domain::{Address, PhoneNumber};
    use serde_json::json;

    use super::*;
    use crate::testing::audit::Audit;
    use crate::testing::world::{World, WorldSettings};

    const FIRST_DELIVERED: &str = "010-1234-5678";
    /// The first step, an Alimtalk message without a fallback of the provider's, is undelivered.
    const FIRST_UNDELIVERED: &str = "010-9006-0000";

    /// The end of a sequence of an Alimtalk message and a text message.
    async fn sent(phone: &str, after: &str) -> World {
        let world = World::new(WorldSettings::default()).await;
        let step = |template: &str| {
            json!({
                "template": template,
                "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
            })
        };
        let mut second = step("consultation-sms");
        second["after"] = after.into();
        let body = json!({
            "to": { "id": "u", "phone": phone }, "steps": [step("photo-and-video"), second],
        });
        let (status, answer) = world.produce("POST", "/v1/sequences", Some("k"), body).await;
        assert_eq!(status, 202, "{answer}");
        world.start_senders();
        world.settle(Duration::from_secs(3600)).await;
        world
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_left_without_the_end_that_it_waits_for_is_reported() {
        for (phone, after, other) in [
            (FIRST_DELIVERED, "delivered", After::Failed),
            (FIRST_DELIVERED, "finished", After::Failed),
            (FIRST_UNDELIVERED, "failed", After::Delivered),
            (FIRST_UNDELIVERED, "finished", After::Delivered),
        ] {
            let world = sent(phone, after).await;
            let mut stored = world.stored();
            let audit = Audit::of(&world.simulator, &stored);
            assert_eq!(audit.violations(40), [""; 0], "after {after}");
            let arrived = world.simulator.arrivals().iter().filter(|a| a.was_accepted()).count();
            assert_eq!(arrived, 2, "after {after}");
            // The same record, but the second step would have had to wait for something else.
            for sequence in stored.sequences.values_mut() {
                sequence.steps[1].after = other;
            }
            let audit = Audit::of(&world.simulator, &stored);
            assert_eq!(audit.out_of_order.len(), 1, "after {after}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_on_another_phone_than_the_stored_one_is_reported() {
        let world = sent(FIRST_DELIVERED, "delivered").await;
        let mut stored = world.stored();
        assert!(Audit::of(&world.simulator, &stored).misdirected.is_empty());
        for notification in stored.notifications.values_mut() {
            let other = PhoneNumber::try_from("010-1234-5679".to_owned());
            notification.to = Address::Phone(other.expect("a phone number"));
        }
        assert_eq!(Audit::of(&world.simulator, &stored).misdirected.len(), 2);
    }
}
