//! What Bizppurio's codes mean for us.

use crate::domain::{Outcome, Verdict};

/// What an API code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiCode {
    /// For the message alone.
    Message(Outcome),
    /// The access token is refused: the request was not looked at.
    TokenRefused,
}

/// What the answer to a request for sending means, by the code in its body or else by its HTTP
/// status. Most errors come with status 400, so the body is looked at first.
///
/// Anything that is not known to be harmless is `Uncertain`: taking an unknown answer for a
/// refusal could send a message twice.
pub(super) fn api_code(code: Option<u32>, status: u16) -> ApiCode {
    match code {
        Some(code) => match code {
            1000 => ApiCode::Message(Outcome::Accepted),
            3002 | 3005 => ApiCode::TokenRefused,
            // Address not allowed, account or credentials refused, account suspended, wrong host:
            // every message would meet the same answer, and none is at fault.
            3000 | 3001 | 3003 | 3004 | 3006 | 3007 | 3009 | 3010 | 5001 => {
                ApiCode::Message(Outcome::ChannelDown)
            }
            // Too many connections, too many requests.
            3008 | 5002 => ApiCode::Message(Outcome::Throttled),
            // Unknown errors on their side, and gateways that may have passed the request on.
            3011 | 5003 | 5004 | 5005 | 9000 => ApiCode::Message(Outcome::Uncertain),
            _ => by_status(status),
        },
        None if status == 401 => ApiCode::TokenRefused,
        None => by_status(status),
    }
}

fn by_status(status: u16) -> ApiCode {
    ApiCode::Message(match status {
        429 => Outcome::Throttled,
        401 | 403 | 404 | 405 => Outcome::ChannelDown,
        // A time-out seen by a server on the way says nothing of what became of the request.
        408 => Outcome::Uncertain,
        400..=499 => Outcome::Rejected,
        _ => Outcome::Uncertain,
    })
}

/// What a push's result code means, given the medium that was used.
pub(super) fn push_verdict(result: &str, medium: Option<&str>) -> Verdict {
    match result {
        // Alimtalk, SMS, LMS and MMS delivered.
        "7000" | "4100" | "6600" => Verdict::Delivered,
        // Success uncertain: it may still arrive.
        "7305" => Verdict::Inconclusive,
        // The first choice of a message is Alimtalk. Whether a fallback makes one push or two is
        // not documented, so a failure of the first choice is not final where there is one.
        _ if is_kakao(result, medium) => Verdict::PrimaryUndelivered,
        _ => Verdict::Undelivered,
    }
}

fn is_kakao(result: &str, medium: Option<&str>) -> bool {
    match medium {
        Some(medium) => medium.starts_with('K') || medium.eq_ignore_ascii_case("at"),
        None => result.starts_with('7'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_outcome() {
        let outcome = |code| match api_code(Some(code), 400) {
            ApiCode::Message(outcome) => Some(outcome),
            ApiCode::TokenRefused => None,
        };
        let table = [
            (Some(Outcome::Accepted), vec![1000]),
            (Some(Outcome::Rejected), vec![2000, 3012, 3013, 5000]),
            (
                Some(Outcome::ChannelDown),
                vec![3000, 3001, 3003, 3004, 3006, 3007, 3009, 3010, 5001],
            ),
            (None, vec![3002, 3005]),
            (Some(Outcome::Throttled), vec![3008, 5002]),
            (Some(Outcome::Uncertain), vec![3011, 5003, 5004, 5005, 9000]),
        ];
        for (expected, codes) in table {
            for code in codes {
                assert_eq!(outcome(code), expected, "{code}");
            }
        }
    }

    #[test]
    fn without_a_known_code_the_status_decides_and_doubt_is_uncertain() {
        let outcome = |status| api_code(None, status);
        assert_eq!(outcome(429), ApiCode::Message(Outcome::Throttled));
        assert_eq!(outcome(400), ApiCode::Message(Outcome::Rejected));
        assert_eq!(outcome(403), ApiCode::Message(Outcome::ChannelDown));
        for status in [200, 202, 302, 408, 500, 502, 503, 504] {
            assert_eq!(outcome(status), ApiCode::Message(Outcome::Uncertain), "{status}");
        }
    }

    #[test]
    fn results_are_read_with_their_medium() {
        assert_eq!(push_verdict("7000", Some("KAT")), Verdict::Delivered);
        assert_eq!(push_verdict("4100", Some("SMS")), Verdict::Delivered);
        assert_eq!(push_verdict("6600", Some("LMS")), Verdict::Delivered);
        assert_eq!(push_verdict("7305", Some("KAT")), Verdict::Inconclusive);
        assert_eq!(push_verdict("7308", Some("KAT")), Verdict::PrimaryUndelivered);
        assert_eq!(push_verdict("7308", None), Verdict::PrimaryUndelivered);
        assert_eq!(push_verdict("4410", Some("SMS")), Verdict::Undelivered);
        assert_eq!(push_verdict("9070", Some("SMS")), Verdict::Undelivered);
    }
}
