//! Kinds of messages.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A kind of message, and with it the kind of address that the message goes to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ChannelType {
    /// An informational message by Kakao.
    Alimtalk,
    /// A short text message.
    Sms,
    /// A long text message.
    Lms,
}

impl ChannelType {
    /// The channel type as JSON and the database have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How long the receipt of this channel type may take, whatever its channel expects. Carriers
    /// report a text message up to 25 hours later, and a long one up to 80 hours later (NHN Cloud's
    /// documents).
    #[must_use]
    pub fn receipt_within_min(self) -> SignedDuration {
        match self {
            Self::Alimtalk => SignedDuration::ZERO,
            Self::Sms => SignedDuration::from_hours(26),
            Self::Lms => SignedDuration::from_hours(81),
        }
    }
}

/// Which channel types a notification may be delivered over. A notification keeps this instead of
/// its content, because its texts are not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    pub first: ChannelType,
    /// The provider sends this when it cannot deliver the first choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<ChannelType>,
}
