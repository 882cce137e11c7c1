//! A table of every status with every event, and what the table does not show.

mod any_order;

use std::fmt::Write;

use jiff::SignedDuration;
use strum::VariantArray as _;

use super::*;
use crate::domain::agenda::{agenda_key, exception_key};
use crate::domain::{ChannelType, Media, RequestKey, RetryPolicy, SequenceStep};

const NOW_MS: i64 = 1_772_413_200_000;
const CONFIRM_WITHIN_MS: i64 = 1_800_000;
const HOUR_MS: i64 = 3_600_000;

fn policy() -> DeliveryPolicy {
    DeliveryPolicy {
        retry: RetryPolicy::default(),
        confirmation: Confirmation::default(),
        provider_deduplicates: false,
        retry_wait_min_ms: 0,
    }
}

fn office_hours() -> WindowClass {
    "1000-1900@Asia/Seoul".parse().expect("a window class")
}

/// The first of three steps, as it is stored. It is its step's gate.
fn fresh() -> Notification {
    let key = RequestKey { producer: "c", route: "r", idempotency_key: "k" };
    let sequence = key.sequence_id();
    let id = sequence.notification_id(0, 0);
    Notification {
        revision: 7,
        sequence_step: Some(SequenceStep {
            sequence,
            step: 0,
            steps: 3,
            is_gate: true,
            is_planned: false,
        }),
        ..Notification::sample(id, NOW_MS)
    }
}

fn with_fallback(notification: Notification, fallback: ChannelType) -> Notification {
    let media = Media { first: ChannelType::Alimtalk, fallback: Some(fallback) };
    Notification { media, ..notification }
}

fn claim(at_ms: i64) -> Event {
    Event::Claimed { at_ms, fence: 1, confirm_within_ms: CONFIRM_WITHIN_MS }
}

fn answer(claim: u32, outcome: Outcome) -> Event {
    let response = Response {
        sent_at_ms: NOW_MS,
        received_at_ms: NOW_MS,
        outcome,
        code: Some("1".into()),
        provider_message_id: None,
    };
    Event::Responded { claim, response, policy: policy(), jitter_permille: 500 }
}

fn invalid(claim: u32) -> Event {
    Event::Invalid { claim, reason: Reason::Unwritable, at_ms: NOW_MS }
}

fn receipt(attempt: u8, verdict: Verdict) -> Event {
    let receipt = Receipt { verdict, code: format!("{verdict:?}"), medium: None };
    Event::ReceiptArrived { attempt, at_ms: NOW_MS, receipt }
}

fn after(notification: &Notification, events: &[Event]) -> Notification {
    events.iter().fold(notification.clone(), |notification, event| {
        transition(&notification, event).expect("a move").notification
    })
}

/// A notification that got this status by the usual events. It expires an hour from now.
fn in_status(status: Status) -> Notification {
    let fresh = Notification { expires_at_ms: Some(NOW_MS + 3_600_000), ..fresh() };
    let sent = [claim(NOW_MS), answer(1, Outcome::Accepted)];
    match status {
        Status::Blocked => Notification { status, ..fresh },
        Status::Deferred => Notification { status, ready_at_ms: NOW_MS + 1, ..fresh },
        Status::Queued => fresh,
        Status::Sending => after(&fresh, &sent[..1]),
        Status::Accepted => after(&fresh, &sent),
        Status::Unknown => after(&fresh, &[claim(NOW_MS), answer(1, Outcome::Uncertain)]),
        Status::Unconfirmed => {
            let later = Event::DeadlineChecked { at_ms: NOW_MS + CONFIRM_WITHIN_MS };
            after(&after(&fresh, &sent), &[later])
        }
        Status::Failed => after(&fresh, &[claim(NOW_MS), answer(1, Outcome::Rejected)]),
        Status::Cancelled => after(&fresh, &[Event::CancelRequested { at_ms: NOW_MS }]),
        Status::Expired => after(&fresh, &[Event::ExpiryChecked { at_ms: NOW_MS + 3_600_000 }]),
        Status::Delivered => after(&after(&fresh, &sent), &[receipt(1, Verdict::Delivered)]),
    }
}

