//! What a provider does with one request or with one message. Each provider's wire writes it in the
//! provider's own words.

use std::time::Duration;

/// An answer that does not depend on the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// The code in the body.
    pub code: u32,
    /// A header that says after how many seconds the limit is free again.
    pub reset_s: Option<u64>,
}

/// How the provider fails every request of one kind for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// No answer ever comes, and the provider takes nothing.
    Hangs,
    /// The account cannot be used.
    RefusesAccount,
}

/// What the provider does with one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    pub answer: Answer,
    /// Only a message that the provider took has receipts.
    pub receipts: Receipts,
}

/// How the provider answers the request for a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    #[default]
    Accept,
    /// The provider takes the message, and its answer takes this much longer.
    Slow(Duration),
    /// The provider refuses the message for good.
    Reject,
    /// The provider refuses the request because of its limit. With a time, it says after how many
    /// seconds the next request may come.
    Throttle { reset_s: Option<u64> },
    /// The account cannot send at all.
    AccountDown,
    /// The provider refuses the access token or the signature.
    RefuseToken,
    /// The address no longer exists. A provider that does not tell this rejects the message.
    AddressGone,
    /// An error with a 5xx status. The provider did not take the message.
    ServerError,
    /// The provider takes the message, and answers with a 200 that is not in its format.
    Malformed,
    /// The provider takes the message, and its answer never comes.
    Hang,
    /// The connection is closed before the provider takes the message.
    ResetBefore,
    /// The connection is closed after the provider took the message.
    ResetAfter,
}

impl Answer {
    /// Whether Alimi sends the message again by itself after this answer.
    pub(super) fn is_repeated(self) -> bool {
        match self {
            Self::Throttle { .. } | Self::AccountDown | Self::RefuseToken => true,
            Self::Accept
            | Self::Slow(_)
            | Self::Reject
            | Self::AddressGone
            | Self::ServerError
            | Self::Malformed
            | Self::Hang
            | Self::ResetBefore
            | Self::ResetAfter => false,
        }
    }
}

/// Which receipts of a message come, and what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Receipts {
    /// Delivered, a while after the request.
    #[default]
    Delivered,
    /// Delivered; the receipt comes before the answer to the request.
    Early,
    /// Delivered; the receipt comes late.
    Late,
    /// Delivered; the receipt comes twice.
    Doubled,
    /// The phone takes text messages only. An Alimtalk message is undelivered, and then its fallback
    /// is delivered if it has one. A message that is a text message itself is delivered.
    Fallback,
    /// The fallback is delivered, and its receipt comes before the one that says that the first
    /// choice is undelivered. Without a fallback, the message is delivered, and a later receipt says
    /// that this is uncertain.
    OutOfOrder,
    /// Neither the first choice nor the fallback is delivered.
    Undelivered,
    /// The receipt says that the delivery is uncertain.
    Uncertain,
    /// The message is delivered, and no receipt comes.
    Never,
    /// The message is delivered, and its receipt gets lost. It is sent again if the provider is asked.
    Lost,
}

impl From<Answer> for Behaviour {
    fn from(answer: Answer) -> Self {
        Self { answer, receipts: Receipts::default() }
    }
}

impl From<Receipts> for Behaviour {
    fn from(receipts: Receipts) -> Self {
        Self { answer: Answer::default(), receipts }
    }
}
