//! Everything that holds one message.

use super::channel::{ChannelHold, Pause, channel_hold};
use super::lane::{LaneHold, lane_holds};
use super::message::{MessageHold, Predecessor, PresentHours, message_holds};
use super::pace::{Ahead, PaceHold, slowed};
use crate::domain::duration::millis;
use crate::domain::{Channel, Notification, PacerPosition};

/// Something that keeps a message from leaving now.
#[derive(Clone, Debug, PartialEq)]
pub enum Hold {
    Message(MessageHold),
    Channel(ChannelHold),
    /// A part of the configuration cannot be read, and a sender claims no message without it.
    Unreadable {
        what: &'static str,
    },
    Lane(LaneHold),
    /// Nothing holds the message but the lane's pace.
    Pace(PaceHold),
}

/// A message and everything that decides whether it may leave.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    pub notification: &'a Notification,
    /// `None` when the catalog does not have it, and when it cannot be read.
    pub channel: Option<&'a Channel>,
    pub hours: PresentHours<'a>,
    /// What the lane's row says; the default for a lane that no sender has drained yet.
    pub lane: PacerPosition,
    /// What of the configuration cannot be read.
    pub unreadable: &'a [&'static str],
    /// The step that a blocked message waits for, if the caller has looked for it.
    pub predecessor: Option<&'a Predecessor>,
    /// Who paused the channel, if the caller has looked for that.
    pub pause: Option<&'a Pause>,
    /// The messages ahead, if the caller has counted them.
    pub ahead: Option<Ahead>,
    pub now_us: i64,
}

impl Hold {
    /// Whether it only delays the message: a sender claims the message when its turn comes.
    #[must_use]
    pub fn is_pace(&self) -> bool {
        match self {
            Self::Pace(_) => true,
            Self::Message(_) | Self::Channel(_) | Self::Unreadable { .. } | Self::Lane(_) => false,
        }
    }

    /// When the hold ends, in Unix milliseconds. `None` when that depends on an event, such as a
    /// receipt, and for the pace.
    #[must_use]
    pub fn ends_at_ms(&self) -> Option<i64> {
        match self {
            Self::Message(hold) => match hold {
                MessageHold::Time { until_ms, .. } => Some(*until_ms),
                MessageHold::Window { opens_at_ms } => Some(*opens_at_ms),
                MessageHold::Claimed { .. }
                | MessageHold::Accepted { .. }
                | MessageHold::InDoubt { .. }
                | MessageHold::Over { .. }
                | MessageHold::Predecessor(_)
                | MessageHold::Expired { .. }
                | MessageHold::ExpiresBeforeWindow { .. }
                | MessageHold::NoCommonHours
                | MessageHold::AttemptsExhausted => None,
            },
            Self::Lane(LaneHold::Paused { until_ms }) => Some(*until_ms),
            Self::Lane(LaneHold::CircuitOpen { .. })
            | Self::Channel(_)
            | Self::Unreadable { .. }
            | Self::Pace(_) => None,
        }
    }
}

/// Every rule that holds a message, in the order in which they apply. A message that does not wait
/// to leave has one hold, which says so.
#[must_use]
pub fn holds(situation: &Situation<'_>) -> Vec<Hold> {
    let Situation { notification, channel, hours, lane, now_us, .. } = *situation;
    let of_message = message_holds(notification, hours, now_us);
    let mut holds: Vec<Hold> =
        of_message.map(|hold| Hold::Message(with_predecessor(hold, situation))).collect();
    if !notification.status.is_waiting() {
        return holds;
    }
    let is_known = channel.is_some() || situation.unreadable.is_empty();
    let of_channel = channel_hold(channel).filter(|_| is_known);
    holds.extend(of_channel.map(|hold| Hold::Channel(with_pause(hold, situation))));
    holds.extend(situation.unreadable.iter().map(|what| Hold::Unreadable { what }));
    let of_lane = lane_holds(lane, now_us);
    holds.extend(of_lane.map(|hold| Hold::Lane(with_end_of_waiting(hold, situation))));
    let slowed = channel.and_then(|channel| slowed(channel.limit, lane.slow_down, now_us));
    holds.extend(slowed.map(Hold::Pace));
    let ahead = situation.ahead.filter(|ahead| ahead.count > 0);
    holds.extend(ahead.map(|ahead| Hold::Pace(PaceHold::Ahead(ahead))));
    holds
}

/// The hold that a message waits for: the first one whose end depends on an event, or else the one
/// that ends last. `None` when only the pace is left.
#[must_use]
pub fn decisive(holds: &[Hold]) -> Option<&Hold> {
    let rules = || holds.iter().filter(|hold| !hold.is_pace());
    let on_event = rules().find(|hold| hold.ends_at_ms().is_none());
    on_event.or_else(|| rules().max_by_key(|hold| hold.ends_at_ms()))
}

fn with_predecessor(hold: MessageHold, situation: &Situation<'_>) -> MessageHold {
    match hold {
        MessageHold::Predecessor(_) => MessageHold::Predecessor(situation.predecessor.cloned()),
        MessageHold::Claimed { .. }
        | MessageHold::Accepted { .. }
        | MessageHold::InDoubt { .. }
        | MessageHold::Over { .. }
        | MessageHold::Time { .. }
        | MessageHold::Expired { .. }
        | MessageHold::Window { .. }
        | MessageHold::ExpiresBeforeWindow { .. }
        | MessageHold::NoCommonHours
        | MessageHold::AttemptsExhausted => hold,
    }
}

fn with_pause(hold: ChannelHold, situation: &Situation<'_>) -> ChannelHold {
    match hold {
        ChannelHold::Missing => hold,
        ChannelHold::Paused(_) => ChannelHold::Paused(situation.pause.cloned()),
    }
}

fn with_end_of_waiting(hold: LaneHold, situation: &Situation<'_>) -> LaneHold {
    match hold {
        LaneHold::Paused { .. } => hold,
        LaneHold::CircuitOpen { since_ms, next_probe_at_ms, gives_up_at_ms: _ } => {
            let gives_up_at_ms = situation.channel.map(|channel| {
                let give_up_after_ms = millis(channel.give_up_after);
                situation.notification.gives_up_at_ms(since_ms, give_up_after_ms)
            });
            LaneHold::CircuitOpen { since_ms, next_probe_at_ms, gives_up_at_ms }
        }
    }
}
