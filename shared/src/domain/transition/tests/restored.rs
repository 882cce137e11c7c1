//! A table that was restored to an earlier time.

use super::*;

const OPEN: [Status; 5] =
    [Status::Blocked, Status::Deferred, Status::Queued, Status::Sending, Status::Accepted];

fn restored_now() -> Event {
    restored(WindowClass::EXEMPT)
}

#[test]
fn a_message_that_may_have_left_since_then_needs_a_person_and_moves_no_other() {
    for status in OPEN {
        let moved = transition(&in_status(status), &restored_now()).expect("a move");
        assert_eq!(moved.effects, [], "{status:?}");
        let after = moved.notification;
        assert_eq!((after.status, &after.reason), (Status::Unknown, &Some(Reason::Restored)));
        assert!(exception_key(&after).is_some() && agenda_key(&after).is_none(), "{status:?}");
        assert_eq!(transition(&after, &restored_now()), Err(Refused::Settled), "a repetition");
    }
}

#[test]
fn a_message_that_was_stored_after_the_restoration_stays_as_it_is() {
    for status in OPEN {
        let stored = |created_at_ms| Notification { created_at_ms, ..in_status(status) };
        let restored = |created_at_ms| transition(&stored(created_at_ms), &restored_now());
        assert_eq!(restored(NOW_MS + 60_001), Err(Refused::Settled), "{status:?}");
        // The clock of the function that stored it may have been ahead.
        assert!(restored(NOW_MS + 60_000).is_ok(), "{status:?}");
    }
}

#[test]
fn a_message_that_left_after_the_restoration_stays_as_it_is() {
    for status in [Status::Sending, Status::Accepted] {
        let later = Notification { status_since_ms: NOW_MS + 60_001, ..in_status(status) };
        assert_eq!(transition(&later, &restored_now()), Err(Refused::Settled), "{status:?}");
    }
}

/// The row knows of no attempt, or of one, and the provider knows of later ones.
#[test]
fn a_receipt_of_an_attempt_that_is_not_on_record_settles_the_message() {
    for status in OPEN {
        let unknown = after(&in_status(status), &[restored_now()]);
        for attempt in [1, 2, 100] {
            let delivered = transition(&unknown, &receipt(attempt, Verdict::Delivered));
            let delivered = delivered.expect("a move");
            assert_eq!(delivered.notification.status, Status::Delivered, "{status:?}");
            assert_eq!(delivered.effects, [Effect::EndStep(StepEnd::Delivered)]);
            let failed = after(&unknown, &[receipt(attempt, Verdict::Undelivered)]);
            assert_eq!(failed.status, Status::Failed, "{status:?}, attempt {attempt}");
        }
    }
}

#[test]
fn a_failure_of_an_attempt_before_the_last_known_one_is_not_final() {
    let retried = after(
        &fresh(),
        &[
            claim(NOW_MS),
            answer(1, Outcome::TryAgain),
            Event::DueChecked { at_ms: NOW_MS + 3000 },
            claim(NOW_MS + 3000),
            answer(2, Outcome::Accepted),
            restored_now(),
        ],
    );
    assert_eq!(retried.status, Status::Unknown);
    let noted = after(&retried, &[receipt(1, Verdict::Undelivered)]);
    assert_eq!(noted.status, Status::Unknown);
    let told = after(&noted, &[receipt(3, Verdict::Inconclusive)]);
    assert_eq!(after(&told, &[receipt(2, Verdict::Undelivered)]).status, Status::Unknown);
    assert_eq!(after(&told, &[receipt(3, Verdict::Undelivered)]).status, Status::Failed);
}

#[test]
fn a_message_that_is_sent_again_gets_a_reference_key_that_no_lost_attempt_had() {
    for (status, attempt) in [(Status::Queued, 129), (Status::Accepted, 129)] {
        let again = after(
            &in_status(status),
            &[restored_now(), resend(NOW_MS + 2 * HOUR_MS), claim(NOW_MS)],
        );
        assert_eq!((again.status, again.attempt), (Status::Sending, attempt), "{status:?}");
        // The lost attempt does not decide any more, unless it was delivered.
        let noted = after(&again, &[receipt(1, Verdict::Undelivered)]);
        assert_eq!(noted.status, Status::Sending);
        assert_eq!(after(&noted, &[receipt(2, Verdict::Delivered)]).status, Status::Delivered);
    }
    for (before, after_it) in [(127, 191), (253, 254), (254, 255), (255, 255)] {
        let used = Notification { attempt: before, ..in_status(Status::Queued) };
        assert_eq!(after(&used, &[restored_now()]).attempt, after_it);
    }
}

#[test]
fn a_message_whose_attempt_was_put_back_does_not_use_its_number_again() {
    let waiting = after(&fresh(), &[claim(NOW_MS), Event::PutBack { claim: 1, at_ms: NOW_MS }]);
    let again = after(&waiting, &[restored_now(), resend(NOW_MS + 2 * HOUR_MS), claim(NOW_MS)]);
    assert_eq!(again.attempt, 129);
}

/// The message may have been claimed again in the lost period.
#[test]
fn what_a_sender_says_of_a_claim_before_the_restoration_decides_nothing() {
    let unknown = after(&in_status(Status::Sending), &[restored_now()]);
    for claim in [1, 2] {
        let put_back = Event::PutBack { claim, at_ms: NOW_MS };
        assert_eq!(transition(&unknown, &put_back), Err(Refused::NoSuchAttempt));
        assert_eq!(transition(&unknown, &invalid(claim)), Err(Refused::NoSuchAttempt));
    }
    for outcome in [Outcome::Throttled, Outcome::Rejected, Outcome::Accepted] {
        let noted = after(&unknown, &[answer(1, outcome)]);
        assert_eq!(noted.status, Status::Unknown, "{outcome:?}");
    }
}
