//! Persons send messages again and settle them.

use super::*;
use crate::domain::{DecisionKind, SENDER_LIVES_MAX_MS};

fn refused(notification: &Notification, event: &Event) -> Refused {
    transition(notification, event).expect_err("a refusal")
}

#[test]
fn a_message_that_is_sent_again_keeps_its_attempts_and_gets_a_reference_of_its_own() {
    let failed = in_status(Status::Failed);
    let again = after(&failed, &[resend(NOW_MS + 5), claim(NOW_MS + 6)]);
    assert_eq!((again.claim, again.attempt), (2, 2));
    let numbers: Vec<_> = again.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_ne!(again.reference(), failed.reference());
    assert_eq!(again.expires_at_ms, None, "the decision outranks the producer's expiry");

    // The provider was never asked, and the record of that is kept too.
    let invalid = after(&in_status(Status::Sending), &[invalid(1)]);
    let again = after(&invalid, &[resend(NOW_MS), claim(NOW_MS)]);
    assert_eq!((again.attempt, again.attempts.len()), (2, 2));
}

#[test]
fn a_decision_is_kept_with_what_it_overruled() {
    let failed = in_status(Status::Failed);
    let again = after(&failed, &[resend(NOW_MS + 5)]);
    let [decision] = again.decisions.as_slice() else { panic!("one decision") };
    assert_eq!(decision.kind, DecisionKind::Resent);
    assert_eq!((decision.by.as_str(), decision.reason.as_str()), ("kim", "the provider says so"));
    assert_eq!((decision.at_ms, decision.revision), (NOW_MS + 5, REVISION));
    assert_eq!((decision.status, &decision.status_reason), (Status::Failed, &failed.reason));
    assert_eq!(again.automatic_resends, 0);

    let terms = ResendTerms { by_policy: true, ..ResendTerms::default() };
    let by_policy = after(&failed, &[resend_on(terms, NOW_MS)]);
    assert_eq!(by_policy.decisions[0].kind, DecisionKind::ResentByPolicy);
    assert_eq!(by_policy.automatic_resends, 1);
    assert_eq!(by_policy.expires_at_ms, failed.expires_at_ms, "a policy does not outrank it");
}

#[test]
fn a_decision_about_another_revision_does_not_count() {
    for notification in [in_status(Status::Failed), in_status(Status::Unconfirmed)] {
        let changed = Notification { revision: REVISION + 1, ..notification };
        let later = NOW_MS + HOUR_MS;
        for event in [
            resend(later),
            settle(Settlement::Delivered, later),
            settle(Settlement::GivenUp, later),
        ] {
            assert_eq!(refused(&changed, &event), Undecided::Changed.into());
        }
    }
}

#[test]
fn an_unknown_message_is_decided_about_only_when_its_sender_is_certainly_gone() {
    let gone_at_ms = NOW_MS + SENDER_LIVES_MAX_MS;
    for event in [answer(1, Outcome::Uncertain), Event::SenderLost { fence: 2, at_ms: NOW_MS }] {
        let unknown = after(&in_status(Status::Sending), &[event]);
        assert_eq!(unknown.sender_gone_at_ms(), gone_at_ms);
        let may_live = Undecided::SenderMayLive { gone_at_ms }.into();
        assert_eq!(refused(&unknown, &resend(gone_at_ms - 1)), may_live);
        let early = settle(Settlement::Delivered, gone_at_ms - 1);
        assert_eq!(refused(&unknown, &early), may_live);
        assert_eq!(after(&unknown, &[resend(gone_at_ms)]).status, Status::Queued);
        let settled = settle(Settlement::Delivered, gone_at_ms);
        assert_eq!(after(&unknown, &[settled]).status, Status::Delivered);
    }
    // A later claim is another sender's.
    let again = [Event::PutBack { claim: 1, at_ms: NOW_MS }, claim(NOW_MS + 1000)];
    let again = after(&in_status(Status::Sending), &again);
    let lost = after(&again, &[answer(2, Outcome::Uncertain)]);
    assert_eq!(lost.sender_gone_at_ms(), gone_at_ms + 1000);
}

#[test]
fn a_delivery_of_an_earlier_attempt_stops_the_resend_while_it_waits() {
    let waiting = after(&in_status(Status::Unconfirmed), &[resend(NOW_MS + HOUR_MS)]);
    let stopped = transition(&waiting, &receipt(1, Verdict::Delivered)).expect("a move");
    assert_eq!(stopped.notification.status, Status::Delivered);
    assert_eq!(stopped.effects, [Effect::EndStep(StepEnd::Delivered)]);
    assert_eq!(refused(&stopped.notification, &claim(NOW_MS + HOUR_MS)), Refused::Settled);
}

#[test]
fn any_other_receipt_of_an_earlier_attempt_stops_no_resend() {
    for verdict in [Verdict::Undelivered, Verdict::PrimaryUndelivered, Verdict::Inconclusive] {
        let waiting = after(&in_status(Status::Unconfirmed), &[resend(NOW_MS + HOUR_MS)]);
        let noted = after(&waiting, &[receipt(1, verdict)]);
        assert_eq!(noted.status, Status::Queued, "{verdict:?}");
        assert_eq!(noted.receipts.len(), 1, "it is part of the story");
        // The attempt that follows decides again.
        let sent = after(&noted, &[claim(NOW_MS + HOUR_MS), answer(2, Outcome::Accepted)]);
        let failed = after(&sent, &[receipt(2, Verdict::Undelivered)]);
        assert_eq!(failed.status, Status::Failed);
    }
}