/// Every event, with the name that the table gives it.
fn events() -> Vec<(&'static str, Event)> {
    let at_ms = NOW_MS + 1;
    let expired_ms = NOW_MS + 3_600_000;
    vec![
        ("released", Event::Released { at_ms, delay_ms: 0 }),
        ("released with delay", Event::Released { at_ms, delay_ms: 1000 }),
        ("step before stopped", Event::PredecessorStopped { at_ms }),
        ("not needed", Event::NotNeeded { at_ms }),
        ("due checked", Event::DueChecked { at_ms }),
        ("claimed", claim(at_ms)),
        ("put back", Event::PutBack { claim: 1, at_ms }),
        ("invalid", invalid(1)),
        ("accepted", answer(1, Outcome::Accepted)),
        ("rejected", answer(1, Outcome::Rejected)),
        ("address gone", answer(1, Outcome::AddressGone)),
        ("throttled", answer(1, Outcome::Throttled)),
        ("unreachable", answer(1, Outcome::Unreachable)),
        ("uncertain", answer(1, Outcome::Uncertain)),
        ("receipt delivered", receipt(1, Verdict::Delivered)),
        ("receipt undelivered", receipt(1, Verdict::Undelivered)),
        ("receipt inconclusive", receipt(1, Verdict::Inconclusive)),
        ("deadline checked", Event::DeadlineChecked { at_ms: expired_ms }),
        ("sender lost", Event::SenderLost { fence: 2, at_ms }),
        ("cancel", Event::CancelRequested { at_ms }),
        ("expiry checked", Event::ExpiryChecked { at_ms: expired_ms }),
        ("reclassified", Event::Reclassified { class: office_hours(), at_ms }),
        ("resend", Event::ResendRequested { at_ms }),
    ]
}

/// The new status and the effects, or the refusal. `=` stands for an unchanged status: the event is
/// only recorded.
fn result(notification: &Notification, event: &Event) -> String {
    match transition(notification, event) {
        Err(Refused::Settled) => "-".into(),
        Err(Refused::TooLate) => "too late".into(),
        Err(Refused::NotYet) => "not yet".into(),
        Err(Refused::NoSuchAttempt) => "no such attempt".into(),
        Ok(moved) => {
            let mut text = if moved.notification.status == notification.status {
                "=".to_owned()
            } else {
                moved.notification.status.as_str().to_owned()
            };
            for effect in moved.effects {
                text.push_str(match effect {
                    Effect::WakeLane => " wake",
                    Effect::EndStep(StepEnd::Delivered) => " step-delivered",
                    Effect::EndStep(StepEnd::Failed) => " step-failed",
                    Effect::EndStep(StepEnd::Withdrawn) => " step-withdrawn",
                    Effect::StallStep => " step-stalled",
                });
            }
            text
        }
    }
}

/// The first line of the table. An event that is refused as settled changes nothing.
const HEADER: &str = "# event | status before | status after and effects, or the refusal \
                      | \"=\" only recorded | a missing pair changes nothing";

#[test]
fn every_event_moves_every_status_as_in_this_table() {
    let mut table = format!("{HEADER}\n");
    for (name, event) in events() {
        for &status in Status::VARIANTS {
            let notification = in_status(status);
            assert_eq!(notification.status, status);
            let result = result(&notification, &event);
            if result != "-" {
                writeln!(table, "{name:20} {:12} {result}", status.as_str()).expect("a text");
            }
        }
    }
    let expected = include_str!("../transition_table.txt");
    assert!(table == expected, "the table is now:\n{table}");
}

#[test]
fn only_an_attempt_that_was_put_back_keeps_its_number() {
    let put_back = after(&fresh(), &[claim(NOW_MS), Event::PutBack { claim: 1, at_ms: NOW_MS }]);
    let again = after(&put_back, &[claim(NOW_MS)]);
    assert_eq!(again.claim, 2);
    assert_eq!(again.attempt, 1);
    assert_eq!(again.attempts.len(), 1);

    let retried = after(
        &fresh(),
        &[
            claim(NOW_MS),
            answer(1, Outcome::Unreachable),
            Event::DueChecked { at_ms: NOW_MS + 3000 },
            claim(NOW_MS + 3000),
        ],
    );
    assert_eq!(retried.claim, 2);
    assert_eq!(retried.attempt, 2);
    assert_eq!(retried.attempts.len(), 2);
}

