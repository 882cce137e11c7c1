//! What a schedule will do. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::hours::{Decision, Hours, decide};
use crate::domain::{Channel, RateLimit, Schedule};

/// How many times are forecast.
const TIMES: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub times: Vec<ForecastTime>,
    /// How long the channel takes to send one run at its limit, if it sends nothing else. `None`
    /// when the size of the audience is not known.
    pub sending_time: Option<SignedDuration>,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastTime {
    pub at: Timestamp,
    /// For recipients in the channel's zone.
    pub decision: Decision,
}

/// What an operator should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    Disabled,
    /// The schedule has no further time.
    NoTime,
    AudienceEmpty,
    /// The audience's file does not exist, or this stack may not read it.
    FileMissing,
    /// The channel is paused: nothing leaves until an operator resumes it.
    Paused,
    /// The channel's limit is strict: the provider's response times add to the sending time, and
    /// are not known in advance.
    StrictLimit,
    /// The window is closed at this time, and the messages wait for it.
    OutsideWindow {
        at: Timestamp,
        /// When the messages leave; `None` when they never do.
        until: Option<Timestamp>,
    },
    /// The window closes before the whole run is sent: the rest waits for the next opening.
    CrossesWindowEnd {
        /// The run's time.
        at: Timestamp,
        closes_at: Timestamp,
        /// How many messages wait.
        left: u64,
    },
}

/// How long a channel takes to send so many messages at its limit.
#[must_use]
pub fn sending_time(limit: RateLimit, messages: u64) -> SignedDuration {
    let period_ms = 1000 + limit.jitter.as_millis();
    let total_ms = (i128::from(messages) * period_ms).div_euclid(per_second(limit));
    SignedDuration::from_millis(i64::try_from(total_ms).unwrap_or(i64::MAX))
}

/// How many messages leave within `span` at a channel's limit.
fn sent_within(limit: RateLimit, span: SignedDuration) -> u64 {
    let period_ms = 1000 + limit.jitter.as_millis();
    u64::try_from(span.as_millis() * per_second(limit) / period_ms).unwrap_or(0)
}

fn per_second(limit: RateLimit) -> i128 {
    i128::from(limit.per_second.max(1))
}

/// Forecasts a schedule from `now` on. `size` is the number of its recipients, if that is known.
#[must_use]
pub fn forecast(
    schedule: &Schedule,
    channel: &Channel,
    hours: Hours,
    size: Option<u64>,
    now: Timestamp,
) -> Forecast {
    let zone = TimeZone::get(&channel.timezone).unwrap_or(TimeZone::UTC);
    let times: Vec<ForecastTime> = match schedule.zone() {
        None => vec![],
        Some(schedule_zone) => schedule
            .times_after(now, &schedule_zone)
            .take(TIMES)
            .map(|at| ForecastTime { at, decision: decide(at, hours, &zone, None) })
            .collect(),
    };
    let mut warnings = Vec::new();
    if !schedule.enabled {
        warnings.push(Warning::Disabled);
    }
    if times.is_empty() {
        warnings.push(Warning::NoTime);
    }
    if size == Some(0) {
        warnings.push(Warning::AudienceEmpty);
    }
    if channel.paused {
        warnings.push(Warning::Paused);
    }
    if channel.limit.strict && size.is_some() {
        warnings.push(Warning::StrictLimit);
    }
    for time in &times {
        warnings.extend(outside_window(*time));
        warnings.extend(crosses_window_end(*time, channel.limit, hours, size, &zone));
    }
    let sending_time = size.map(|size| sending_time(channel.limit, size));
    Forecast { times, sending_time, warnings }
}

fn outside_window(time: ForecastTime) -> Option<Warning> {
    let until = match time.decision {
        Decision::Send => return None,
        Decision::Defer(until) => Some(until),
        Decision::Drop(_) => None,
    };
    Some(Warning::OutsideWindow { at: time.at, until })
}

fn crosses_window_end(
    time: ForecastTime,
    limit: RateLimit,
    hours: Hours,
    size: Option<u64>,
    zone: &TimeZone,
) -> Option<Warning> {
    let starts_at = match time.decision {
        Decision::Send => time.at,
        Decision::Defer(until) => until,
        Decision::Drop(_) => return None,
    };
    let Hours::Within(window) = hours else { return None };
    let closes_at = window.next_closing(starts_at, zone)?;
    let left = size?.saturating_sub(sent_within(limit, closes_at.duration_since(starts_at)));
    (left > 0).then_some(Warning::CrossesWindowEnd { at: time.at, closes_at, left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sending_time_includes_the_jitter_allowance() {
        let limit =
            RateLimit { per_second: 40, jitter: SignedDuration::from_millis(50), strict: false };
        // 40 in 1.05 s.
        assert_eq!(sending_time(limit, 40), SignedDuration::from_millis(1050));
        assert_eq!(sending_time(limit, 0), SignedDuration::ZERO);
        assert_eq!(sending_time(limit, u64::MAX), SignedDuration::from_millis(i64::MAX));
        assert_eq!(sent_within(limit, SignedDuration::from_millis(1050)), 40);
    }

    #[test]
    fn messages_that_wait_for_their_window_have_the_time_from_its_opening_on() {
        let schedule: Schedule = serde_json::from_value(serde_json::json!({
            "name": "dawn", "expression": "at(2026-03-02T04:30:00)", "template": "t",
            "audience": "a", "outside_window": "defer",
        }))
        .expect("a schedule");
        let channel: Channel = serde_json::from_value(serde_json::json!({
            "name": "c", "limit": { "per_second": 1, "jitter": "0s" },
            "provider": { "kind": "p" },
            "confirmation": { "by": "receipt", "within": "30m" },
            "timezone": "Asia/Seoul",
        }))
        .expect("a channel");
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let hours =
            Hours::Within(crate::domain::hours::Window::new("10:00", "19:00").expect("one"));
        let nine_hours = 9 * 3600;
        let warnings = |size: u64| {
            forecast(&schedule, &channel, hours, Some(size), at("2026-03-02T00:00+09:00")).warnings
        };
        let waits = Warning::OutsideWindow {
            at: at("2026-03-02T04:30+09:00"),
            until: Some(at("2026-03-02T10:00+09:00")),
        };
        assert_eq!(warnings(nine_hours), [waits]);
        let cut = Warning::CrossesWindowEnd {
            at: at("2026-03-02T04:30+09:00"),
            closes_at: at("2026-03-02T19:00+09:00"),
            left: 1,
        };
        assert_eq!(warnings(nine_hours + 1), [waits, cut]);
    }
}
