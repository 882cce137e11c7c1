//! How long a 429 asks to pause.

use std::time::Duration;

use bytes::Bytes;
use http::Response;

/// The pause after a 429 without a header that says how long.
const PAUSE_DEFAULT: Duration = Duration::from_secs(1);
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause that `Retry-After` can cause, whatever it asks for.
const RETRY_AFTER_MAX_S: f64 = 300.0;
/// The longest pause that `RateLimit-Reset` can cause. The limit counts requests in a second, so a
/// longer pause can only come from an unknown format.
const RESET_MAX_S: f64 = 60.0;

/// From this number on, `RateLimit-Reset` counts milliseconds.
const RESET_MILLISECONDS_FROM: f64 = 10.0;
/// From these numbers on, `RateLimit-Reset` is a Unix time in seconds or in milliseconds.
const RESET_UNIX_SECONDS_FROM: f64 = 1e9;
const RESET_UNIX_MILLISECONDS_FROM: f64 = 1e12;

/// How long a 429 asks to pause: the longer one of what `RateLimit-Reset` and `Retry-After` ask for.
pub(super) fn pause(response: &Response<Bytes>, now_ms: i64) -> Duration {
    let header = |name: &str| {
        let mut values = response.headers().get_all(name).iter();
        values.find_map(|value| value.to_str().ok()).map(str::trim)
    };
    let reset = header("ratelimit-reset").and_then(|text| reset_s(text, now_ms));
    let retry_after = header("retry-after").and_then(|text| retry_after_s(text, now_ms));
    [(reset, RESET_MAX_S), (retry_after, RETRY_AFTER_MAX_S)]
        .into_iter()
        .filter_map(|(seconds, most)| Some((seconds?, most)))
        .filter(|(seconds, _)| seconds.is_finite() && *seconds >= 0.0)
        .map(|(seconds, most)| Duration::from_secs_f64(seconds.min(most)))
        .max()
        .map_or(PAUSE_DEFAULT, |asked| asked.max(PAUSE_MIN))
}

/// The seconds that `Retry-After` asks for. It is a number of seconds or a date (RFC 9110).
fn retry_after_s(text: &str, now_ms: i64) -> Option<f64> {
    let until = |date: &str| {
        let at = jiff::fmt::rfc2822::parse(date).ok()?;
        Some((at.timestamp().as_millisecond() - now_ms) as f64 / 1000.0)
    };
    text.parse().ok().or_else(|| until(text))
}

/// The seconds that `RateLimit-Reset` asks for.
///
/// Bizppurio's help page says that the header counts milliseconds, and shows the value `0.299`,
/// which can only be seconds. So the size of the number decides:
///
/// - Below 10 it is seconds. The limit counts requests in a second, so its end is near.
/// - From 10 on it is milliseconds. As seconds, `299` would stop the lane for minutes. If `30`
///   should mean seconds after all, the lane sends too early: it gets another 429, which loses no
///   message and makes the lane slower.
/// - From 10⁹ on it is a Unix time in seconds, and from 10¹² on in milliseconds.
fn reset_s(text: &str, now_ms: i64) -> Option<f64> {
    let (number, now_ms): (f64, f64) = (text.parse().ok()?, now_ms as f64);
    Some(if number < RESET_MILLISECONDS_FROM {
        number
    } else if number < RESET_UNIX_SECONDS_FROM {
        number / 1000.0
    } else if number < RESET_UNIX_MILLISECONDS_FROM {
        number - now_ms / 1000.0
    } else {
        (number - now_ms) / 1000.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pause after a 429 with these headers at this time, in milliseconds.
    fn pause_ms(headers: &[(&str, &str)], now_ms: i64) -> u128 {
        let builder = Response::builder().status(429);
        let builder = headers.iter().fold(builder, |b, (name, value)| b.header(*name, *value));
        pause(&builder.body(Bytes::new()).expect("a response"), now_ms).as_millis()
    }

    #[test]
    fn the_longest_pause_that_the_headers_ask_for_counts_up_to_five_minutes() {
        // 2026-11-22 00:00:00 UTC.
        let pause_ms = |headers: &[(&str, &str)]| pause_ms(headers, 1_795_305_600_000);
        assert_eq!(pause_ms(&[]), 1000);
        assert_eq!(pause_ms(&[("ratelimit-reset", "2"), ("retry-after", "5")]), 5000);
        assert_eq!(pause_ms(&[("ratelimit-reset", "5"), ("retry-after", "2")]), 5000);
        assert_eq!(pause_ms(&[("retry-after", "Sun, 22 Nov 2026 00:00:07 GMT")]), 7000);
        assert_eq!(pause_ms(&[("retry-after", "299")]), 299_000);
        assert_eq!(pause_ms(&[("retry-after", "86400")]), 300_000);
        assert_eq!(pause_ms(&[("retry-after", "NaN")]), 1000);
    }

    #[test]
    fn the_size_of_ratelimit_reset_tells_seconds_from_milliseconds_and_from_a_time() {
        const NOW_MS: i64 = 1_699_999_998_000;
        for (value, expected_ms) in [
            ("0", 100),
            ("0.299", 299),
            ("299", 299),
            ("299.5", 299),
            ("1", 1000),
            ("1000", 1000),
            ("5", 5000),
            ("7000", 7000),
            ("9.5", 9500),
            ("10", 100),
            ("30000", 30_000),
            ("86400000", 60_000),
            ("1700000000", 2000),
            ("1700000000000", 2000),
            ("1600000000", 1000),
            ("-1", 1000),
            ("NaN", 1000),
            ("inf", 1000),
            ("soon", 1000),
        ] {
            assert_eq!(pause_ms(&[("ratelimit-reset", value)], NOW_MS), expected_ms, "{value}");
        }
    }
}
