//! The invariants under random orders of events.

use proptest::prelude::*;

use super::*;
use crate::domain::inquiry::INQUIRIES_MAX;

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::Accepted,
        Outcome::Rejected,
        Outcome::Throttled,
        Outcome::ChannelDown,
        Outcome::AddressGone,
        Outcome::TryAgain,
        Outcome::Unreachable,
        Outcome::Unsent,
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
        1 => (at.clone(), prop::sample::select(vec![0, 600_000])).prop_map(|(at, delay_ms)| {
            Event::Released { at_ms: NOW_MS + at, delay_ms }
        }),
        1 => at.clone().prop_map(|at| Event::PredecessorStopped { at_ms: NOW_MS + at }),
        1 => at.clone().prop_map(|at| Event::NotNeeded { at_ms: NOW_MS + at }),
        3 => at.clone().prop_map(|at| Event::DueChecked { at_ms: NOW_MS + at }),
        6 => (at.clone(), 1..4u64).prop_map(|(at, fence)| Event::Claimed {
            at_ms: NOW_MS + at, fence, confirm_within_ms: CONFIRM_WITHIN_MS,
        }),
        2 => (0..6u32).prop_map(|claim| Event::PutBack { claim, at_ms: NOW_MS }),
        1 => (0..6u32).prop_map(invalid),
        6 => (0..6u32, any_outcome()).prop_map(|(claim, outcome)| answer(claim, outcome)),
        4 => (0..6u8, any_verdict()).prop_map(|(attempt, verdict)| receipt(attempt, verdict)),
        2 => (at.clone(), 0..4u8).prop_map(|(at, attempt)| {
            Event::Asked { attempt, at_ms: NOW_MS + at }
        }),
        2 => at.clone().prop_map(|at| Event::DeadlineChecked { at_ms: NOW_MS + at }),
        2 => (1..4u64).prop_map(|fence| Event::SenderLost { fence, at_ms: NOW_MS }),
        1 => at.clone().prop_map(|at| Event::CancelRequested { at_ms: NOW_MS + at }),
        1 => at.clone().prop_map(|at| Event::ExpiryChecked { at_ms: NOW_MS + at }),
        1 => at.clone().prop_map(|at| Event::OutageChecked {
            open_since_ms: NOW_MS, give_up_after_ms: 600_000, at_ms: NOW_MS + at,
        }),
        1 => Just(Event::Reclassified { class: office_hours(), at_ms: NOW_MS }),
        1 => Just(Event::ResendRequested { at_ms: NOW_MS }),
        1 => at.prop_map(|at| Event::Restored {
            lost: LostPeriod { restored_to_ms: NOW_MS, stopped_at_ms: NOW_MS + at },
            hours: WindowClass::EXEMPT,
            released_from_ms: i64::MIN,
            at_ms: NOW_MS + at,
        }),
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
        is_gate: bool,
        starts_blocked: bool,
        expires in prop::option::of(0..20_000_000i64),
    ) {
        let mut n = fresh();
        n.expires_at_ms = expires.map(|at| NOW_MS + at);
        if has_fallback {
            n = with_fallback(n, ChannelType::Sms);
        }
        if let Some(step) = &mut n.sequence_step {
            step.is_gate = is_gate;
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
                        Outcome::Throttled
                        | Outcome::ChannelDown
                        | Outcome::TryAgain
                        | Outcome::Unreachable
                        | Outcome::Unsent => {
                            ledger.may_have_arrived = false;
                        }
                        Outcome::Accepted
                        | Outcome::Rejected
                        | Outcome::AddressGone
                        | Outcome::Uncertain => {}
                    }
                }
                Event::PutBack { .. } | Event::ResendRequested { .. } => {
                    ledger.may_have_arrived = false;
                }
                // A request of the lost period may have reached it, whatever the row shows.
                Event::Restored { .. } => ledger.may_have_arrived = true,
                Event::Claimed { .. }
                | Event::Responded { .. }
                | Event::Released { .. }
                | Event::PredecessorStopped { .. }
                | Event::NotNeeded { .. }
                | Event::Invalid { .. }
                | Event::DueChecked { .. }
                | Event::ReceiptArrived { .. }
                | Event::Asked { .. }
                | Event::DeadlineChecked { .. }
                | Event::SenderLost { .. }
                | Event::CancelRequested { .. }
                | Event::ExpiryChecked { .. }
                | Event::OutageChecked { .. }
                | Event::Reclassified { .. } => {}
            }

            // Invariant 2: only a gate's delivery ends its step as delivered.
            let step_ended = |end| moved.effects.contains(&Effect::EndStep(end));
            prop_assert_eq!(
                step_ended(StepEnd::Delivered),
                is_gate && next.status == Status::Delivered && n.status != Status::Delivered
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
            prop_assert!(next.attempts.iter().all(|attempt| attempt.inquiries <= INQUIRIES_MAX));

            // Invariant 5: a notification without a terminal status is in an index, or is blocked.
            let has_work = agenda_key(&next).is_some();
            let needs_person = exception_key(&next).is_some();
            let waits = next.status == Status::Blocked;
            prop_assert!(
                has_work || needs_person || waits || next.status.is_terminal(),
                "lost from sight: {next:?}"
            );
            prop_assert!(!(has_work && needs_person));

            // Every other end of a gate ends its step as well, unless an earlier step decided it.
            let ended_as = |statuses: &[Status]| {
                is_gate
                    && statuses.contains(&next.status)
                    && next.status != n.status
                    && !matches!(
                        event,
                        Event::PredecessorStopped { .. } | Event::NotNeeded { .. }
                    )
            };
            // A step that expires before its release lets no later step leave.
            let never_released = n.status == Status::Blocked && next.status == Status::Expired;
            prop_assert_eq!(
                step_ended(StepEnd::Failed),
                ended_as(&[Status::Failed, Status::Expired]) && !never_released
            );
            prop_assert_eq!(
                step_ended(StepEnd::Withdrawn),
                ended_as(&[Status::Cancelled]) || (ended_as(&[Status::Expired]) && never_released)
            );

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
