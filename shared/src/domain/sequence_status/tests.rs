use super::*;
use crate::domain::id::{RequestKey, SequenceId};
use crate::domain::sequence::{OnFailure, OnUnconfirmed, Step};
use crate::domain::unknown_attributes::UnknownAttributes;

fn id() -> SequenceId {
    let key = RequestKey { producer: "shop", route: "POST /v1/sequences", idempotency_key: "1" };
    key.sequence_id()
}

/// A step with what it waits for, and what its gate's record says; `None` for a record that is gone.
type Gate = (After, Option<(Status, Option<Reason>)>);

fn gate(status: Status) -> Gate {
    (After::Delivered, Some((status, None)))
}

fn fallback(status: Status) -> Gate {
    (After::Failed, Some((status, None)))
}

fn cancelled(reason: Reason) -> Gate {
    (After::Delivered, Some((Status::Cancelled, Some(reason))))
}

const GONE: Gate = (After::Delivered, None);

fn status_of(on_failure: OnFailure, gates: &[Gate]) -> SequenceStatus {
    let numbered = || (0_u8..).zip(gates);
    let steps = numbered().map(|(number, (after, _))| Step {
        after: *after,
        delay_ms: 0,
        notifications: vec![id().notification_id(number, 0)],
        gate: 0,
    });
    let sequence = Sequence {
        id: id(),
        schema: Sequence::SCHEMA,
        request_digest: String::new(),
        owner: "shop".into(),
        on_failure,
        on_unconfirmed: OnUnconfirmed::Continue,
        steps: steps.collect(),
        created_at_ms: 0,
        unknown: UnknownAttributes::default(),
    };
    let records: Vec<Notification> = numbered()
        .filter_map(|(number, (_, record))| {
            let (status, reason) = record.clone()?;
            let sample = Notification::sample(id().notification_id(number, 0), 0);
            Some(Notification { status, reason, ..sample })
        })
        .collect();
    sequence.status(|wanted| records.iter().find(|record| record.id == *wanted))
}

#[track_caller]
fn expect(expected: SequenceStatus, gates: &[Gate]) {
    assert_eq!(status_of(OnFailure::Halt, gates), expected);
}

#[test]
fn a_sequence_waits_until_its_first_step_is_claimed() {
    expect(SequenceStatus::Waiting, &[gate(Status::Queued), gate(Status::Blocked)]);
    expect(SequenceStatus::Waiting, &[gate(Status::Deferred), gate(Status::Blocked)]);
    // Its later steps were withdrawn alone.
    expect(SequenceStatus::Waiting, &[gate(Status::Queued), cancelled(Reason::Requested)]);
    expect(SequenceStatus::Sending, &[gate(Status::Sending), gate(Status::Blocked)]);
}

#[test]
fn a_sequence_is_sending_between_its_steps() {
    for status in [Status::Deferred, Status::Queued, Status::Sending, Status::Accepted] {
        expect(SequenceStatus::Sending, &[gate(Status::Delivered), gate(status)]);
        expect(SequenceStatus::Sending, &[GONE, gate(status)]);
        expect(SequenceStatus::Sending, &[gate(Status::Failed), fallback(status)]);
    }
    expect(SequenceStatus::Sending, &[gate(Status::Accepted), cancelled(Reason::Requested)]);
    // The delivery was read a moment after the blocked step.
    expect(SequenceStatus::Sending, &[gate(Status::Delivered), gate(Status::Blocked)]);
}

#[test]
fn a_sequence_is_stalled_while_the_step_that_decides_is_in_doubt() {
    for status in [Status::Unknown, Status::Unconfirmed] {
        expect(SequenceStatus::Stalled, &[gate(status), gate(Status::Blocked)]);
        expect(SequenceStatus::Stalled, &[gate(Status::Delivered), gate(status)]);
        // It went on after an unconfirmed step.
        expect(SequenceStatus::Sending, &[gate(status), gate(Status::Queued)]);
    }
}

#[test]
fn a_sequence_is_delivered_when_every_step_that_was_needed_is() {
    expect(SequenceStatus::Delivered, &[gate(Status::Delivered)]);
    expect(SequenceStatus::Delivered, &[gate(Status::Delivered), gate(Status::Delivered)]);
    let not_needed = (After::Failed, Some((Status::Cancelled, Some(Reason::NotNeeded))));
    expect(SequenceStatus::Delivered, &[gate(Status::Delivered), not_needed.clone()]);
    let middle = [gate(Status::Delivered), not_needed, gate(Status::Delivered)];
    expect(SequenceStatus::Delivered, &middle);
    // The fallback was delivered in place of the first step.
    expect(SequenceStatus::Delivered, &[gate(Status::Failed), fallback(Status::Delivered)]);
    expect(SequenceStatus::Delivered, &[gate(Status::Expired), fallback(Status::Delivered)]);
}

#[test]
fn a_sequence_that_went_on_past_a_failure_is_delivered_in_part() {
    for status in [Status::Failed, Status::Expired, Status::Unconfirmed] {
        let gates = [gate(status), gate(Status::Delivered)];
        assert_eq!(status_of(OnFailure::Continue, &gates), SequenceStatus::PartlyDelivered);
    }
    let finished = (After::Finished, Some((Status::Delivered, None)));
    expect(SequenceStatus::PartlyDelivered, &[gate(Status::Failed), finished]);
}

#[test]
fn a_failure_without_a_replacement_stops_a_sequence() {
    let stopped = || cancelled(Reason::PredecessorStopped);
    for status in [Status::Failed, Status::Expired] {
        expect(SequenceStatus::Stopped, &[gate(status)]);
        expect(SequenceStatus::Stopped, &[gate(status), stopped()]);
        expect(SequenceStatus::Stopped, &[gate(Status::Delivered), gate(status), stopped()]);
        expect(SequenceStatus::Stopped, &[gate(Status::Failed), fallback(status)]);
        // The records of what was cancelled are gone; nothing else can have become of them.
        expect(SequenceStatus::Stopped, &[gate(status), GONE]);
    }
    // A late receipt said that the first step was delivered after all.
    expect(SequenceStatus::Stopped, &[gate(Status::Delivered), stopped()]);
}

#[test]
fn a_withdrawn_sequence_is_cancelled_once_what_had_left_has_ended() {
    let requested = || cancelled(Reason::Requested);
    let stopped = || cancelled(Reason::PredecessorStopped);
    expect(SequenceStatus::Cancelled, &[requested(), stopped()]);
    expect(SequenceStatus::Cancelled, &[gate(Status::Delivered), requested(), stopped()]);
    let withdrawn = (After::Failed, Some((Status::Cancelled, Some(Reason::Requested))));
    expect(SequenceStatus::Cancelled, &[gate(Status::Failed), withdrawn]);
}

#[test]
fn a_sequence_whose_records_are_gone_has_ended() {
    expect(SequenceStatus::Ended, &[GONE, GONE]);
    expect(SequenceStatus::Ended, &[gate(Status::Delivered), GONE]);
    expect(SequenceStatus::Ended, &[GONE, cancelled(Reason::PredecessorStopped)]);
    // The fallback may have been delivered.
    expect(SequenceStatus::Ended, &[gate(Status::Failed), (After::Failed, None)]);
    let went_on = status_of(OnFailure::Continue, &[gate(Status::Failed), GONE]);
    assert_eq!(went_on, SequenceStatus::Ended);
}
