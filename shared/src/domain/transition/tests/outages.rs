//! How long messages wait while the provider cannot take them.

use super::*;

const GIVE_UP_AFTER_MS: i64 = 24 * HOUR_MS;

fn outage_since(open_since_ms: i64, at_ms: i64) -> Event {
    Event::OutageChecked { open_since_ms, give_up_after_ms: GIVE_UP_AFTER_MS, at_ms }
}

#[test]
fn a_message_that_waited_for_the_provider_too_long_expires_and_ends_its_step_as_failed() {
    let check = outage_since(NOW_MS, NOW_MS + GIVE_UP_AFTER_MS);
    let moved = transition(&fresh(), &check).expect("a move");
    assert_eq!(moved.notification.status, Status::Expired);
    assert_eq!(moved.notification.reason, Some(Reason::ProviderDown));
    assert_eq!(moved.effects, [Effect::EndStep(StepEnd::Failed)]);
    assert!(exception_key(&moved.notification).is_some(), "a person has to look at it");
}

#[test]
fn the_wait_counts_from_when_the_message_was_ready_or_from_the_outages_beginning() {
    let (earlier_ms, later_ms) = (NOW_MS - 3 * HOUR_MS, NOW_MS + 3 * HOUR_MS);
    for (ready_at_ms, open_since_ms, since_ms) in
        [(NOW_MS, NOW_MS, NOW_MS), (NOW_MS, later_ms, later_ms), (NOW_MS, earlier_ms, NOW_MS)]
    {
        let waiting = Notification { ready_at_ms, ..fresh() };
        let gives_up_at_ms = since_ms + GIVE_UP_AFTER_MS;
        let early = transition(&waiting, &outage_since(open_since_ms, gives_up_at_ms - 1));
        assert_eq!(early, Err(Refused::NotYet));
        let expired = after(&waiting, &[outage_since(open_since_ms, gives_up_at_ms)]);
        assert_eq!(expired.reason, Some(Reason::ProviderDown));
    }
}

#[test]
fn a_message_whose_own_time_passes_in_an_outage_says_so() {
    let expires_at_ms = NOW_MS + HOUR_MS;
    let waiting = Notification { expires_at_ms: Some(expires_at_ms), ..fresh() };
    let early = transition(&waiting, &outage_since(NOW_MS, expires_at_ms - 1));
    assert_eq!(early, Err(Refused::NotYet));
    for at_ms in [expires_at_ms, NOW_MS + GIVE_UP_AFTER_MS] {
        let expired = after(&waiting, &[outage_since(NOW_MS, at_ms)]);
        assert_eq!(expired.status, Status::Expired);
        assert_eq!(expired.reason, Some(Reason::Expired));
    }
}

#[test]
fn a_message_that_an_outage_ended_can_be_sent_again() {
    let expired = after(&fresh(), &[outage_since(NOW_MS, NOW_MS + GIVE_UP_AFTER_MS)]);
    let at_ms = NOW_MS + GIVE_UP_AFTER_MS + HOUR_MS;
    let again = after(&expired, &[resend(at_ms)]);
    // It waits anew if the outage goes on.
    let checked = transition(&again, &outage_since(NOW_MS, at_ms + HOUR_MS));
    assert_eq!(checked, Err(Refused::NotYet));
}