#[test]
fn an_answer_to_an_earlier_claim_does_not_change_the_present_claim() {
    let again = after(
        &fresh(),
        &[claim(NOW_MS), Event::PutBack { claim: 1, at_ms: NOW_MS }, claim(NOW_MS)],
    );
    let stale = transition(&again, &answer(1, Outcome::Throttled));
    assert_eq!(stale, Err(Refused::NoSuchAttempt));
    assert_eq!(
        transition(&again, &Event::PutBack { claim: 1, at_ms: NOW_MS }),
        Err(Refused::NoSuchAttempt)
    );
}

#[test]
fn a_receipt_for_an_earlier_attempt_counts_only_if_it_says_delivered() {
    let second = after(
        &in_status(Status::Failed),
        &[Event::ResendRequested { at_ms: NOW_MS }, claim(NOW_MS), answer(2, Outcome::Accepted)],
    );
    let undelivered = after(&second, &[receipt(1, Verdict::Undelivered)]);
    assert_eq!(undelivered.status, Status::Accepted);
    assert_eq!(undelivered.receipts.len(), 1);
    let delivered = after(&second, &[receipt(1, Verdict::Delivered)]);
    assert_eq!(delivered.status, Status::Delivered);
}

#[test]
fn a_late_answer_settles_a_claim_that_was_declared_lost() {
    let lost = after(&in_status(Status::Sending), &[Event::SenderLost { fence: 2, at_ms: NOW_MS }]);
    assert_eq!(lost.status, Status::Unknown);
    for (outcome, status) in [
        (Outcome::Accepted, Status::Accepted),
        (Outcome::Rejected, Status::Failed),
        (Outcome::Uncertain, Status::Unknown),
        // Certainly not taken by the provider: the same as without the loss.
        (Outcome::Throttled, Status::Queued),
        (Outcome::Unreachable, Status::Deferred),
    ] {
        assert_eq!(after(&lost, &[answer(1, outcome)]).status, status, "{outcome:?}");
    }
    let accepted = after(&lost, &[answer(1, Outcome::Accepted)]);
    assert!(accepted.deadline_ms.is_some(), "it waits for its receipt again");
}

#[test]
fn the_first_choices_failure_is_not_final_with_a_fallback() {
    let accepted = in_status(Status::Accepted);
    let failed = receipt(1, Verdict::PrimaryUndelivered);
    assert_eq!(after(&accepted, std::slice::from_ref(&failed)).status, Status::Failed);

    let accepted = with_fallback(accepted, ChannelType::Sms);
    let waiting = after(&accepted, &[failed]);
    assert_eq!(waiting.status, Status::Accepted);
    assert_eq!(after(&waiting, &[receipt(1, Verdict::Delivered)]).status, Status::Delivered);
    assert_eq!(after(&waiting, &[receipt(1, Verdict::Undelivered)]).status, Status::Failed);
    let given_up = after(&waiting, &[Event::DeadlineChecked { at_ms: NOW_MS + 26 * HOUR_MS }]);
    assert_eq!(given_up.status, Status::Unconfirmed);
    assert_eq!(given_up.reason, Some(Reason::Inconclusive("PrimaryUndelivered".into())));
}

#[test]
fn an_accepted_notification_keeps_its_deadline_unless_it_has_its_own_waiting_time() {
    let sending = in_status(Status::Sending);
    let accepted = after(&sending, &[answer(1, Outcome::Accepted)]);
    assert_eq!(accepted.deadline_ms, Some(NOW_MS + CONFIRM_WITHIN_MS));
    assert_eq!(agenda_key(&accepted), agenda_key(&sending));

    let own = Notification { confirm_within_ms: Some(60_000), ..sending };
    let accepted = after(&own, &[answer(1, Outcome::Accepted)]);
    assert_eq!(accepted.deadline_ms, Some(NOW_MS + 60_000));
}

#[test]
fn acceptance_counts_as_delivery_on_a_channel_that_confirms_by_acceptance() {
    let Event::Responded { claim, response, policy, jitter_permille } =
        answer(1, Outcome::Accepted)
    else {
        panic!("an answer")
    };
    let policy = DeliveryPolicy { confirmation: Confirmation::Acceptance, ..policy };
    let event = Event::Responded { claim, response, policy, jitter_permille };
    let moved = transition(&in_status(Status::Sending), &event).expect("a move");
    assert_eq!(moved.notification.status, Status::Delivered);
    assert_eq!(moved.effects, [Effect::EndStep(StepEnd::Delivered)]);
}

