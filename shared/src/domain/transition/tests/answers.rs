//! The end of a request: retries, and messages that go back to their places.

use super::*;

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
            answer(1, Outcome::TryAgain),
            Event::DueChecked { at_ms: NOW_MS + 3000 },
            claim(NOW_MS + 3000),
        ],
    );
    assert_eq!(retried.claim, 2);
    assert_eq!(retried.attempt, 2);
    assert_eq!(retried.attempts.len(), 2);
}

#[test]
fn an_attempt_that_the_provider_throttled_is_made_again_under_its_reference_key() {
    let first = after(&fresh(), &[claim(NOW_MS)]);
    let again = after(&first, &[answer(1, Outcome::Throttled), claim(NOW_MS + 7000)]);
    assert_eq!((again.claim, again.attempt), (2, 1));
    assert_eq!(again.reference(), first.reference());
    // The answer to the second claim is the attempt's only one.
    let accepted = after(&again, &[answer(2, Outcome::Accepted)]);
    assert_eq!((accepted.status, accepted.attempts.len()), (Status::Accepted, 1));

    // The provider may know an attempt that it answered otherwise, so the next one has another key.
    let due_ms = NOW_MS + 3000;
    let events = [answer(1, Outcome::TryAgain), Event::DueChecked { at_ms: due_ms }, claim(due_ms)];
    let retried = after(&first, &events);
    assert_eq!((retried.claim, retried.attempt), (2, 2));
    assert_ne!(retried.reference(), first.reference());
}

#[test]
fn a_message_that_nothing_is_wrong_with_keeps_its_place_and_uses_up_no_retry() {
    for outcome in [Outcome::Throttled, Outcome::ChannelDown, Outcome::Unreachable, Outcome::Unsent]
    {
        let mut waiting = fresh();
        for claim_number in 1..=100 {
            let late_ms = NOW_MS + HOUR_MS;
            waiting = after(&waiting, &[claim(late_ms), answer(claim_number, outcome)]);
            assert_eq!(waiting.status, Status::Queued, "{outcome:?}");
        }
        assert_eq!((waiting.failures, waiting.attempt, waiting.attempts.len()), (0, 1, 1));
        assert_eq!(waiting.ready_at_ms, fresh().ready_at_ms, "{outcome:?}");
    }
}

#[test]
fn a_message_that_the_provider_refuses_for_now_fails_when_its_retries_are_used_up() {
    let retried = after(&fresh(), &[claim(NOW_MS), answer(1, Outcome::TryAgain)]);
    assert_eq!((retried.status, retried.failures), (Status::Deferred, 1));
    // An outage in between changes nothing about that.
    let later_ms = retried.ready_at_ms;
    let retried = after(
        &retried,
        &[
            Event::DueChecked { at_ms: later_ms },
            claim(later_ms),
            answer(2, Outcome::Unreachable),
            claim(later_ms),
            answer(3, Outcome::TryAgain),
        ],
    );
    assert_eq!((retried.status, retried.failures), (Status::Deferred, 2));
    let failed = after(
        &retried,
        &[Event::DueChecked { at_ms: later_ms }, claim(later_ms), answer(4, Outcome::TryAgain)],
    );
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.reason, Some(Reason::RetriesExhausted));
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
fn a_late_answer_settles_a_claim_that_was_declared_lost() {
    let lost = after(&in_status(Status::Sending), &[Event::SenderLost { fence: 2, at_ms: NOW_MS }]);
    assert_eq!(lost.status, Status::Unknown);
    for (outcome, status) in [
        (Outcome::Accepted, Status::Accepted),
        (Outcome::Rejected, Status::Failed),
        (Outcome::Uncertain, Status::Unknown),
        // Certainly not taken by the provider: the same as without the loss.
        (Outcome::Throttled, Status::Queued),
        (Outcome::Unreachable, Status::Queued),
        (Outcome::TryAgain, Status::Deferred),
    ] {
        assert_eq!(after(&lost, &[answer(1, outcome)]).status, status, "{outcome:?}");
    }
    let accepted = after(&lost, &[answer(1, Outcome::Accepted)]);
    assert!(accepted.deadline_ms.is_some(), "it waits for its receipt again");
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
        answer(1, Outcome::TryAgain)
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
fn an_address_that_is_gone_fails_the_message_with_the_providers_code() {
    let failed = after(&in_status(Status::Sending), &[answer(1, Outcome::AddressGone)]);
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.reason, Some(Reason::AddressGone("1".into())));
}
