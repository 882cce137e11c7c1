use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::domain::expression::Expression;
use crate::domain::hours::test_zones::{at, window, zone, zone_and_instant};
use crate::domain::hours::{
    Category, Decision, DropReason, Hours, HoursConfig, Origin, Window, decide, first_outside,
    hours_of,
};

const ORIGINS: [Origin; 2] = [Origin::RealTime, Origin::Scheduled];
const CATEGORIES: [Category; 2] = [Category::Informational, Category::Advertising];

fn hours(from: &str, to: &str) -> Window {
    Window::new(from, to).unwrap()
}

fn default_hours(origin: Origin, category: Category) -> Hours {
    hours_of(origin, category, &HoursConfig::default(), None, None)
}

fn within(from: &str, to: &str) -> Hours {
    Hours::Within(hours(from, to))
}

#[test]
fn the_default_hours_apply_without_configuration() {
    use Category::{Advertising, Informational};
    use Origin::{RealTime, Scheduled};
    assert_eq!(default_hours(Scheduled, Informational), within("10:00", "19:00"));
    assert_eq!(default_hours(Scheduled, Advertising), within("10:00", "19:00"));
    assert_eq!(default_hours(RealTime, Advertising), within("08:00", "20:50"));
    assert_eq!(default_hours(RealTime, Informational), Hours::Exempt);
    assert_eq!(serde_json::from_value::<HoursConfig>(json!({})).unwrap(), HoursConfig::default());
}

#[test]
fn a_configuration_may_set_only_one_of_the_windows() {
    let json = json!({ "scheduled": { "from": "09:00", "to": "21:00" } });
    let stack: HoursConfig = serde_json::from_value(json).unwrap();
    assert_eq!(stack.scheduled, hours("09:00", "21:00"));
    assert_eq!(
        hours_of(Origin::Scheduled, Category::Advertising, &stack, None, None),
        within("09:00", "20:50")
    );
}

#[test]
fn windows_of_the_channel_and_the_template_only_narrow_the_hours() {
    let stack = HoursConfig::default();
    let (channel, template) = (Some(hours("00:00", "12:00")), Some(hours("11:00", "24:00")));
    assert_eq!(
        hours_of(Origin::Scheduled, Category::Informational, &stack, channel, template),
        within("11:00", "12:00")
    );
    assert_eq!(
        hours_of(Origin::RealTime, Category::Advertising, &stack, channel, None),
        within("08:00", "12:00")
    );
}

#[test]
fn windows_without_a_common_minute_allow_no_time() {
    let stack = HoursConfig::default();
    let (channel, template) = (Some(hours("10:00", "12:00")), Some(hours("12:00", "14:00")));
    assert_eq!(
        hours_of(Origin::Scheduled, Category::Informational, &stack, channel, template),
        Hours::Never
    );
    assert_eq!(
        hours_of(Origin::RealTime, Category::Informational, &stack, channel, template),
        Hours::Exempt
    );
}

#[test]
fn a_message_outside_its_hours_waits_for_the_next_opening() {
    let hours = default_hours(Origin::Scheduled, Category::Informational);
    let seoul = zone("Asia/Seoul");
    let decide = |now: &str| decide(at(now), hours, &seoul, None);
    assert_eq!(decide("2026-03-01T09:00+09:00"), Decision::Defer(at("2026-03-01T10:00+09:00")));
    assert_eq!(decide("2026-03-01T10:00+09:00"), Decision::Send);
    assert_eq!(decide("2026-03-01T19:00+09:00"), Decision::Defer(at("2026-03-02T10:00+09:00")));
}

#[test]
fn hours_are_in_the_recipients_zone() {
    let hours = default_hours(Origin::RealTime, Category::Advertising);
    let noon_in_seoul = at("2026-03-01T12:00+09:00");
    assert_eq!(decide(noon_in_seoul, hours, &zone("Asia/Seoul"), None), Decision::Send);
    assert_eq!(
        decide(noon_in_seoul, hours, &zone("America/New_York"), None),
        Decision::Defer(at("2026-03-01T08:00-05:00"))
    );
}

#[test]
fn an_expired_message_is_dropped_even_if_it_is_exempt() {
    let now = at("2026-03-01T12:00+09:00");
    for hours in [Hours::Exempt, Hours::Never, within("10:00", "19:00")] {
        assert_eq!(
            decide(now, hours, &zone("Asia/Seoul"), Some(now)),
            Decision::Drop(DropReason::Expired)
        );
    }
}

#[test]
fn a_message_that_expires_before_it_may_leave_is_dropped_at_once() {
    let (now, opens_at) = (at("2026-03-01T20:00+09:00"), at("2026-03-02T10:00+09:00"));
    let decide =
        |expires_at| decide(now, within("10:00", "19:00"), &zone("Asia/Seoul"), Some(expires_at));
    assert_eq!(decide(opens_at), Decision::Drop(DropReason::NoOpeningBeforeExpiry));
    assert_eq!(decide(opens_at + SignedDuration::from_millis(1)), Decision::Defer(opens_at));
}