#[test]
fn an_uncertain_outcome_is_retried_only_if_the_provider_deduplicates() {
    let Event::Responded { claim, response, policy, jitter_permille } =
        answer(1, Outcome::Uncertain)
    else {
        panic!("an answer")
    };
    let policy = DeliveryPolicy { provider_deduplicates: true, ..policy };
    let event = Event::Responded { claim, response, policy, jitter_permille };
    let retried = after(&in_status(Status::Sending), &[event]);
    assert_eq!(retried.status, Status::Deferred);
    assert_eq!(retried.failures, 1);
}

#[test]
fn a_retry_waits_at_least_as_long_as_the_provider_asks() {
    let Event::Responded { claim, response, policy, jitter_permille } =
        answer(1, Outcome::Unreachable)
    else {
        panic!("an answer")
    };
    let at_ms = response.received_at_ms;
    for (retry_wait_min_ms, waited_ms) in [(1000, 3000), (10_000, 10_000)] {
        let policy = DeliveryPolicy { retry_wait_min_ms, ..policy };
        let response = response.clone();
        let event = Event::Responded { claim, response, policy, jitter_permille };
        let retried = after(&in_status(Status::Sending), &[event]);
        assert_eq!(retried.ready_at_ms - at_ms, waited_ms);
    }
}

#[test]
fn a_notification_fails_when_its_attempt_numbers_are_used_up() {
    let worn = Notification { attempt: u8::MAX, ..fresh() };
    let failed = after(&worn, &[claim(NOW_MS)]);
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.reason, Some(Reason::AttemptsExhausted));
}

#[test]
fn the_default_policy_is_fixed_with_two_retries() {
    assert_eq!(
        RetryPolicy::default(),
        RetryPolicy::Fixed { retries: 2, every: SignedDuration::from_secs(3) }
    );
}

#[test]
fn a_released_step_waits_for_its_delay_and_for_its_not_before() {
    let blocked = in_status(Status::Blocked);
    let released = |not_before_ms, delay_ms| {
        let blocked = Notification { not_before_ms, ..blocked.clone() };
        after(&blocked, &[Event::Released { at_ms: NOW_MS, delay_ms }])
    };
    let delayed = released(None, 600_000);
    assert_eq!((delayed.status, delayed.ready_at_ms), (Status::Deferred, NOW_MS + 600_000));
    let later = released(Some(NOW_MS + 900_000), 600_000);
    assert_eq!((later.status, later.ready_at_ms), (Status::Deferred, NOW_MS + 900_000));
    let earlier = released(Some(NOW_MS + 300_000), 600_000);
    assert_eq!((earlier.status, earlier.ready_at_ms), (Status::Deferred, NOW_MS + 600_000));
    let at_once = released(Some(NOW_MS), 0);
    assert_eq!((at_once.status, at_once.ready_at_ms), (Status::Queued, NOW_MS));
}

#[test]
fn a_notification_that_is_no_gate_has_no_effect_on_its_sequence() {
    for (status, event) in [
        (Status::Accepted, receipt(1, Verdict::Delivered)),
        (Status::Accepted, receipt(1, Verdict::Undelivered)),
        (Status::Sending, answer(1, Outcome::Rejected)),
        (Status::Sending, answer(1, Outcome::Uncertain)),
        (Status::Sending, invalid(1)),
        (Status::Accepted, Event::DeadlineChecked { at_ms: NOW_MS + CONFIRM_WITHIN_MS }),
        (Status::Blocked, Event::CancelRequested { at_ms: NOW_MS }),
        (Status::Queued, Event::ExpiryChecked { at_ms: NOW_MS + HOUR_MS }),
    ] {
        let gate = in_status(status);
        let moved = transition(&gate, &event).expect("a move");
        assert!(!moved.effects.is_empty(), "the gate has an effect: {event:?}");

        let step = gate.sequence_step.clone().expect("a step");
        let sequence_step = Some(SequenceStep { is_gate: false, ..step });
        let other = Notification { sequence_step, ..gate };
        let moved = transition(&other, &event).expect("a move");
        assert_eq!(moved.effects, [], "{event:?}");
    }
}

