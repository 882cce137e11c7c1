use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::domain::expression::Expression;
use crate::domain::hours::test_zones::{at, zone, zone_and_instant};

fn expression(text: &str) -> Expression {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The first occurrences after the start of 2026 in UTC, without the year and the seconds.
fn first(text: &str, count: usize) -> Vec<String> {
    let after = at("2025-12-31T23:59:59Z");
    let (expression, utc) = (expression(text), TimeZone::UTC);
    let occurrences = expression.occurrences(after, &utc, after);
    occurrences.take(count).map(|at| at.strftime("%a %Y-%m-%d %H:%M").to_string()).collect()
}

/// The occurrences of one local day.
fn on(text: &str, start: &str, hours: i64, zone_name: &str) -> Vec<Timestamp> {
    let (start, zone, expression) = (at(start), zone(zone_name), expression(text));
    let end = start + SignedDuration::from_hours(hours);
    expression
        .occurrences(start - SignedDuration::from_nanos(1), &zone, start)
        .take_while(|&at| at < end)
        .collect()
}

#[test]
fn examples_of_the_aws_documents_occur_at_the_documented_times() {
    for (text, occurrences) in [
        ("cron(0 10 * * ? *)", ["Thu 2026-01-01 10:00", "Fri 2026-01-02 10:00"]),
        ("cron(15 12 * * ? *)", ["Thu 2026-01-01 12:15", "Fri 2026-01-02 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["Thu 2026-01-01 18:00", "Fri 2026-01-02 18:00"]),
        ("cron(0 8 1 * ? *)", ["Thu 2026-01-01 08:00", "Sun 2026-02-01 08:00"]),
        ("cron(0/15 * * * ? *)", ["Thu 2026-01-01 00:00", "Thu 2026-01-01 00:15"]),
        ("cron(1/10 * * * ? *)", ["Thu 2026-01-01 00:01", "Thu 2026-01-01 00:11"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", ["Thu 2026-01-01 08:00", "Thu 2026-01-01 08:05"]),
        ("cron(0/30 20-2 ? * MON-FRI *)", ["Thu 2026-01-01 00:00", "Thu 2026-01-01 00:30"]),
        ("cron(0 9 ? * 2#1 *)", ["Mon 2026-01-05 09:00", "Mon 2026-02-02 09:00"]),
        ("cron(0 9 ? * 3#2 *)", ["Tue 2026-01-13 09:00", "Tue 2026-02-10 09:00"]),
        ("cron(15 10 ? * 6L 2022-2026)", ["Fri 2026-01-30 10:15", "Fri 2026-02-27 10:15"]),
        ("cron(0 0 L * ? *)", ["Sat 2026-01-31 00:00", "Sat 2026-02-28 00:00"]),
        ("cron(0 0 3W * ? *)", ["Fri 2026-01-02 00:00", "Tue 2026-02-03 00:00"]),
        ("cron(0 12 1 JAN,FEB,MAR ? *)", ["Thu 2026-01-01 12:00", "Sun 2026-02-01 12:00"]),
    ] {
        assert_eq!(first(text, 2), occurrences, "{text}");
    }
}

#[test]
fn an_expression_of_past_years_does_not_occur() {
    assert_eq!(first("cron(15 10 ? * 6L 2022-2023)", 1), [] as [&str; 0]);
}

#[test]
fn wildcards_and_names_select_the_documented_days() {
    for (text, occurrences) in [
        // Sunday is 1.
        ("cron(0 9 ? * 1 *)", ["Sun 2026-01-04 09:00", "Sun 2026-01-11 09:00"]),
        ("cron(0 9 ? * L *)", ["Sat 2026-01-03 09:00", "Sat 2026-01-10 09:00"]),
        ("cron(0 9 ? * sun,Wed *)", ["Sun 2026-01-04 09:00", "Wed 2026-01-07 09:00"]),
        ("cron(0 9 ? * SAT-SUN *)", ["Sat 2026-01-03 09:00", "Sun 2026-01-04 09:00"]),
        ("cron(0 9 ? * FRIL *)", ["Fri 2026-01-30 09:00", "Fri 2026-02-27 09:00"]),
        ("cron(0 9 ? * 5#5 *)", ["Thu 2026-01-29 09:00", "Thu 2026-04-30 09:00"]),
        ("cron(0 9 LW * ? *)", ["Fri 2026-01-30 09:00", "Fri 2026-02-27 09:00"]),
        // The 1st is a Sunday, then a Saturday. The nearest workday stays in the month.
        ("cron(0 9 1W 2,8 ? *)", ["Mon 2026-02-02 09:00", "Mon 2026-08-03 09:00"]),
        // The 31st of May is a Sunday. The nearest workday stays in the month. June has no 31st.
        ("cron(0 9 31W 5-7 ? *)", ["Fri 2026-05-29 09:00", "Fri 2026-07-31 09:00"]),
        ("cron(0 9 31 4-7 ? *)", ["Sun 2026-05-31 09:00", "Fri 2026-07-31 09:00"]),
        ("cron(0 9 29 2 ? *)", ["Tue 2028-02-29 09:00", "Sun 2032-02-29 09:00"]),
        ("cron(*/40 9 1/30 * ? *)", ["Thu 2026-01-01 09:00", "Thu 2026-01-01 09:40"]),
        ("cron(0 23-3/2 * * ? *)", ["Thu 2026-01-01 01:00", "Thu 2026-01-01 03:00"]),
        ("cron(0 0 1 1 ? 2030/100)", ["Tue 2030-01-01 00:00", "Sun 2130-01-01 00:00"]),
    ] {
        assert_eq!(first(text, 2), occurrences, "{text}");
    }
}

#[test]
fn an_error_names_the_part_at_fault() {
    for (text, field) in [
        ("", "expression"),
        ("0 10 * * ? *", "expression"),
        ("cron(0 10 * * ? *", "expression"),
        ("Cron(0 10 * * ? *)", "expression"),
        ("every(5 minutes)", "expression"),
        ("cron(0 10 * * ?)", "cron"),
        ("cron(0 10 * * ? * *)", "cron"),
        ("cron()", "cron"),
        ("cron(60 10 * * ? *)", "minutes"),
        ("cron(-1 10 * * ? *)", "minutes"),
        ("cron(+1 10 * * ? *)", "minutes"),
        ("cron(1, 10 * * ? *)", "minutes"),
        ("cron(0/0 10 * * ? *)", "minutes"),
        ("cron(0/ 10 * * ? *)", "minutes"),
        ("cron(? 10 * * ? *)", "minutes"),
        ("cron(*,5 10 * * ? *)", "minutes"),
        ("cron(0 24 * * ? *)", "hours"),
        ("cron(0 9-17-19 * * ? *)", "hours"),
        ("cron(0 10 0 * ? *)", "day-of-month"),
        ("cron(0 10 32W * ? *)", "day-of-month"),
        ("cron(0 10 W * ? *)", "day-of-month"),
        ("cron(0 10 L-3 * ? *)", "day-of-month"),
        ("cron(0 10 1,L * ? *)", "day-of-month"),
        ("cron(0 10 1,15W * ? *)", "day-of-month"),
        ("cron(0 10 ? * ? *)", "day-of-month"),
        ("cron(0 10 * 13 ? *)", "month"),
        ("cron(0 10 * JANUARY ? *)", "month"),
        ("cron(0 10 * ? ? *)", "month"),
        ("cron(0 10 * * * *)", "day-of-week"),
        ("cron(0 10 1 * MON *)", "day-of-week"),
        ("cron(0 10 ? * 0 *)", "day-of-week"),
        ("cron(0 10 ? * 8 *)", "day-of-week"),
        ("cron(0 10 ? * 2/2 *)", "day-of-week"),
        ("cron(0 10 ? * 3#6 *)", "day-of-week"),
        ("cron(0 10 ? * 3#1,6#3 *)", "day-of-week"),
        ("cron(0 10 ? * 8L *)", "day-of-week"),
        ("cron(0 10 * * ? 1969)", "year"),
        ("cron(0 10 * * ? 2200)", "year"),
        ("cron(0 10 * * ? 2027-2026)", "year"),
        ("rate(0 minutes)", "rate"),
        ("rate(-5 minutes)", "rate"),
        ("rate(+5 minutes)", "rate"),
        ("rate(1.5 hours)", "rate"),
        ("rate(5)", "rate"),
        ("rate(5 seconds)", "rate"),
        ("rate(5 minutes please)", "rate"),
        ("rate(5minutes)", "rate"),
        ("at(2026-02-29T10:00:00)", "at"),
        ("at(2026-01-01T10:00)", "at"),
        ("at(2026-01-01 10:00:00)", "at"),
        ("at(2026-01-01T10:00:60)", "at"),
        ("at(2026-01-01T24:00:00)", "at"),
        ("at(2026-01-01T10:00:00Z)", "at"),
    ] {
        let error = Expression::parse(text).expect_err(text);
        assert_eq!(error.field, field, "{text}");
    }
}

#[test]
fn an_expression_that_is_too_long_is_refused() {
    let longest = format!("cron({}10 * * * ? *)", "1,".repeat(119));
    assert_eq!(longest.len(), 256);
    assert!(Expression::parse(&longest).is_ok());
    let longer = longest.replace("10 ", "1,1 ");
    assert_eq!(Expression::parse(&longer).unwrap_err().field, "expression");
}

#[test]
fn an_error_says_what_was_sent_and_what_is_allowed() {
    let message = |text| Expression::parse(text).unwrap_err().to_string();
    assert_eq!(
        message("cron(0 24 * * ? *)"),
        r#"hours: is "24"; must be 0 to 23 with the wildcards , - * /"#
    );
    assert_eq!(
        message("cron(0 10 * * MON *)"),
        "day-of-week: must be ? when day-of-month is not ?, even when it is *"
    );
}

#[test]
fn an_expression_is_printed_with_single_spaces() {
    let expression = expression("  cron( 0  10 *\t* ? * )\n");
    assert_eq!(expression.to_string(), "cron(0 10 * * ? *)");
    assert_eq!(serde_json::to_value(&expression).unwrap(), json!("cron(0 10 * * ? *)"));
    assert_eq!(
        serde_json::from_value::<Expression>(json!("cron(0 10 * * ? *)")).unwrap(),
        expression
    );
    let error = serde_json::from_value::<Expression>(json!("rate(5)")).unwrap_err();
    let expected = r#"rate: is "5"; must be a positive integer"#;
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn a_local_time_that_the_clock_skips_does_not_occur() {
    // 02:00 becomes 03:00.
    assert_eq!(on("cron(30 2 * * ? *)", "2026-03-08T00:00-05:00", 23, "America/New_York"), []);
    assert_eq!(
        on("cron(30 1-3 * * ? *)", "2026-03-08T00:00-05:00", 23, "America/New_York"),
        [at("2026-03-08T01:30-05:00"), at("2026-03-08T03:30-04:00")]
    );
}

#[test]
fn a_local_time_that_the_clock_repeats_occurs_the_first_time() {
    // 02:00 becomes 01:00.
    assert_eq!(
        on("cron(30 0-2 * * ? *)", "2026-11-01T00:00-04:00", 25, "America/New_York"),
        [at("2026-11-01T00:30-04:00"), at("2026-11-01T01:30-04:00"), at("2026-11-01T02:30-05:00")]
    );
    let every_minute = on("cron(* * * * ? *)", "2026-11-01T00:00-04:00", 25, "America/New_York");
    assert_eq!(every_minute.len(), 24 * 60);
}

#[test]
fn in_the_repeated_hour_the_next_occurrence_is_after_it() {
    let new_york = zone("America/New_York");
    let after = at("2026-11-01T01:10-05:00");
    assert_eq!(
        expression("cron(0/15 * * * ? *)").next_after(after, &new_york, after),
        Some(at("2026-11-01T02:00-05:00"))
    );
}

#[test]
fn a_skipped_day_has_no_occurrence() {
    assert_eq!(
        on("cron(0 12 * * ? *)", "2011-12-29T00:00-10:00", 48, "Pacific/Apia"),
        [at("2011-12-29T12:00-10:00"), at("2011-12-31T12:00+14:00")]
    );
}

#[test]
fn a_single_time_is_local_and_occurs_once() {
    let (seoul, at_ten) = (zone("Asia/Seoul"), at("2026-05-01T10:00:30+09:00"));
    let once = expression("at(2026-05-01T10:00:30)");
    let before = at_ten - SignedDuration::from_nanos(1);
    assert_eq!(once.occurrences(before, &seoul, before).collect::<Vec<_>>(), [at_ten]);
    assert_eq!(once.next_after(at_ten, &seoul, at_ten), None);
}

#[test]
fn a_single_time_does_not_occur_in_skipped_time_and_occurs_first_in_repeated_time() {
    let new_york = zone("America/New_York");
    let after = at("2026-01-01T00:00Z");
    let next = |text| expression(text).next_after(after, &new_york, after);
    assert_eq!(next("at(2026-03-08T02:30:00)"), None);
    assert_eq!(next("at(2026-11-01T01:30:00)"), Some(at("2026-11-01T01:30-04:00")));
}

#[test]
fn a_rate_counts_from_its_anchor() {
    let utc = TimeZone::UTC;
    let anchor = at("2026-01-01T10:00Z");
    let rate = expression("rate(90 minutes)");
    let early = at("2020-01-01T00:00Z");
    assert_eq!(rate.next_after(early, &utc, anchor), Some(anchor));
    assert_eq!(rate.next_after(anchor, &utc, anchor), Some(at("2026-01-01T11:30Z")));
    assert_eq!(
        rate.next_after(at("2026-01-01T12:59:59.9Z"), &utc, anchor),
        Some(at("2026-01-01T13:00Z"))
    );
}

#[test]
fn a_rate_that_starts_inside_a_minute_occurs_from_the_next_whole_minute_on() {
    let (utc, anchor) = (TimeZone::UTC, at("2026-01-01T10:00:00.001Z"));
    let rate = expression("rate(5 minutes)");
    assert_eq!(rate.next_after(anchor, &utc, anchor), Some(at("2026-01-01T10:01Z")));
}

#[test]
fn a_day_of_a_rate_is_24_hours_across_daylight_saving() {
    let (new_york, anchor) = (zone("America/New_York"), at("2026-03-07T10:00-05:00"));
    assert_eq!(
        expression("rate(1 day)").next_after(anchor, &new_york, anchor),
        Some(at("2026-03-08T11:00-04:00"))
    );
}

#[test]
fn units_of_a_rate_may_be_singular_or_plural() {
    let (utc, anchor) = (TimeZone::UTC, at("2026-01-01T00:00Z"));
    for (text, hours) in
        [("rate(1 hours)", 1), ("rate(2 hour)", 2), ("rate(1 days)", 24), ("rate(60 minute)", 1)]
    {
        let next = expression(text).next_after(anchor, &utc, anchor);
        assert_eq!(next, Some(anchor + SignedDuration::from_hours(hours)), "{text}");
    }
}

#[test]
fn the_last_timestamp_causes_no_panic() {
    let utc = TimeZone::UTC;
    for text in ["cron(* * * * ? *)", "rate(4294967295 days)", "at(9999-12-31T23:59:59)"] {
        let expression = expression(text);
        assert_eq!(expression.next_after(Timestamp::MAX, &utc, Timestamp::UNIX_EPOCH), None);
        assert_eq!(expression.next_after(Timestamp::MAX, &utc, Timestamp::MAX), None);
        let _first = expression.next_after(Timestamp::MIN, &utc, Timestamp::MIN);
    }
}

proptest! {
    #[test]
    fn a_rate_occurs_at_every_multiple_of_its_period(
        minutes in 1..5_000_i64,
        anchor_minute in 0..100_000_i64,
        (zone, after) in zone_and_instant(),
    ) {
        let anchor = Timestamp::from_second(1_700_000_040 + anchor_minute * 60).unwrap();
        let rate = expression(&format!("rate({minutes} minutes)"));
        let next = rate.next_after(after, &zone, anchor).unwrap();
        let period_s = minutes * 60;
        prop_assert!(next > after && next >= anchor);
        prop_assert_eq!((next.as_second() - anchor.as_second()) % period_s, 0);
        let before = next - SignedDuration::from_secs(period_s);
        prop_assert!(before <= after || before < anchor);
    }

    #[test]
    fn parsing_any_text_gives_an_expression_or_an_error(
        text in "\\PC*|(cron|rate|at)\\([-0-9A-Z*?/,#LWT: a-z]{0,40}\\)",
    ) {
        if let Ok(expression) = Expression::parse(&text) {
            prop_assert_eq!(Expression::parse(&expression.to_string()), Ok(expression));
        }
    }

    #[test]
    fn parsing_any_six_fields_gives_an_expression_or_an_error(
        fields in prop::collection::vec("[0-9*?/,#LW-]{1,4}|[0-9]{1,2}|[*?]", 6),
        (zone, after) in zone_and_instant(),
    ) {
        let text = format!("cron({})", fields.join(" "));
        if let Ok(expression) = Expression::parse(&text) {
            prop_assert_eq!(&expression.to_string(), &text);
            if let Some(next) = expression.next_after(after, &zone, after) {
                prop_assert!(next > after);
            }
        }
    }
}
