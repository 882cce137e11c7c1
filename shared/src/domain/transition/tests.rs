//! A table of every status with every event, and what the table does not show.

mod answers;
mod any_order;
mod outages;
mod receipts;
mod restored;

use std::fmt::Write;

use jiff::SignedDuration;
use strum::VariantArray as _;

use super::*;
use crate::domain::agenda::{agenda_key, exception_key};
use crate::domain::sequence::StepEnd;
use crate::domain::{
    ChannelType, Confirmation, DeliveryPolicy, LostPeriod, Media, Outcome, Receipt, RequestKey,
    Response, RetryPolicy, SequenceStep, Status, Verdict, WindowClass,
};

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

/// The table was restored to now, and messages of these hours went on leaving for half an hour.
fn restored(hours: WindowClass) -> Event {
    let stopped_at_ms = NOW_MS + HOUR_MS / 2;
    let lost = LostPeriod { restored_to_ms: NOW_MS, stopped_at_ms };
    Event::Restored { lost, hours, released_from_ms: i64::MIN, at_ms: NOW_MS + HOUR_MS }
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
    let outage = Event::OutageChecked {
        open_since_ms: NOW_MS,
        give_up_after_ms: 60_000,
        at_ms: NOW_MS + 60_000,
    };
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
        ("unsent", answer(1, Outcome::Unsent)),
        ("try again", answer(1, Outcome::TryAgain)),
        ("uncertain", answer(1, Outcome::Uncertain)),
        ("receipt delivered", receipt(1, Verdict::Delivered)),
        ("receipt undelivered", receipt(1, Verdict::Undelivered)),
        ("receipt inconclusive", receipt(1, Verdict::Inconclusive)),
        ("asked", Event::Asked { attempt: 1, at_ms: NOW_MS + CONFIRM_WITHIN_MS - 1 }),
        ("deadline checked", Event::DeadlineChecked { at_ms: expired_ms }),
        ("sender lost", Event::SenderLost { fence: 2, at_ms }),
        ("cancel", Event::CancelRequested { at_ms }),
        ("expiry checked", Event::ExpiryChecked { at_ms: expired_ms }),
        ("outage checked", outage),
        ("reclassified", Event::Reclassified { class: office_hours(), at_ms }),
        ("resend", Event::ResendRequested { at_ms }),
        ("restored", restored(WindowClass::EXEMPT)),
        ("restored, closed", restored("0100-0200@Asia/Seoul".parse().expect("a window class"))),
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
fn a_step_that_an_earlier_step_decides_against_says_why() {
    let blocked = in_status(Status::Blocked);
    let not_needed = after(&blocked, &[Event::NotNeeded { at_ms: NOW_MS }]);
    assert_eq!(not_needed.reason, Some(Reason::NotNeeded));
    assert_eq!(exception_key(&not_needed), None, "nobody has to look at it");
    let stopped = after(&blocked, &[Event::PredecessorStopped { at_ms: NOW_MS }]);
    assert_eq!(stopped.reason, Some(Reason::PredecessorStopped));
}
