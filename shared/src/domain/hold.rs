//! Why a message does not leave now: every rule that holds it, with the evidence and the time at
//! which the rule lets it go.
//!
//! The sender decides by the same predicates. A claim asks [`message_holds`], a drain asks
//! [`channel_hold`], and the pacing asks [`circuit_hold`] and [`pause_hold`]. [`holds`] is composed
//! of these, so a message that nothing holds but the lane's pace is a message that a sender claims.
//!
//! There is one exception: while the circuit is open, single messages leave as probes.
//!
//! - `message.rs`: the message's own status, times and sending hours.
//! - `channel.rs`: the channel's configuration.
//! - `lane.rs`: the open circuit, and pauses that the provider asked for.
//! - `pace.rs`: the slower pace after a 429, and the messages ahead.
//! - `situation.rs`: all of these for one message, and what the caller has found out besides.
//! - `estimate.rs`: when the message leaves.

mod channel;
mod estimate;
mod lane;
mod message;
mod pace;
mod situation;
#[cfg(test)]
mod tests;

pub use self::channel::{ChannelHold, Pause, channel_hold};
pub use self::estimate::{Estimate, earliest_ms, estimate, open_ms};
pub use self::lane::{LaneHold, circuit_hold, lane_holds, pause_hold};
pub use self::message::{
    MessageHold, Predecessor, PresentHours, TimeCause, message_holds, time_hold,
};
pub use self::pace::{Ahead, PaceHold, per_second, sending_us};
pub use self::situation::{Hold, Situation, decisive, holds};
