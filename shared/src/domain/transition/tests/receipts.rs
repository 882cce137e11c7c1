//! Receipts, and how long a message waits for one.

use super::*;

#[test]
fn a_receipt_for_an_earlier_attempt_counts_only_if_it_says_delivered() {
    let second = after(
        &in_status(Status::Failed),
        &[resend(NOW_MS), claim(NOW_MS), answer(2, Outcome::Accepted)],
    );
    let undelivered = after(&second, &[receipt(1, Verdict::Undelivered)]);
    assert_eq!(undelivered.status, Status::Accepted);
    assert_eq!(undelivered.receipts.len(), 1);
    let delivered = after(&second, &[receipt(1, Verdict::Delivered)]);
    assert_eq!(delivered.status, Status::Delivered);
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
fn an_accepted_notification_keeps_its_deadline_unless_it_has_its_own_waiting_time() {
    let sending = in_status(Status::Sending);
    let accepted = after(&sending, &[answer(1, Outcome::Accepted)]);
    assert_eq!(accepted.deadline_ms, Some(NOW_MS + CONFIRM_WITHIN_MS));
    assert_eq!(agenda_key(&accepted), agenda_key(&sending));

    let own = Notification { confirm_within_ms: Some(60_000), ..sending };
    let accepted = after(&own, &[answer(1, Outcome::Accepted)]);
    assert_eq!(accepted.deadline_ms, Some(NOW_MS + 60_000));
}
