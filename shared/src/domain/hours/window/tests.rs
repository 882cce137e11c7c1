use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::domain::hours::test_zones::{at, kinds_of_change, window, zone, zone_and_instant};
use crate::domain::hours::{BadWindow, Opening, Window};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn hours(from: &str, to: &str) -> Window {
    Window::new(from, to).unwrap()
}

/// The definition of a window: the local clock's text is between its texts.
fn is_inside(window: Window, at: Timestamp, zone: &TimeZone) -> bool {
    let json = serde_json::to_value(window).unwrap();
    let clock = at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    json["from"].as_str().unwrap() <= clock.as_str()
        && clock.as_str() < json["to"].as_str().unwrap()
}

/// `now`, and then every whole minute.
fn minutes_from(now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let minute = now.as_second().div_euclid(60);
    let days_later = minute + 4 * 24 * 60;
    std::iter::once(now)
        .chain((minute + 1..days_later).map(|minute| Timestamp::from_second(minute * 60).unwrap()))
}

#[test]
fn the_start_is_inside_and_the_end_is_not() {
    let seoul = zone("Asia/Seoul");
    let window = hours("10:00", "19:00");
    assert!(!window.contains(at("2026-03-01T09:59:59.999999999+09:00"), &seoul));
    assert!(window.contains(at("2026-03-01T10:00+09:00"), &seoul));
    assert!(window.contains(at("2026-03-01T18:59:59.999999999+09:00"), &seoul));
    assert!(!window.contains(at("2026-03-01T19:00+09:00"), &seoul));
}

#[test]
fn a_window_is_serialized_as_two_clock_times() {
    let json = json!({ "from": "08:00", "to": "24:00" });
    let window: Window = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(window, hours("08:00", "24:00"));
    assert_eq!(serde_json::to_value(window).unwrap(), json);
    assert_eq!(window.to_string(), "08:00–24:00");
}

#[test]
fn a_window_that_does_not_start_before_it_ends_is_refused() {
    for (from, to) in [("19:00", "10:00"), ("10:00", "10:00"), ("24:00", "24:00")] {
        let read = serde_json::from_value::<Window>(json!({ "from": from, "to": to }));
        let error = read.unwrap_err().to_string();
        assert!(error.contains("from must be before to"), "{error}");
    }
}

#[test]
fn a_text_that_is_no_time_of_day_is_refused() {
    for text in ["", "9:00", "24:01", "10:60", "25:00", "10", "10:00:00", "+1:00", "１0:00"] {
        assert_eq!(Window::new(text, "24:00"), Err(BadWindow::NotATime(text.into())));
    }
}

#[test]
fn two_windows_intersect_in_the_times_that_both_have() {
    assert_eq!(
        hours("08:00", "20:50").intersect(hours("10:00", "21:00")),
        Some(hours("10:00", "20:50"))
    );
    assert_eq!(hours("08:00", "10:00").intersect(hours("10:00", "12:00")), None);
}

#[test]
fn a_closed_window_opens_the_next_day() {
    let window = hours("10:00", "19:00");
    assert_eq!(
        window.next_opening(at("2026-12-31T19:00+09:00"), &zone("Asia/Seoul")),
        at("2027-01-01T10:00+09:00")
    );
}

#[test]
fn a_window_that_starts_in_skipped_time_opens_at_the_jump() {
    // 02:00 becomes 03:00.
    let new_york = zone("America/New_York");
    let night = at("2026-03-08T00:00-05:00");
    assert_eq!(
        hours("02:30", "05:00").next_opening(night, &new_york),
        at("2026-03-08T03:00-04:00")
    );
}

#[test]
fn a_window_within_skipped_time_does_not_open_that_day() {
    let new_york = zone("America/New_York");
    let night = at("2026-03-08T00:00-05:00");
    assert_eq!(
        hours("02:10", "02:50").next_opening(night, &new_york),
        at("2026-03-09T02:10-04:00")
    );
}

#[test]
fn a_window_that_ends_in_skipped_time_closes_at_the_jump() {
    let new_york = zone("America/New_York");
    assert_eq!(
        hours("01:00", "02:30").opening(at("2026-03-08T01:30-05:00"), &new_york),
        Opening::Open { until: Some(at("2026-03-08T03:00-04:00")) }
    );
}

#[test]
fn a_window_in_a_repeated_hour_opens_twice() {
    // 02:00 becomes 01:00.
    let new_york = zone("America/New_York");
    let window = hours("01:15", "01:45");
    for (now, opening) in [
        ("00:00-04:00", Opening::Closed { until: at("2026-11-01T01:15-04:00") }),
        ("01:15-04:00", Opening::Open { until: Some(at("2026-11-01T01:45-04:00")) }),
        ("01:45-04:00", Opening::Closed { until: at("2026-11-01T01:15-05:00") }),
        ("01:15-05:00", Opening::Open { until: Some(at("2026-11-01T01:45-05:00")) }),
        ("01:45-05:00", Opening::Closed { until: at("2026-11-02T01:15-05:00") }),
    ] {
        assert_eq!(window.opening(at(&format!("2026-11-01T{now}")), &new_york), opening, "{now}");
    }
}

