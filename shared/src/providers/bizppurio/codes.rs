//! The meaning of Bizppurio's codes.

use crate::domain::{Outcome, Verdict};

/// The meaning of an API code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiCode {
    /// Concerns the message.
    Message(Outcome),
    /// Bizppurio refused the access token, and did not look at the message.
    TokenRefused,
}

/// The meaning of the response to a message. The code in the body decides, because most errors have
/// the HTTP status 400. Without a known code the HTTP status decides.
///
/// Any response that is not known to be harmless is `Uncertain`: if Alimi took an unknown response
/// for a refusal, it could send a message twice.
pub(super) fn api_code(code: Option<u32>, status: u16) -> ApiCode {
    match code {
        Some(code) => match code {
            1000 => ApiCode::Message(Outcome::Accepted),
            3002 | 3005 => ApiCode::TokenRefused,
            // Address not allowed, account or credentials refused, account suspended, wrong host:
            // every message would get the same response, and none is at fault.
            3000 | 3001 | 3003 | 3004 | 3006 | 3007 | 3009 | 3010 | 5001 => {
                ApiCode::Message(Outcome::ChannelDown)
            }
            // Too many connections, too many requests.
            3008 | 5002 => ApiCode::Message(Outcome::Throttled),
            // Unknown errors at Bizppurio, and gateways that may have forwarded the request.
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
        // A server in between timed out: the request may still have reached Bizppurio.
        408 => Outcome::Uncertain,
        400..=499 => Outcome::Rejected,
        _ => Outcome::Uncertain,
    })
}

/// The meaning of a receipt's result code, given the medium that was used.
pub(super) fn receipt_verdict(result: &str, medium: Option<&str>) -> Verdict {
    match result {
        // Alimtalk, SMS, LMS and MMS delivered.
        "7000" | "4100" | "6600" => Verdict::Delivered,
        // Success uncertain: the message may still arrive.
        "7305" => Verdict::Inconclusive,
        // Alimtalk is a message's first choice. Bizppurio's document does not say whether a message
        // with a fallback gets one receipt or two. So for a message with a fallback, a failed first
        // choice is not final. A text message is a fallback, or has none: its failure is final.
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
    fn without_a_known_code_the_status_decides_and_an_unknown_status_is_uncertain() {
        let outcome = |status| api_code(None, status);
        assert_eq!(outcome(429), ApiCode::Message(Outcome::Throttled));
        assert_eq!(outcome(400), ApiCode::Message(Outcome::Rejected));
        assert_eq!(outcome(403), ApiCode::Message(Outcome::ChannelDown));
        for status in [200, 202, 302, 408, 500, 502, 503, 504] {
            assert_eq!(outcome(status), ApiCode::Message(Outcome::Uncertain), "{status}");
        }
    }

    #[test]
    fn a_receipts_result_is_read_together_with_its_medium() {
        assert_eq!(receipt_verdict("7000", Some("KAT")), Verdict::Delivered);
        assert_eq!(receipt_verdict("4100", Some("SMS")), Verdict::Delivered);
        assert_eq!(receipt_verdict("6600", Some("LMS")), Verdict::Delivered);
        assert_eq!(receipt_verdict("7305", Some("KAT")), Verdict::Inconclusive);
        assert_eq!(receipt_verdict("7308", Some("KAT")), Verdict::PrimaryUndelivered);
        assert_eq!(receipt_verdict("7308", None), Verdict::PrimaryUndelivered);
        assert_eq!(receipt_verdict("4410", Some("SMS")), Verdict::Undelivered);
        assert_eq!(receipt_verdict("9070", Some("SMS")), Verdict::Undelivered);
    }
}
