//! How long a 429 asks to pause.

use std::time::Duration;

use bytes::Bytes;
use http::Response;

/// The pause after a 429 without a header that says how long.
const PAUSE_DEFAULT: Duration = Duration::from_secs(1);
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause that a 429 can cause, whatever it asks for.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// How long a 429 asks to pause. `RateLimit-Reset` and `Retry-After` are seconds; the latter may
/// be a date instead (RFC 9110). The longest of them counts.
pub(super) fn pause(response: &Response<Bytes>, now_ms: i64) -> Duration {
    let until = |date: &str| {
        let at = jiff::fmt::rfc2822::parse(date).ok()?;
        Some((at.timestamp().as_millisecond() - now_ms) as f64 / 1000.0)
    };
    let header = |name: &str| {
        let mut values = response.headers().get_all(name).iter();
        values.find_map(|value| value.to_str().ok()).map(str::trim)
    };
    ["ratelimit-reset", "retry-after"]
        .into_iter()
        .filter_map(header)
        .filter_map(|text| text.parse::<f64>().ok().or_else(|| until(text)))
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .map(|seconds| Duration::from_secs_f64(seconds.min(PAUSE_MAX.as_secs_f64())))
        .max()
        .map_or(PAUSE_DEFAULT, |asked| asked.max(PAUSE_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pause_that_the_headers_ask_for_counts_up_to_five_minutes() {
        let response = |headers: &[(&str, &str)]| {
            let builder = Response::builder().status(429);
            let builder = headers.iter().fold(builder, |b, (name, value)| b.header(*name, *value));
            builder.body(Bytes::new()).expect("a response")
        };
        // 2026-11-22 00:00:00 UTC.
        let seconds =
            |headers: &[(&str, &str)]| pause(&response(headers), 1_795_305_600_000).as_secs_f64();
        assert!((seconds(&[]) - 1.0).abs() < 1e-9);
        assert!((seconds(&[("ratelimit-reset", "2"), ("retry-after", "5")]) - 5.0).abs() < 1e-9);
        let date = [("retry-after", "Sun, 22 Nov 2026 00:00:07 GMT")];
        assert!((seconds(&date) - 7.0).abs() < 1e-9);
        assert!((seconds(&[("retry-after", "86400")]) - 300.0).abs() < 1e-9);
        assert!((seconds(&[("retry-after", "NaN")]) - 1.0).abs() < 1e-9);
    }
}
