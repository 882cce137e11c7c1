//! Scenarios of a message. Its phone number selects one, so that people and tests can choose.

use std::time::Duration;

use super::behaviour::{Answer, Behaviour, Receipts};

/// What happens to a message at the simulated provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Accepted, and delivered a little later.
    Delivered,
    /// `010-9001-…`: rejected at once.
    Rejected,
    /// `010-9002-…`: accepted; then a receipt says undelivered, and another says the same of the
    /// fallback.
    Undelivered,
    /// `010-9003-…`: the receipt comes late.
    LateReceipt,
    /// `010-9004-…`: the receipt comes twice.
    DuplicateReceipt,
    /// `010-9005-…`: the receipt comes before the answer to the request.
    EarlyReceipt,
    /// `010-9006-…`: the phone takes text messages only. An Alimtalk message is undelivered, and its
    /// fallback is delivered if it has one.
    Fallback,
    /// `010-9007-…`: no receipt ever comes.
    NoReceipt,
    /// `010-9008-…`: accepted and delivered, but the answer to the request never comes.
    AnswerLost,
    /// `010-9009-…`: the receipt says that the delivery is uncertain.
    UncertainReceipt,
    /// `010-9010-…`: the fallback is delivered, and its receipt comes before the one that says that
    /// the first choice is undelivered. Without a fallback the message is delivered.
    ReceiptsOutOfOrder,
    /// `010-9011-…`: the first request is refused with a 429 that names a time.
    Throttled,
    /// `010-9012-…`: the first request is refused with a 429 that names no time.
    ThrottledWithoutTime,
    /// `010-9013-…`: the first request is refused because the account is suspended.
    AccountDown,
    /// `010-9014-…`: the first request is refused because of its access token.
    TokenRefused,
    /// `010-9015-…`: delivered, and the answer takes two seconds.
    SlowAnswer,
    /// `010-9016-…`: the connection is closed before the provider takes the message.
    ResetBefore,
    /// `010-9017-…`: the connection is closed after the provider took the message.
    ResetAfter,
    /// `010-9018-…`: an error with a 5xx status; the provider does not take the message.
    ServerError,
    /// `010-9019-…`: accepted and delivered, but the answer cannot be read.
    MalformedAnswer,
    /// `010-9020-…`: delivered, and the receipt gets lost. The provider sends it again when it is asked.
    LostReceipt,
}

/// How much longer a slow answer takes.
const SLOW_BY: Duration = Duration::from_secs(2);

impl Scenario {
    /// The scenario of a phone number, in international or national form.
    #[must_use]
    pub fn of(phone: &str) -> Self {
        match national(phone).get(..7) {
            Some("0109001") => Self::Rejected,
            Some("0109002") => Self::Undelivered,
            Some("0109003") => Self::LateReceipt,
            Some("0109004") => Self::DuplicateReceipt,
            Some("0109005") => Self::EarlyReceipt,
            Some("0109006") => Self::Fallback,
            Some("0109007") => Self::NoReceipt,
            Some("0109008") => Self::AnswerLost,
            Some("0109009") => Self::UncertainReceipt,
            Some("0109010") => Self::ReceiptsOutOfOrder,
            Some("0109011") => Self::Throttled,
            Some("0109012") => Self::ThrottledWithoutTime,
            Some("0109013") => Self::AccountDown,
            Some("0109014") => Self::TokenRefused,
            Some("0109015") => Self::SlowAnswer,
            Some("0109016") => Self::ResetBefore,
            Some("0109017") => Self::ResetAfter,
            Some("0109018") => Self::ServerError,
            Some("0109019") => Self::MalformedAnswer,
            Some("0109020") => Self::LostReceipt,
            _ => Self::Delivered,
        }
    }

    /// The provider's behaviour towards a message to such a number.
    pub(super) fn behaviour(self) -> Behaviour {
        match self {
            Self::Delivered => Behaviour::default(),
            Self::Rejected => Answer::Reject.into(),
            Self::Undelivered => Receipts::Undelivered.into(),
            Self::LateReceipt => Receipts::Late.into(),
            Self::DuplicateReceipt => Receipts::Doubled.into(),
            Self::EarlyReceipt => Receipts::Early.into(),
            Self::Fallback => Receipts::Fallback.into(),
            Self::NoReceipt => Receipts::Never.into(),
            Self::AnswerLost => Behaviour { answer: Answer::Hang, receipts: Receipts::Late },
            Self::UncertainReceipt => Receipts::Uncertain.into(),
            Self::ReceiptsOutOfOrder => Receipts::OutOfOrder.into(),
            Self::Throttled => Answer::Throttle { reset_s: Some(1) }.into(),
            Self::ThrottledWithoutTime => Answer::Throttle { reset_s: None }.into(),
            Self::AccountDown => Answer::AccountDown.into(),
            Self::TokenRefused => Answer::RefuseToken.into(),
            Self::SlowAnswer => Answer::Slow(SLOW_BY).into(),
            Self::ResetBefore => Answer::ResetBefore.into(),
            Self::ResetAfter => Answer::ResetAfter.into(),
            Self::ServerError => Answer::ServerError.into(),
            Self::MalformedAnswer => Answer::Malformed.into(),
            Self::LostReceipt => Receipts::Lost.into(),
        }
    }
}

/// The digits of a phone number, a Korean number in national form. One provider's wire has national
/// numbers, and another one's has international ones.
fn national(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let korean = match (phone.trim_start().starts_with('+'), digits.strip_prefix("0082")) {
        (true, _) => digits.strip_prefix("82"),
        (false, after) => after,
    };
    match korean {
        Some(after) => format!("0{}", after.trim_start_matches('0')),
        None => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_selects_its_scenario_in_any_spelling() {
        for phone in [
            "01090010000",
            "010-9001-0000",
            "+821090010000",
            "+82 10-9001-0000",
            "+82 (0)10 9001 0000",
            "0082 10 9001 0000",
        ] {
            assert_eq!(Scenario::of(phone), Scenario::Rejected, "{phone}");
        }
        for phone in ["", "010", "01012345678", "+14155550100", "+1090010000"] {
            assert_eq!(Scenario::of(phone), Scenario::Delivered, "{phone}");
        }
    }

    #[test]
    fn every_number_from_9001_to_9020_has_a_behaviour_of_its_own() {
        let behaviours: Vec<Behaviour> = (9001..=9020)
            .map(|exchange| Scenario::of(&format!("010{exchange}0000")).behaviour())
            .collect();
        for (index, behaviour) in behaviours.iter().enumerate() {
            assert_ne!(*behaviour, Behaviour::default(), "{index}");
            assert!(!behaviours[..index].contains(behaviour), "{index}");
        }
    }
}
