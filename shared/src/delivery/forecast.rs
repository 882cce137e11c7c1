//! What a schedule will do, before it does it. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::channel::RateLimit;
use crate::domain::hours::{Decision, Hours, decide};
use crate::domain::{Channel, Schedule};

/// How many times are foretold.
const TIMES: usize = 5;

/// What is to come of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Its next times.
    pub times: Vec<ForecastTime>,
    /// How long the channel takes for one run at its limit, with nothing else to send. `None` when
    /// the audience's size is not known.
    pub drain: Option<SignedDuration>,
    /// What an operator should know.
    pub warnings: Vec<Warning>,
}

/// One time of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastTime {
    /// The time.
    pub at: Timestamp,
    /// What the window says for recipients in the channel's zone.
    pub decision: Decision,
}

/// What an operator should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The schedule does not run.
    Disabled,
    /// There is no further time.
    NoTime,
    /// Nobody is in the audience.
    NobodyThere,
    /// The audience's file is not there, or may not be read.
    FileMissing,
    /// The channel is paused: nothing leaves until it is resumed.
    Paused,
    /// The channel's limit is strict: how long its provider takes to answer is not foretold, and
    /// adds to the time to drain.
    StrictLimit,
    /// The window is closed then: the messages wait for it.
    OutsideWindow {
        /// The time.
        at: Timestamp,
        /// When they leave; `None` when they never do.
        until: Option<Timestamp>,
    },
    /// The window closes before the run is through: the rest waits for the next opening.
    CrossesWindowEnd {
        /// The run's time.
        at: Timestamp,
        /// When the window closes.
        closes_at: Timestamp,
        /// How many messages are left then.
        left: u64,
    },
}

/// How long `messages` take at a channel's limit.
#[must_use]
pub fn drain_time(limit: RateLimit, messages: u64) -> SignedDuration {
    let spacing_ms = 1000 + limit.jitter.as_millis();
    let total_ms = (i128::from(messages) * spacing_ms).div_euclid(per_second(limit));
    SignedDuration::from_millis(i64::try_from(total_ms).unwrap_or(i64::MAX))
}

/// How many messages leave within `span` at a channel's limit.
fn sent_within(limit: RateLimit, span: SignedDuration) -> u64 {
    let spacing_ms = 1000 + limit.jitter.as_millis();
    u64::try_from(span.as_millis() * per_second(limit) / spacing_ms).unwrap_or(0)
}

fn per_second(limit: RateLimit) -> i128 {
    i128::from(limit.per_second.max(1))
}

/// What will come of a schedule from `now` on. `size` is how many recipients it has, if that is
/// known.
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
        Some(own_zone) => schedule
            .times_after(now, &own_zone)
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
        warnings.push(Warning::NobodyThere);
    }
    if channel.paused {
        warnings.push(Warning::Paused);
    }
    if channel.limit.strict && size.is_some() {
        warnings.push(Warning::StrictLimit);
    }
    for time in &times {
        warnings.extend(outside(*time));
        warnings.extend(crossing(*time, channel.limit, hours, size, &zone));
    }
    Forecast { times, drain: size.map(|size| drain_time(channel.limit, size)), warnings }
}

fn outside(time: ForecastTime) -> Option<Warning> {
    let until = match time.decision {
        Decision::Send => return None,
        Decision::Defer(until) => Some(until),
        Decision::Drop(_) => None,
    };
    Some(Warning::OutsideWindow { at: time.at, until })
}

fn crossing(
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
    fn the_time_to_drain_is_the_limits_with_its_allowance() {
        let limit =
            RateLimit { per_second: 40, jitter: SignedDuration::from_millis(50), strict: false };
        // 40 in 1.05 s.
        assert_eq!(drain_time(limit, 40), SignedDuration::from_millis(1050));
        assert_eq!(drain_time(limit, 0), SignedDuration::ZERO);
        assert_eq!(drain_time(limit, u64::MAX), SignedDuration::from_millis(i64::MAX));
        assert_eq!(sent_within(limit, SignedDuration::from_millis(1050)), 40);
    }

    #[test]
    fn what_waits_for_its_window_has_only_the_time_from_its_opening_on() {
        let schedule: Schedule = serde_json::from_value(serde_json::json!({
            "name": "dawn", "expression": "at(2026-03-02T04:30:00)", "template": "t",
            "audience": "a", "outside_window": "defer",
        }))
        .expect("a schedule");
        let channel: Channel = serde_json::from_value(serde_json::json!({
            "name": "c", "limit": { "per_second": 1, "jitter": "0s" },
            "provider": {
                "kind": "bizppurio", "base_url": "https://api.example.com", "account": "a",
                "sender_key": "k", "from": "0212345678",
            },
            "confirmation": { "by": "receipt", "within": "30m" }, "timezone": "Asia/Seoul", "secret": "s",
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