#[test]
fn a_contradicted_delivery_keeps_its_status_and_becomes_an_exception() {
    let delivered = in_status(Status::Delivered);
    assert_eq!(exception_key(&delivered), None);
    let moved = transition(&delivered, &receipt(1, Verdict::Undelivered)).expect("a move");
    assert_eq!(moved.notification.status, Status::Delivered);
    assert!(moved.notification.is_contradicted);
    assert_eq!(moved.notification.receipts.len(), 2);
    assert!(exception_key(&moved.notification).is_some());
    assert_eq!(moved.effects, [], "the later steps were released by the delivery");

    // A fallback was delivered: the receipt of the first choice contradicts nothing.
    let by_fallback = with_fallback(delivered, ChannelType::Sms);
    let late = transition(&by_fallback, &receipt(1, Verdict::PrimaryUndelivered));
    assert_eq!(late, Err(Refused::Settled));
}

#[test]
fn a_fallback_that_follows_gets_as_long_as_its_medium_needs() {
    let accepted = in_status(Status::Accepted);
    let undelivered = receipt(1, Verdict::PrimaryUndelivered);
    for (medium, hours) in [(ChannelType::Sms, 26), (ChannelType::Lms, 81)] {
        let accepted = with_fallback(accepted.clone(), medium);
        let waiting = after(&accepted, std::slice::from_ref(&undelivered));
        assert_eq!(waiting.deadline_ms, Some(NOW_MS + hours * HOUR_MS), "{medium:?}");
        let early = Event::DeadlineChecked { at_ms: NOW_MS + hours * HOUR_MS - 1 };
        assert_eq!(transition(&waiting, &early), Err(Refused::NotYet));
    }

    // The receipt came before the answer.
    let sending = with_fallback(in_status(Status::Sending), ChannelType::Sms);
    let waiting = after(&sending, &[undelivered.clone(), answer(1, Outcome::Accepted)]);
    assert_eq!(waiting.deadline_ms, Some(NOW_MS + 26 * HOUR_MS));

    let patient = Notification { deadline_ms: Some(NOW_MS + 96 * HOUR_MS), ..accepted.clone() };
    let patient = with_fallback(patient, ChannelType::Sms);
    let waiting = after(&patient, std::slice::from_ref(&undelivered));
    assert_eq!(waiting.deadline_ms, Some(NOW_MS + 96 * HOUR_MS), "it is never shortened");

    let own = Notification { confirm_within_ms: Some(60_000), ..accepted };
    let own = with_fallback(own, ChannelType::Sms);
    let waiting = after(&own, &[undelivered]);
    assert_eq!(waiting.deadline_ms, own.deadline_ms, "its own waiting time counts");
}

#[test]
fn a_message_that_cannot_be_sent_fails_under_its_own_claim_only() {
    let claimed = in_status(Status::Sending);
    let failed = after(&claimed, &[invalid(1)]);
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.reason, Some(Reason::Unwritable));

    let lost = after(&claimed, &[Event::SenderLost { fence: 2, at_ms: NOW_MS }]);
    assert_eq!(after(&lost, &[invalid(1)]).status, Status::Failed);

    let again = after(&claimed, &[Event::PutBack { claim: 1, at_ms: NOW_MS }, claim(NOW_MS)]);
    assert_eq!(transition(&again, &invalid(1)), Err(Refused::NoSuchAttempt));
    assert_eq!(after(&again, &[invalid(2)]).status, Status::Failed);
}

#[test]
fn a_message_that_never_left_keeps_its_attempt_number_when_it_is_sent_again() {
    let failed = after(&in_status(Status::Sending), &[invalid(1)]);
    let again = after(&failed, &[Event::ResendRequested { at_ms: NOW_MS }, claim(NOW_MS)]);
    assert_eq!((again.claim, again.attempt), (2, 1));
}

#[test]
fn an_address_that_is_gone_fails_the_message_with_the_providers_code() {
    let failed = after(&in_status(Status::Sending), &[answer(1, Outcome::AddressGone)]);
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.reason, Some(Reason::AddressGone("1".into())));
}

#[test]
fn a_step_that_an_earlier_step_decides_against_says_why() {
    let blocked = in_status(Status::Blocked);
    let not_needed = after(&blocked, &[Event::NotNeeded { at_ms: NOW_MS }]);
    assert_eq!(not_needed.reason, Some(Reason::NotNeeded));
    assert_eq!(exception_key(&not_needed), None, "nobody has to look at it");
    let stopped = after(&blocked, &[Event::PredecessorStopped { at_ms: NOW_MS }]);
    assert_eq!(stopped.reason, Some(Reason::PredecessorStopped));
}
