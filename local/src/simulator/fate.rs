//! What becomes of a message, told by its number: whoever tries Alimi can choose.

/// What becomes of a message at the simulated provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Taken, and delivered a little later.
    Delivered,
    /// `010-9001-…`: refused at once (2000).
    Rejected,
    /// `010-9002-…`: taken, then undelivered by receipt (7308), as is its fallback (4410).
    Undelivered,
    /// `010-9003-…`: the receipt comes late.
    LateReceipt,
    /// `010-9004-…`: the receipt comes twice.
    DoubledReceipt,
    /// `010-9005-…`: the receipt comes before the answer to the request.
    EarlyReceipt,
    /// `010-9006-…`: Alimtalk fails and the text message is delivered; without a fallback it is
    /// undelivered.
    Fallback,
    /// `010-9007-…`: no receipt ever comes.
    NoReceipt,
    /// `010-9008-…`: taken and delivered, but the answer to the request never comes.
    AnswerLost,
    /// `010-9009-…`: the receipt says that success is uncertain (7305).
    Doubtful,
}

impl Fate {
    /// The fate that goes with a number.
    #[must_use]
    pub fn of(phone: &str) -> Self {
        match phone.get(..7) {
            Some("0109001") => Self::Rejected,
            Some("0109002") => Self::Undelivered,
            Some("0109003") => Self::LateReceipt,
            Some("0109004") => Self::DoubledReceipt,
            Some("0109005") => Self::EarlyReceipt,
            Some("0109006") => Self::Fallback,
            Some("0109007") => Self::NoReceipt,
            Some("0109008") => Self::AnswerLost,
            Some("0109009") => Self::Doubtful,
            _ => Self::Delivered,
        }
    }
}
