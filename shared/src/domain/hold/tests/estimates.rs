//! When a message leaves.

use super::*;
use crate::domain::slow_down::SlowDown;
use crate::domain::{RateLimit, Status};

const OFFICE_HOURS: &str = "1000-1900@Asia/Seoul";

fn limit() -> RateLimit {
    channel().limit
}

#[test]
fn a_window_that_is_closed_again_by_then_opens_later() {
    let (channel, office) = (channel(), class(OFFICE_HOURS));
    let planned = Notification {
        status: Status::Deferred,
        ready_at_ms: ms("2026-03-02T22:00+09:00"),
        ..message()
    };
    // At noon the window is open, and does not hold the message.
    let hours = PresentHours::Class(&office);
    let situation = Situation { hours, ..free(&planned, &channel) };
    let found = holds(&situation);
    assert_eq!(found.len(), 1, "{found:?}");
    let at_ms = ms("2026-03-03T10:00+09:00");
    assert_eq!(earliest_ms(&situation, &found), Some(at_ms));
    assert_eq!(estimate(&situation, &found), Estimate::At { at_ms });
}

#[test]
fn messages_ahead_that_do_not_fit_into_the_window_leave_in_the_next_one() {
    let (message, channel, office) = (message(), channel(), class(OFFICE_HOURS));
    for (hours_ahead, leaves_at) in [
        (6, "2026-03-02T18:00+09:00"),
        (8, "2026-03-03T11:00+09:00"),
        (7 + 9 + 3, "2026-03-04T13:00+09:00"),
    ] {
        let sending_us = hours_ahead * 3_600_000_000;
        let ahead = Ahead { count: 9, is_more: true, per_second: 10.0, sending_us };
        let hours = PresentHours::Class(&office);
        let situation = Situation { hours, ahead: Some(ahead), ..free(&message, &channel) };
        let at_ms = ms(leaves_at);
        assert_eq!(estimate(&situation, &holds(&situation)), Estimate::At { at_ms });
    }
}

#[test]
fn a_message_that_expires_before_its_turn_is_told_apart() {
    let channel = channel();
    let expires_at_ms = now_ms() + 60_000;
    let message = Notification { expires_at_ms: Some(expires_at_ms), ..message() };
    for (seconds, expected) in [
        (59, Estimate::At { at_ms: now_ms() + 59_000 }),
        (60, Estimate::ExpiresFirst { at_ms: expires_at_ms }),
    ] {
        let sending_us = seconds * 1_000_000;
        let ahead = Ahead { count: 600, is_more: false, per_second: 10.0, sending_us };
        let situation = Situation { ahead: Some(ahead), ..free(&message, &channel) };
        assert_eq!(estimate(&situation, &holds(&situation)), expected);
    }
}

#[test]
fn messages_leave_at_the_limit_with_its_jitter_allowance() {
    let slow_down = SlowDown::default();
    assert_eq!(sending_us(limit(), slow_down, 0, 0), 0);
    assert_eq!(sending_us(limit(), slow_down, 0, 100), 10_000_000);
    let with_jitter = RateLimit { jitter: jiff::SignedDuration::from_millis(50), ..limit() };
    assert_eq!(sending_us(with_jitter, slow_down, 0, 100), 10_500_000);
    assert!((per_second(with_jitter, slow_down, 0) - 9.523).abs() < 0.001);
}

/// Halved at first, the pace grows back by a hundredth a second.
#[test]
fn messages_of_a_slowed_lane_leave_at_a_growing_pace() {
    let mut slow_down = SlowDown::default();
    slow_down.throttled(0, 0);
    assert!((per_second(limit(), slow_down, 0) - 5.0).abs() < 0.001);
    // 5/s at first, and 10/s after 50 s: 375 messages meanwhile.
    for (count, seconds) in [(5, 1.0..1.1), (50, 9.0..9.4), (375, 49.0..53.0), (1375, 149.0..153.0)]
    {
        let took_s = sending_us(limit(), slow_down, 0, count) as f64 / 1e6;
        assert!(seconds.contains(&took_s), "{count} messages take {took_s} s");
    }
    let recovered = sending_us(limit(), slow_down, 50_000_000, 100);
    assert_eq!(recovered, 10_000_000);
}

#[test]
fn the_time_that_a_class_is_open_is_counted_over_days() {
    let office = class(OFFICE_HOURS);
    let open = |from: &str, until: &str| open_ms(&office, ms(from), ms(until)) / 60_000;
    let (noon, evening) = ("2026-03-02T12:00+09:00", "2026-03-02T20:00+09:00");
    assert_eq!(open(noon, "2026-03-02T12:30+09:00"), 30);
    assert_eq!(open(noon, evening), 7 * 60);
    assert_eq!(open(evening, "2026-03-03T09:00+09:00"), 0);
    assert_eq!(open(noon, "2026-03-04T11:00+09:00"), (7 + 9 + 1) * 60);
    assert_eq!(open(evening, noon), 0);
    assert_eq!(open_ms(&WindowClass::EXEMPT, 5, 8), 3);
}
