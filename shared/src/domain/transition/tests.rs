//! A table of every status with every event, and the invariants under random orders of events.

use std::fmt::Write;

use jiff::SignedDuration;
use proptest::prelude::*;
use strum::VariantArray as _;

use super::*;
use crate::domain::agenda::{agenda_key, exception_key};
use crate::domain::{Fallback, Message, Priority, Recipient, RequestKey, RetryPolicy};

const NOW_MS: i64 = 1_772_413_200_000;
const CONFIRM_WITHIN_MS: i64 = 1_800_000;

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

/// The first of three steps, as it is stored.
fn fresh() -> Notification {
    let key = RequestKey { caller: "c", route: "r", idempotency_key: "k" };
    let sequence = key.sequence_id();
    Notification {
        id: sequence.step_id(0),
        revision: 7,
        request_digest: "d".into(),
        channel: "alimtalk-main".into(),
        template: "t".into(),
        recipient: Recipient { id: "u".into(), phone: None, timezone: None },
        message: Message { template_code: None, body: "b".into(), buttons: vec![], fallback: None },
        priority: Priority::REAL_TIME,
        window_class: WindowClass::EXEMPT,
        sequence_step: Some(SequenceStep { sequence, step: 0, steps: 3 }),
        status: Status::Queued,
        reason: None,
        claim: 0,
        attempt: 0,
        attempt_unsent: false,
        failures: 0,
        attempts: vec![],
        receipts: vec![],
        created_at_ms: NOW_MS,
        ready_at_ms: NOW_MS,
        not_before_ms: None,
        expires_at_ms: None,
        confirm_within_ms: None,
        deadline_ms: None,
        status_since_ms: NOW_MS,
    }
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
        ("released", Event::Released { at_ms }),
        ("step before stopped", Event::PredecessorStopped { at_ms }),
        ("due checked", Event::DueChecked { at_ms }),
        ("claimed", claim(at_ms)),
        ("put back", Event::PutBack { claim: 1, at_ms }),
        ("accepted", answer(1, Outcome::Accepted)),
        ("rejected", answer(1, Outcome::Rejected)),
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
                    Effect::ReleaseNext => " release",
                    Effect::CancelRest => " cancel",
                    Effect::ReportStop => " stop",
                    Effect::ReportStall => " stall",
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
    let mut accepted = in_status(Status::Accepted);
    let failed = receipt(1, Verdict::PrimaryUndelivered);
    assert_eq!(after(&accepted, std::slice::from_ref(&failed)).status, Status::Failed);

    accepted.message.fallback = Some(Fallback::Sms { body: "b".into() });
    let waiting = after(&accepted, &[failed]);
    assert_eq!(waiting.status, Status::Accepted);
    assert_eq!(after(&waiting, &[receipt(1, Verdict::Delivered)]).status, Status::Delivered);
    assert_eq!(after(&waiting, &[receipt(1, Verdict::Undelivered)]).status, Status::Failed);
    let given_up = after(&waiting, &[Event::DeadlineChecked { at_ms: NOW_MS + CONFIRM_WITHIN_MS }]);
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
    assert_eq!(moved.effects, [Effect::ReleaseNext]);
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

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::Accepted,
        Outcome::Rejected,
        Outcome::Throttled,
        Outcome::ChannelDown,
        Outcome::Unreachable,
        Outcome::Uncertain,
    ])
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::Delivered,
        Verdict::PrimaryUndelivered,
        Verdict::Undelivered,
        Verdict::Inconclusive,
    ])
}

/// Any event of a sender, a successor, a provider or a person who know nothing of each other.
/// Claims and attempts have any numbers, so most sequences of events are out of order.
fn any_event() -> impl Strategy<Value = Event> {
    let at = 0..20_000_000i64;
    prop_oneof![
        1 => at.clone().prop_map(|at| Event::Released { at_ms: NOW_MS + at }),
        1 => at.clone().prop_map(|at| Event::PredecessorStopped { at_ms: NOW_MS + at }),
        3 => at.clone().prop_map(|at| Event::DueChecked { at_ms: NOW_MS + at }),
        6 => (at.clone(), 1..4u64).prop_map(|(at, fence)| Event::Claimed {
            at_ms: NOW_MS + at, fence, confirm_within_ms: CONFIRM_WITHIN_MS,
        }),
        2 => (0..6u32).prop_map(|claim| Event::PutBack { claim, at_ms: NOW_MS }),
        6 => (0..6u32, any_outcome()).prop_map(|(claim, outcome)| answer(claim, outcome)),
        4 => (0..6u8, any_verdict()).prop_map(|(attempt, verdict)| receipt(attempt, verdict)),
        2 => at.clone().prop_map(|at| Event::DeadlineChecked { at_ms: NOW_MS + at }),
        2 => (1..4u64).prop_map(|fence| Event::SenderLost { fence, at_ms: NOW_MS }),
        1 => at.clone().prop_map(|at| Event::CancelRequested { at_ms: NOW_MS + at }),
        1 => at.prop_map(|at| Event::ExpiryChecked { at_ms: NOW_MS + at }),
        1 => Just(Event::Reclassified { class: office_hours(), at_ms: NOW_MS }),
        1 => Just(Event::ResendRequested { at_ms: NOW_MS }),
    ]
}

