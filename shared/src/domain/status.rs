//! The status of a notification. [`transition`](super::transition()) decides every move between
//! statuses.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

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
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Waits until the previous step of its sequence is delivered.
    Blocked,
    /// Waits for a time.
    Deferred,
    /// May leave now.
    Queued,
    /// A sender has claimed it, and its request may have left.
    Sending,
    /// The provider took it. Its receipt has not come yet.
    Accepted,
    /// Nobody knows whether the provider has the request. Only an operator may send it again.
    Unknown,
    /// The provider took it, but no receipt came by the deadline. A late receipt still counts.
    Unconfirmed,
    /// The provider refused it, or its receipt says that it was not delivered.
    Failed,
    /// A producer or an operator withdrew it before it was sent.
    Cancelled,
    /// Its `expires_at` passed before it was sent, or the provider could not take messages for too
    /// long.
    Expired,
    /// The provider's receipt says that it was delivered.
    Delivered,
}

impl Status {
    pub const ALL: &'static [Self] = <Self as VariantArray>::VARIANTS;

    /// Whether nothing more happens without an operator, so that the record may be deleted after
    /// its retention.
    ///
    /// `unknown` and `unconfirmed` are not terminal: their records are kept until a late receipt
    /// or an operator settles them.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Failed | Self::Cancelled | Self::Expired | Self::Delivered => true,
            Self::Blocked
            | Self::Deferred
            | Self::Queued
            | Self::Sending
            | Self::Accepted
            | Self::Unknown
            | Self::Unconfirmed => false,
        }
    }

    /// Whether Alimi still has something to do with it by itself. Otherwise it has ended, or waits
    /// for a person.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Blocked | Self::Deferred | Self::Queued | Self::Sending | Self::Accepted => true,
            Self::Unknown
            | Self::Unconfirmed
            | Self::Failed
            | Self::Cancelled
            | Self::Expired
            | Self::Delivered => false,
        }
    }

    /// Whether it has not been claimed yet, and may still leave.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        match self {
            Self::Blocked | Self::Deferred | Self::Queued => true,
            Self::Sending
            | Self::Accepted
            | Self::Unknown
            | Self::Unconfirmed
            | Self::Failed
            | Self::Cancelled
            | Self::Expired
            | Self::Delivered => false,
        }
    }

    /// Whether a person has to look at it.
    #[must_use]
    pub fn is_exception(self) -> bool {
        match self {
            Self::Unknown | Self::Unconfirmed | Self::Failed | Self::Expired => true,
            Self::Blocked
            | Self::Deferred
            | Self::Queued
            | Self::Sending
            | Self::Accepted
            | Self::Cancelled
            | Self::Delivered => false,
        }
    }

    /// The status as JSON and the database have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