#[test]
fn a_message_without_common_hours_is_dropped() {
    assert_eq!(
        decide(Timestamp::UNIX_EPOCH, Hours::Never, &zone("Asia/Seoul"), None),
        Decision::Drop(DropReason::NoCommonHours)
    );
}

fn outside(expression: &str, hours: Hours, zone_name: &str) -> Option<Timestamp> {
    let (from, zone) = (at("2026-01-01T00:00+09:00"), zone(zone_name));
    let expression: Expression = expression.parse().unwrap();
    let seoul = crate::domain::hours::test_zones::zone("Asia/Seoul");
    first_outside(expression.occurrences(from, &seoul, from), from, hours, &zone)
}

#[test]
fn a_schedule_inside_its_hours_has_no_occurrence_outside() {
    let hours = within("10:00", "19:00");
    assert_eq!(outside("cron(* 10-18 * * ? *)", hours, "Asia/Seoul"), None);
    assert_eq!(outside("at(2026-05-01T18:59:59)", hours, "Asia/Seoul"), None);
    assert_eq!(outside("cron(0 3 30 2 ? *)", hours, "Asia/Seoul"), None);
    assert_eq!(outside("cron(0 3 * * ? *)", Hours::Exempt, "Asia/Seoul"), None);
}

#[test]
fn the_first_occurrence_outside_the_hours_is_found() {
    let hours = within("10:00", "19:00");
    assert_eq!(
        outside("cron(0 10-19 * * ? *)", hours, "Asia/Seoul"),
        Some(at("2026-01-01T19:00+09:00"))
    );
    assert_eq!(
        outside("at(2026-05-01T19:00:00)", hours, "Asia/Seoul"),
        Some(at("2026-05-01T19:00+09:00"))
    );
    assert_eq!(
        outside("cron(0 12 L 12 ? *)", Hours::Never, "Asia/Seoul"),
        Some(at("2026-12-31T12:00+09:00"))
    );
}

#[test]
fn daylight_saving_in_the_recipients_zone_is_respected() {
    // 09:00 in Seoul is 01:00 in Paris in winter and 02:00 in summer.
    assert_eq!(
        outside("cron(0 9 * * ? *)", within("00:30", "01:30"), "Europe/Paris"),
        Some(at("2026-03-30T09:00+09:00"))
    );
}

#[test]
fn occurrences_after_a_year_are_not_checked() {
    assert_eq!(outside("cron(0 3 3 1 ? 2027)", within("10:00", "19:00"), "Asia/Seoul"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_message_leaves_only_inside_every_window_that_applies(
        origin in prop::sample::select(&ORIGINS[..]),
        category in prop::sample::select(&CATEGORIES[..]),
        (scheduled, advertising) in (window(), window()),
        (channel, template) in (prop::option::of(window()), prop::option::of(window())),
        (zone, now) in zone_and_instant(),
        ttl_minutes in prop::option::of(-60..3_000_i64),
    ) {
        let stack = HoursConfig { scheduled, advertising };
        let hours = hours_of(origin, category, &stack, channel, template);
        let may_leave = |at: Timestamp| {
            let open = |window: Window| window.contains(at, &zone);
            let exempt = origin == Origin::RealTime && category == Category::Informational;
            exempt
                || (origin != Origin::Scheduled || open(scheduled))
                    && (category != Category::Advertising || open(advertising))
                    && channel.is_none_or(open)
                    && template.is_none_or(open)
        };
        let expires_at = ttl_minutes.map(|minutes| now + SignedDuration::from_mins(minutes));
        let alive = |at: Timestamp| expires_at.is_none_or(|expires_at| at < expires_at);
        match decide(now, hours, &zone, expires_at) {
            Decision::Send => prop_assert!(may_leave(now) && alive(now)),
            Decision::Defer(until) => {
                prop_assert!(now < until && !may_leave(now) && may_leave(until) && alive(until));
                // Asking again at that time lets the message leave.
                prop_assert_eq!(decide(until, hours, &zone, expires_at), Decision::Send);
            }
            Decision::Drop(DropReason::Expired) => prop_assert!(!alive(now)),
            Decision::Drop(DropReason::NoOpeningBeforeExpiry) => {
                prop_assert!(alive(now) && !may_leave(now));
                prop_assert!(expires_at.is_some());
                let minute = SignedDuration::from_mins(1);
                let mut at = now;
                while alive(at) {
                    prop_assert!(!may_leave(at));
                    at += minute;
                }
            }
            Decision::Drop(DropReason::NoCommonHours) => prop_assert_eq!(hours, Hours::Never),
        }
    }
}