/// What an observer of every move would know about the present attempt.
#[derive(Default)]
struct Ledger {
    /// A claim was made, and no later event was certain that the provider took nothing.
    may_have_arrived: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_breaks_an_invariant(
        events in prop::collection::vec(any_event(), 1..40),
        has_fallback: bool,
        starts_blocked: bool,
        expires in prop::option::of(0..20_000_000i64),
    ) {
        let mut n = fresh();
        n.expires_at_ms = expires.map(|at| NOW_MS + at);
        if has_fallback {
            n.message.fallback = Some(Fallback::Sms { body: "b".into() });
        }
        if starts_blocked {
            n.status = Status::Blocked;
        }
        let mut ledger = Ledger::default();

        for event in events {
            let Ok(moved) = transition(&n, &event) else { continue };
            let next = moved.notification;

            // Invariant 1: after a request may have reached the provider, only an operator's
            // decision allows another claim.
            match &event {
                Event::Claimed { .. } if next.status == Status::Sending => {
                    prop_assert!(!ledger.may_have_arrived, "claimed again: {n:?}");
                    ledger.may_have_arrived = true;
                }
                Event::Responded { claim, response, .. } if *claim == n.claim => {
                    match response.outcome {
                        Outcome::Throttled | Outcome::ChannelDown | Outcome::Unreachable => {
                            ledger.may_have_arrived = false;
                        }
                        Outcome::Accepted | Outcome::Rejected | Outcome::Uncertain => {}
                    }
                }
                Event::PutBack { .. } | Event::ResendRequested { .. } => {
                    ledger.may_have_arrived = false;
                }
                Event::Claimed { .. }
                | Event::Responded { .. }
                | Event::Released { .. }
                | Event::PredecessorStopped { .. }
                | Event::DueChecked { .. }
                | Event::ReceiptArrived { .. }
                | Event::DeadlineChecked { .. }
                | Event::SenderLost { .. }
                | Event::CancelRequested { .. }
                | Event::ExpiryChecked { .. }
                | Event::Reclassified { .. } => {}
            }

            // Invariant 2: only a delivery releases the next step.
            let releases = moved.effects.contains(&Effect::ReleaseNext);
            prop_assert_eq!(
                releases,
                next.status == Status::Delivered && n.status != Status::Delivered
            );

            // Invariant 7: only a receipt or an operator changes a terminal status.
            if n.status.is_terminal() && next.status != n.status {
                let by_operator = matches!(event, Event::ResendRequested { .. });
                prop_assert!(
                    next.status == Status::Delivered || by_operator,
                    "{:?} became {:?} by {event:?}", n.status, next.status
                );
            }
            prop_assert!(n.status != Status::Delivered || next.status == Status::Delivered);
            prop_assert!(next.claim >= n.claim && next.attempt >= n.attempt);
            prop_assert!(next.receipts.len() <= Notification::RECEIPTS_KEPT);
            prop_assert!(next.attempts.len() <= Notification::ATTEMPTS_KEPT);

            // Invariant 5: a notification without a terminal status is in an index, or is blocked.
            let has_work = agenda_key(&next).is_some();
            let needs_person = exception_key(&next).is_some();
            let waits = next.status == Status::Blocked;
            prop_assert!(
                has_work || needs_person || waits || next.status.is_terminal(),
                "lost from sight: {next:?}"
            );
            prop_assert!(!(has_work && needs_person));

            // A stop cancels the later steps and is reported.
            let stopped = matches!(
                next.status,
                Status::Failed | Status::Expired | Status::Cancelled
            ) && next.status != n.status
                && !matches!(event, Event::PredecessorStopped { .. });
            prop_assert_eq!(stopped, moved.effects.contains(&Effect::CancelRest));
            prop_assert_eq!(stopped, moved.effects.contains(&Effect::ReportStop));

            prop_assert_eq!(&next.id, &n.id);
            prop_assert_eq!(next.revision, n.revision);
            n = next;
        }
    }

    #[test]
    fn a_repeated_event_moves_once(
        events in prop::collection::vec(any_event(), 1..20),
        last in any_event(),
    ) {
        let n = events.iter().fold(fresh(), |n, event| {
            transition(&n, event).map_or(n, |moved| moved.notification)
        });
        if let Ok(once) = transition(&n, &last)
            && let Ok(twice) = transition(&once.notification, &last)
        {
            // Only a person's decision and a passed deadline may move it again.
            prop_assert!(
                once.notification.status == twice.notification.status
                    || matches!(
                        last,
                        Event::DeadlineChecked { .. } | Event::ResendRequested { .. }
                    ),
                "{:?} → {:?} → {:?} by {last:?}",
                n.status, once.notification.status, twice.notification.status
            );
        }
    }
}

#[test]
fn the_default_policy_is_fixed_with_two_retries() {
    assert_eq!(
        RetryPolicy::default(),
        RetryPolicy::Fixed { retries: 2, every: SignedDuration::from_secs(3) }
    );
}