#[test]
fn daylight_saving_of_half_an_hour_is_respected() {
    // 02:00 becomes 02:30.
    let lord_howe = zone("Australia/Lord_Howe");
    assert_eq!(
        hours("02:15", "03:00").next_opening(at("2026-10-04T00:00+10:30"), &lord_howe),
        at("2026-10-04T02:30+11:00")
    );
}

#[test]
fn a_window_does_not_open_on_a_skipped_day() {
    let apia = zone("Pacific/Apia");
    assert_eq!(
        hours("10:00", "19:00").next_opening(at("2011-12-29T19:00-10:00"), &apia),
        at("2011-12-31T10:00+14:00")
    );
}

#[test]
fn a_day_without_midnight_starts_at_one() {
    for (name, eve, start) in [
        ("America/Sao_Paulo", "2017-10-14T22:00-03:00", "2017-10-15T01:00-02:00"),
        ("Africa/Cairo", "2026-04-23T22:00+02:00", "2026-04-24T01:00+03:00"),
    ] {
        let early = hours("00:00", "06:00");
        assert_eq!(early.next_opening(at(eve), &zone(name)), at(start), "{name}");
    }
}

#[test]
fn the_whole_day_never_closes() {
    let new_york = zone("America/New_York");
    assert_eq!(
        hours("00:00", "24:00").opening(at("2026-03-08T00:00-05:00"), &new_york),
        Opening::Open { until: None }
    );
}

#[test]
fn a_window_up_to_midnight_closes_at_midnight() {
    assert_eq!(
        hours("08:00", "24:00").opening(at("2026-03-01T23:59:59Z"), &TimeZone::UTC),
        Opening::Open { until: Some(at("2026-03-02T00:00Z")) }
    );
}

#[test]
fn a_window_stays_closed_at_the_last_timestamp() {
    assert_eq!(
        hours("00:00", "00:01").next_opening(Timestamp::MAX, &TimeZone::UTC),
        Timestamp::MAX
    );
}

/// Checks every minute from 36 hours before the change to 60 hours after it.
#[test]
fn around_every_kind_of_change_windows_open_at_their_first_minute() {
    let windows = [
        hours("10:00", "19:00"),
        hours("08:00", "20:50"),
        hours("00:00", "00:30"),
        hours("01:20", "01:40"),
        hours("02:10", "02:20"),
        hours("02:30", "03:00"),
        hours("00:00", "02:30"),
        hours("23:30", "24:00"),
    ];
    let changes = kinds_of_change();
    assert!(changes.len() > 100, "{}", changes.len());
    for change in changes {
        let start = change.at - MINUTE * (36 * 60);
        let clocks: Vec<_> = (0..96 * 60)
            .map(|minute| {
                let at = start + MINUTE * minute;
                let time = change.zone.to_datetime(at).time();
                (at, i32::from(time.hour()) * 60 + i32::from(time.minute()))
            })
            .collect();
        for window in windows {
            let json = serde_json::to_value(window).unwrap();
            let side = |name: &str| {
                let (hour, minute) = json[name].as_str().unwrap().split_once(':').unwrap();
                hour.parse::<i32>().unwrap() * 60 + minute.parse::<i32>().unwrap()
            };
            let open = side("from")..side("to");
            // Goes backwards, so that the next opening and the next closing are known.
            let (mut opens_at, mut closes_at) = (None, None);
            for (index, (at, clock)) in clocks.iter().enumerate().rev() {
                let inside = open.contains(clock);
                *(if inside { &mut opens_at } else { &mut closes_at }) = Some(*at);
                let checked = index % 23 == 0 || at.duration_since(change.at).abs() <= MINUTE * 2;
                let (Some(opens_at), Some(closes_at), true) = (opens_at, closes_at, checked) else {
                    continue;
                };
                let opening = window.opening(*at, &change.zone);
                let expected = if inside {
                    Opening::Open { until: Some(closes_at) }
                } else {
                    Opening::Closed { until: opens_at }
                };
                assert_eq!(opening, expected, "{window} at {at} in {:?}", change.zone);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_window_opens_at_the_first_minute_inside(
        window in window(),
        (zone, now) in zone_and_instant(),
    ) {
        let inside = is_inside(window, now, &zone);
        prop_assert_eq!(window.contains(now, &zone), inside);
        let first = minutes_from(now).find(|&at| is_inside(window, at, &zone));
        prop_assert_eq!(Some(window.next_opening(now, &zone)), first);
    }

    #[test]
    fn a_window_closes_at_the_first_minute_outside(
        window in window(),
        (zone, now) in zone_and_instant(),
    ) {
        let first = minutes_from(now).find(|&at| !is_inside(window, at, &zone));
        prop_assert_eq!(window.next_closing(now, &zone), first);
    }

    #[test]
    fn the_intersection_is_inside_both_windows(
        one in window(),
        other in window(),
        (zone, now) in zone_and_instant(),
    ) {
        let both = one.contains(now, &zone) && other.contains(now, &zone);
        let shared = one.intersect(other).is_some_and(|shared| shared.contains(now, &zone));
        prop_assert_eq!(shared, both);
    }
}
