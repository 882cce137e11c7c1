//! Wakes: messages that start a sender for a lane.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::error::PortError;

/// The SQS message group of a wake. SQS delivers one batch of a group at a time. A lane therefore
/// alternates between two groups: a successor starts while its predecessor finishes. The third
/// group replaces one that a crash blocks for the wake queue's visibility timeout.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
pub enum WakeGroup {
    /// Producers wake this group.
    #[strum(serialize = "0")]
    Zero,
    /// A sender of group `Zero` hands over to this one.
    #[strum(serialize = "1")]
    One,
    /// The replacement for a blocked group.
    #[strum(serialize = "2")]
    Two,
}

impl WakeGroup {
    /// The groups that the sweeper wakes: when a crash blocks one, the other is free.
    pub const SWEPT: [Self; 2] = [Self::Zero, Self::One];

    /// The group that a sender of this group hands over to: the first that is neither its own nor
    /// `blocked`.
    #[must_use]
    pub fn next(self, blocked: Option<Self>) -> Self {
        let is_free = |group: &Self| *group != self && Some(*group) != blocked;
        Self::VARIANTS.iter().copied().find(is_free).unwrap_or(Self::Zero)
    }

    /// The end of the message group's id.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[async_trait]
pub trait Waker: Send + Sync {
    /// Wakes one group of a channel's lane. A wake is a hint, which the sweeper repeats. Wakes with
    /// the same `deduplication` are delivered once.
    async fn wake(
        &self,
        channel: &str,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError>;

    /// Wakes a lane as [`Self::wake`] after an operator has changed its channel: a sender takes the
    /// lane although its circuit is open, and probes the provider at once.
    async fn wake_despite_pause(
        &self,
        channel: &str,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError>;
}
