//! Why a notification has its status.

use serde::{Deserialize, Serialize};

#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The provider refused the request with this code.
    Rejected(String),
    /// The provider's receipt says undelivered, with this code.
    Undelivered(String),
    /// The provider says that the address no longer exists, with this code.
    AddressGone(String),
    /// The channel permits other addresses only (`only_to`).
    AddressNotPermitted,
    /// The message could not be written from its template.
    Unwritable,
    /// The channel's retries are used up: each time, the provider answered that it took nothing.
    /// Rows of an earlier version name it after requests that could not be written.
    #[serde(alias = "unreachable")]
    RetriesExhausted,
    /// The provider could not take messages for longer than the channel's `give_up_after`.
    ProviderDown,
    /// Every attempt number that fits into a reference key is used up.
    AttemptsExhausted,
    /// The request was written, and no usable answer came.
    ResponseLost,
    /// The sender that had claimed the notification disappeared before it recorded an answer.
    SenderLost,
    /// The notifications table was restored to an earlier time, and the notification may have left
    /// since then.
    Restored,
    /// No receipt came by the deadline.
    NoReceipt,
    /// Receipts came, but none of them says whether the message was delivered. Holds the code of
    /// the last one.
    Inconclusive(String),
    /// A producer or an operator withdrew the notification.
    Requested,
    /// An earlier step of its sequence stopped, or its own step's gate did before the step was
    /// released.
    PredecessorStopped,
    /// The step before it ended in another way than the step waited for.
    NotNeeded,
    /// `expires_at` passed.
    Expired,
    /// An operator settled it as not delivered.
    GivenUp,
}

impl Reason {
    /// The reason without its code, as JSON and logs name it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// The provider's code behind the reason.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Rejected(code)
            | Self::Undelivered(code)
            | Self::AddressGone(code)
            | Self::Inconclusive(code) => Some(code),
            Self::AddressNotPermitted
            | Self::Unwritable
            | Self::RetriesExhausted
            | Self::ProviderDown
            | Self::AttemptsExhausted
            | Self::ResponseLost
            | Self::SenderLost
            | Self::Restored
            | Self::NoReceipt
            | Self::Requested
            | Self::PredecessorStopped
            | Self::NotNeeded
            | Self::Expired
            | Self::GivenUp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_the_same_name_in_logs_and_in_the_database() {
        let stored = serde_json::to_value(Reason::AttemptsExhausted).expect("JSON");
        assert_eq!(stored, Reason::AttemptsExhausted.name());
        let stored = serde_json::to_value(Reason::Rejected("7".into())).expect("JSON");
        assert_eq!(stored[Reason::Rejected("7".into()).name()], "7");
    }

    #[test]
    fn a_row_that_an_earlier_version_wrote_can_be_read() {
        let stored = serde_json::json!("unreachable");
        let read: Reason = serde_json::from_value(stored).expect("a reason");
        assert_eq!(read, Reason::RetriesExhausted);
    }
}
