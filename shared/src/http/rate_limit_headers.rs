//! The headers `RateLimit-Policy` and `RateLimit`: a producer's limits, and what is left of them.
//!
//! Their form is that of the IETF's draft-ietf-httpapi-ratelimit-headers-11: lists of structured
//! fields. What is left is a hint, because other processes count too.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::use_cases::{Limit, Standing};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

const DAY_S: u32 = 24 * 60 * 60;

/// Adds a producer's limits to an answer. A producer without limits gets no headers.
pub fn add_rate_limit_headers(headers: &mut HeaderMap, standings: &[Standing]) {
    if standings.is_empty() {
        return;
    }
    let policies: Vec<String> = standings.iter().map(policy).collect();
    let left: Vec<String> = standings.iter().map(left).collect();
    for (name, values) in [(POLICY, policies), (LEFT, left)] {
        // The texts have visible ASCII characters only.
        if let Ok(value) = HeaderValue::from_str(&values.join(", ")) {
            headers.insert(name, value);
        }
    }
}

fn policy(standing: &Standing) -> String {
    let max = standing.max;
    match standing.limit {
        Limit::RequestsPerSecond => format!("\"requests\";q={max};w=1"),
        Limit::NotificationsPerDay => {
            format!("\"notifications\";q={max};qu=\"notifications\";w={DAY_S}")
        }
    }
}

fn left(standing: &Standing) -> String {
    let name = match standing.limit {
        Limit::RequestsPerSecond => "requests",
        Limit::NotificationsPerDay => "notifications",
    };
    format!("\"{name}\";r={};t={}", standing.left, standing.resets_in_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_name_each_limit_and_what_is_left_of_it() {
        let standings = [
            Standing { limit: Limit::RequestsPerSecond, max: 50, left: 49, resets_in_s: 1 },
            Standing {
                limit: Limit::NotificationsPerDay,
                max: 10_000,
                left: 9_000,
                resets_in_s: 3_600,
            },
        ];
        let mut headers = HeaderMap::new();
        add_rate_limit_headers(&mut headers, &standings);
        let text = |name: &str| headers[name].to_str().expect("a text").to_owned();
        assert_eq!(
            text("ratelimit-policy"),
            "\"requests\";q=50;w=1, \"notifications\";q=10000;qu=\"notifications\";w=86400"
        );
        assert_eq!(text("ratelimit"), "\"requests\";r=49;t=1, \"notifications\";r=9000;t=3600");
    }

    #[test]
    fn a_producer_without_limits_gets_no_headers() {
        let mut headers = HeaderMap::new();
        add_rate_limit_headers(&mut headers, &[]);
        assert!(headers.is_empty());
    }
}
