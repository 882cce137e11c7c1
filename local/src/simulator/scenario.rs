//! Scenarios of a message. Its phone number selects one, so that people and tests can choose.

/// What happens to a message at the simulated provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Accepted, and delivered a little later.
    Delivered,
    /// `010-9001-…`: rejected at once (2000).
    Rejected,
    /// `010-9002-…`: accepted; then a receipt says undelivered (7308), and another says the same of
    /// the fallback (4410).
    Undelivered,
    /// `010-9003-…`: the receipt comes late.
    LateReceipt,
    /// `010-9004-…`: the receipt comes twice.
    DuplicateReceipt,
    /// `010-9005-…`: the receipt comes before the answer to the request.
    EarlyReceipt,
    /// `010-9006-…`: the Alimtalk message fails and its fallback, a text message, is delivered.
    /// Without a fallback the message is undelivered.
    Fallback,
    /// `010-9007-…`: no receipt ever comes.
    NoReceipt,
    /// `010-9008-…`: accepted and delivered, but the answer to the request never comes.
    AnswerLost,
    /// `010-9009-…`: the receipt says that the delivery is uncertain (7305).
    UncertainReceipt,
}

impl Scenario {
    /// The scenario of a phone number, which is digits only.
    #[must_use]
    pub fn of(phone: &str) -> Self {
        match phone.get(..7) {
            Some("0109001") => Self::Rejected,
            Some("0109002") => Self::Undelivered,
            Some("0109003") => Self::LateReceipt,
            Some("0109004") => Self::DuplicateReceipt,
            Some("0109005") => Self::EarlyReceipt,
            Some("0109006") => Self::Fallback,
            Some("0109007") => Self::NoReceipt,
            Some("0109008") => Self::AnswerLost,
            Some("0109009") => Self::UncertainReceipt,
            _ => Self::Delivered,
        }
    }
}