#[test]
fn what_an_earlier_sender_says_decides_nothing_after_a_resend() {
    let lost = [Event::SenderLost { fence: 2, at_ms: NOW_MS }, resend(NOW_MS + HOUR_MS)];
    let waiting = after(&in_status(Status::Sending), &lost);
    for outcome in [Outcome::Accepted, Outcome::Rejected, Outcome::Throttled, Outcome::Uncertain] {
        let noted = after(&waiting, &[answer(1, outcome)]);
        assert_eq!(noted.status, Status::Queued, "{outcome:?}");
        assert_eq!(noted.ready_at_ms, waiting.ready_at_ms);
    }
    let put_back = Event::PutBack { claim: 1, at_ms: NOW_MS };
    assert_eq!(refused(&waiting, &put_back), Refused::Settled);
}

#[test]
fn a_delivered_message_is_sent_again_only_by_force_and_releases_nothing_anew() {
    let delivered = in_status(Status::Delivered);
    let later = NOW_MS + HOUR_MS;
    assert_eq!(refused(&delivered, &resend(later)), Undecided::Delivered.into());
    let forced = ResendTerms { forced: true, ..ResendTerms::default() };
    let again = transition(&delivered, &resend_on(forced, later)).expect("a move");
    assert_eq!(again.notification.status, Status::Queued);
    assert_eq!(again.effects, [Effect::WakeLane]);

    // One that a later receipt contradicts needs no force.
    let contradicted = after(&delivered, &[receipt(1, Verdict::Undelivered)]);
    let plain = resend_on(ResendTerms::default(), later);
    assert_eq!(refused(&contradicted, &plain), Undecided::MayDouble.into());
    let again = after(&contradicted, &[resend(later)]);
    assert!(again.status == Status::Queued && !again.is_contradicted);
}

#[test]
fn a_message_whose_numbers_are_used_up_is_not_sent_again() {
    let worn = Notification { attempt: u8::MAX, ..in_status(Status::Failed) };
    assert_eq!(refused(&worn, &resend(NOW_MS)), Undecided::AttemptsExhausted.into());
}

#[test]
fn what_is_given_up_needs_nobody_any_more() {
    let later = NOW_MS + HOUR_MS;
    for status in [Status::Unknown, Status::Unconfirmed] {
        let open = in_status(status);
        assert!(exception_key(&open).is_some());
        let given_up = transition(&open, &settle(Settlement::GivenUp, later)).expect("a move");
        assert_eq!(given_up.effects, [Effect::EndStep(StepEnd::Failed)], "{status:?}");
        let given_up = given_up.notification;
        assert_eq!(given_up.reason, Some(Reason::GivenUp));
        assert_eq!(exception_key(&given_up), None);
        // A late delivery still counts.
        assert_eq!(after(&given_up, &[receipt(1, Verdict::Delivered)]).status, Status::Delivered);
    }
    // What has failed keeps its reason. Its step has ended already.
    for status in [Status::Failed, Status::Expired] {
        let failed = in_status(status);
        let given_up = transition(&failed, &settle(Settlement::GivenUp, later)).expect("a move");
        assert_eq!(given_up.effects, []);
        let given_up = given_up.notification;
        assert_eq!((given_up.status, &given_up.reason), (status, &failed.reason));
        assert_eq!(exception_key(&given_up), None);
        let again = settle(Settlement::GivenUp, later);
        assert_eq!(refused(&given_up, &again), Refused::Settled);
        // It may still be sent again, and fail again.
        let claimed = after(&given_up, &[resend(later), claim(later)]);
        let resent = after(&claimed, &[answer(claimed.claim, Outcome::Rejected)]);
        assert!(exception_key(&resent).is_some(), "{status:?}");
    }
}

#[test]
fn a_contradicted_delivery_is_settled_either_way() {
    let later = NOW_MS + HOUR_MS;
    let contradicted = after(&in_status(Status::Delivered), &[receipt(1, Verdict::Undelivered)]);
    let delivered = after(&contradicted, &[settle(Settlement::Delivered, later)]);
    assert_eq!(delivered.status, Status::Delivered);
    assert_eq!(exception_key(&delivered), None);
    let given_up = after(&contradicted, &[settle(Settlement::GivenUp, later)]);
    assert_eq!((given_up.status, &given_up.reason), (Status::Failed, &Some(Reason::GivenUp)));
    assert_eq!(exception_key(&given_up), None);
}

#[test]
fn a_later_step_waits_again_unless_it_has_left_or_its_producer_withdrew_it() {
    let at_ms = NOW_MS + HOUR_MS;
    let reinstated = Event::Reinstated { at_ms };
    let blocked = in_status(Status::Blocked);
    for event in [Event::PredecessorStopped { at_ms: NOW_MS }, Event::NotNeeded { at_ms: NOW_MS }] {
        let cancelled = after(&blocked, &[event]);
        let again = after(&cancelled, std::slice::from_ref(&reinstated));
        let expected = Notification { status_since_ms: at_ms, ..blocked.clone() };
        assert_eq!(again, expected, "as it was stored");
    }
    let released = after(&blocked, &[Event::Released { at_ms: NOW_MS, delay_ms: 0 }]);
    assert_eq!(after(&released, std::slice::from_ref(&reinstated)).status, Status::Blocked);
    let unsent = [claim(NOW_MS), Event::PutBack { claim: 1, at_ms: NOW_MS }];
    let unsent = after(&released, &unsent);
    assert_eq!(after(&unsent, std::slice::from_ref(&reinstated)).status, Status::Blocked);

    let resent = after(&in_status(Status::Failed), &[resend(NOW_MS)]);
    assert_eq!(refused(&resent, &reinstated), Refused::TooLate, "an attempt was made");
    assert_eq!(refused(&in_status(Status::Cancelled), &reinstated), Refused::Settled);
}
