//! What holds every message of a channel by its configuration.

use crate::domain::Channel;

/// A reason for which nothing leaves over a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelHold {
    /// The catalog has no such channel.
    Missing,
    /// `None`: the caller did not look for the pause in the channel's history, or did not find it.
    Paused(Option<Pause>),
}

/// Who paused a channel, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub by: String,
    pub since_ms: i64,
}

/// Why nothing leaves over a channel; `None` when the channel may send. The channel is `None` when
/// the catalog does not have it.
#[must_use]
pub fn channel_hold(channel: Option<&Channel>) -> Option<ChannelHold> {
    match channel {
        None => Some(ChannelHold::Missing),
        Some(channel) => channel.paused.then_some(ChannelHold::Paused(None)),
    }
}
