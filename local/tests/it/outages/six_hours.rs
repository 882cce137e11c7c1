//! Six hours without the provider. Nothing fails, and afterwards everything is sent in its order and
//! inside its hours.

use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{Notification, Priority, Status};
use alimi::ports::Clock;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::Timestamp;
use jiff::civil::{Time, time};
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Away, LIMIT, REAL_TIME, SCHEDULED, arrivals_since, busy_world, count, post, seconds};
use crate::phone_numbers::DELIVERED;

/// The scheduled messages' hours, which end during the outage.
const OPENS: Time = time(10, 0, 0, 0);
const CLOSES: Time = time(15, 0, 0, 0);
/// Longer than any message here waits for its hours.
const MORE_THAN_A_DAY: Duration = Duration::from_secs(30 * 3600);

/// What six hours without the provider did.
struct SixHours {
    /// Messages whose requests were in flight when the circuit opened, and whose outcome is unknown.
    unknown_at_first: usize,
    unknown_later: usize,
    /// From the end of the outage to the first message that the provider took.
    resumed_after_s: i64,
}

async fn post_sequence(world: &World, key: &str) {
    let step = |template: &str| {
        let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
        json!({ "template": template, "variables": variables })
    };
    let body = json!({
        "to": { "id": key, "phone": DELIVERED },
        "steps": [step("consultation-start"), step("photo-and-video")],
    });
    let (status, answer) = world.produce("POST", "/v1/sequences", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
}

async fn six_hours(away: Away) -> SixHours {
    let world = busy_world(WorldSettings::default()).await;
    let scheduled = Window::new("10:00", "15:00").expect("a window");
    let hours = HoursConfig { scheduled, ..HoursConfig::default() };
    world.store.put_hours(&hours).await.expect("stored");
    post(&world, "batch", SCHEDULED, 100).await;
    seconds(1).await;
    away.begin(&world);
    seconds(5).await;
    let unknown_at_first = count(&world, Status::Unknown);
    // From 10:00 to 16:00.
    for half_hour in 0..12 {
        post_sequence(&world, &format!("sequence-{half_hour}")).await;
        post(&world, &format!("single-{half_hour}"), REAL_TIME, 1).await;
        seconds(1800).await;
    }
    for status in [Status::Failed, Status::Cancelled, Status::Expired] {
        assert_eq!(count(&world, status), 0, "{away:?} {status:?}");
    }
    let unknown_later = count(&world, Status::Unknown) - unknown_at_first;

    let before = world.simulator.arrivals().len();
    let ended_us = world.clock.now_us();
    Away::end(&world);
    world.settle(MORE_THAN_A_DAY).await;
    world.check_invariants(LIMIT);
    let taken = arrivals_since(&world, before)
        .into_iter()
        .filter(alimi_local::simulator::Arrival::was_accepted);
    let taken: Vec<_> = taken.collect();
    let resumed_after_s = (taken.first().expect("messages").at_us - ended_us) / 1_000_000;
    let all = world.notifications();
    // The first message that was taken was a probe, and the least urgent one.
    let in_order = taken[1..].iter().map(|arrival| {
        let reference = arrival.reference.as_ref().expect("a message's key");
        &all[&reference.id]
    });
    check_order(&in_order.collect::<Vec<_>>());
    check_ends(away, all.values());
    SixHours { unknown_at_first, unknown_later, resumed_after_s }
}

/// Real-time messages that wait for no other message leave in the order in which they came.
fn check_order(sent: &[&Notification]) {
    let is_first = |n: &&&Notification| n.sequence_step.as_ref().is_none_or(|step| step.step == 0);
    let real_time = sent.iter().filter(|n| n.priority == Priority::REAL_TIME).filter(is_first);
    let times: Vec<i64> = real_time.map(|n| n.created_at_ms).collect();
    assert!(times.len() > 10, "{times:?}");
    assert!(times.is_sorted(), "{times:?}");
}

fn check_ends<'a>(away: Away, all: impl Iterator<Item = &'a Notification>) {
    let (mut unknown, mut blocked) = (0, 0);
    for notification in all {
        let status = notification.status;
        let is_acceptable = matches!(status, Status::Delivered | Status::Unknown | Status::Blocked);
        assert!(is_acceptable, "{away:?}: {notification:?}");
        unknown += usize::from(status == Status::Unknown);
        blocked += usize::from(status == Status::Blocked);
        let has_hours = notification.priority != Priority::REAL_TIME;
        let sent_at_ms = notification.attempts.last().and_then(|a| a.request_sent_at_ms);
        if let Some(sent_at_ms) = sent_at_ms.filter(|_| has_hours) {
            let left = in_seoul(sent_at_ms);
            assert!((OPENS..CLOSES).contains(&left), "{away:?}: one left at {left}");
        }
    }
    assert!(blocked <= unknown, "{away:?}: {blocked} wait behind {unknown}");
}

fn in_seoul(at_ms: i64) -> Time {
    let at = Timestamp::from_millisecond(at_ms).expect("a time");
    at.to_zoned(TimeZone::get("Asia/Seoul").expect("a zone")).time()
}

/// Probes leave nothing in doubt, so they come every five to six and a half minutes at last.
async fn closed_door(away: Away) {
    let SixHours { unknown_at_first, unknown_later, resumed_after_s } = six_hours(away).await;
    assert_eq!((unknown_at_first, unknown_later), (0, 0), "{away:?}");
    assert!(resumed_after_s < 400, "{away:?}: resumed after {resumed_after_s} s");
}

#[tokio::test(start_paused = true)]
async fn refused_connections_fail_no_message() {
    closed_door(Away::RefusesConnections).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_fails_no_message() {
    closed_door(Away::RefusesMessages).await;
}

#[tokio::test(start_paused = true)]
async fn refused_tokens_fail_no_message() {
    closed_door(Away::RefusesTokens).await;
}

/// The request for a token is not answered either, so no message is sent as a probe.
#[tokio::test(start_paused = true)]
async fn a_provider_that_answers_nothing_leaves_only_the_requests_in_flight_in_doubt() {
    let SixHours { unknown_at_first, unknown_later, resumed_after_s } =
        six_hours(Away::Hangs).await;
    assert!((10..=30).contains(&unknown_at_first), "{unknown_at_first} at first");
    assert!(unknown_later <= 1, "{unknown_later} later");
    assert!(resumed_after_s < 400, "resumed after {resumed_after_s} s");
}

#[tokio::test(start_paused = true)]
async fn six_hours_of_messages_without_answers_leave_at_most_25_more_in_doubt() {
    let SixHours { unknown_at_first, unknown_later, resumed_after_s } =
        six_hours(Away::HangsForMessages).await;
    assert!((10..=30).contains(&unknown_at_first), "{unknown_at_first} at first");
    assert!((10..=25).contains(&unknown_later), "{unknown_later} later");
    assert!(resumed_after_s < 2_300, "resumed after {resumed_after_s} s");
}
