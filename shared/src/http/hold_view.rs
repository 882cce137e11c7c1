//! What holds a message, for machines (`kind` and the fields) and for persons (`detail`).

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::hold_words::HoldWords;
use crate::domain::hold::{
    Ahead, ChannelHold, Hold, LaneHold, MessageHold, PaceHold, Predecessor, TimeCause,
};
use crate::domain::hours::Window;
use crate::domain::{NotificationId, Status, WindowClass};
use crate::use_cases::{Place, Waiting};

/// One rule that holds a message.
#[derive(Serialize)]
pub struct HoldView {
    /// Names the rule, for machines.
    pub kind: &'static str,
    /// The rule and its evidence in a sentence, for persons.
    pub detail: String,
    /// When the rule lets the message go; absent when that depends on an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(flatten)]
    evidence: Evidence,
}

/// What a rule's decision rests on.
#[derive(Serialize)]
#[serde(untagged)]
enum Evidence {
    Nothing {},
    Since {
        since: Option<Timestamp>,
        /// By when the answer or the receipt must come.
        #[serde(skip_serializing_if = "Option::is_none")]
        confirm_by: Option<Timestamp>,
    },
    Predecessor {
        notification: NotificationId,
        /// Counted from 1.
        step: u8,
        status: Status,
        since: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        confirm_by: Option<Timestamp>,
    },
    Retry {
        failures: u8,
    },
    Window {
        #[serde(skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
        timezone: String,
        /// Where the message expires before its window opens.
        #[serde(skip_serializing_if = "Option::is_none")]
        opens_at: Option<Timestamp>,
    },
    Pause {
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    Circuit {
        since: Option<Timestamp>,
        next_probe_at: Option<Timestamp>,
        #[serde(skip_serializing_if = "Option::is_none")]
        gives_up_at: Option<Timestamp>,
    },
    Slowed {
        per_second: f64,
    },
    Ahead {
        ahead: u64,
        more_ahead: bool,
        per_second: f64,
        takes: SignedDuration,
    },
}

/// `None` never occurs: stored times are within the range of a timestamp.
fn time(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}

impl HoldView {
    /// A message that nothing holds: it leaves in its turn.
    #[must_use]
    pub fn turn() -> Self {
        Self { kind: TURN, detail: HoldWords::turn(), until: None, evidence: Evidence::Nothing {} }
    }

    /// What a notification waits for.
    #[must_use]
    pub fn of_waiting(waiting: &Waiting) -> Self {
        waiting.hold.as_ref().map_or_else(Self::turn, |hold| Self::of(hold, &waiting.place))
    }

    #[must_use]
    pub fn of(hold: &Hold, place: &Place) -> Self {
        Self {
            kind: kind(hold),
            detail: HoldWords::new(place).of(hold),
            until: hold.ends_at_ms().and_then(time),
            evidence: evidence(hold, place),
        }
    }
}

const TURN: &str = "turn";

fn kind(hold: &Hold) -> &'static str {
    match hold {
        Hold::Message(hold) => match hold {
            MessageHold::Claimed { .. } => "answer",
            MessageHold::Accepted { .. } => "receipt",
            MessageHold::InDoubt { .. } => "late_receipt",
            MessageHold::Over { .. } => "over",
            MessageHold::Predecessor(_) => "predecessor",
            MessageHold::Time { cause: TimeCause::NotBefore, .. } => "not_before",
            MessageHold::Time { cause: TimeCause::Delay, .. } => "delay",
            MessageHold::Time { cause: TimeCause::Retry { .. }, .. } => "retry",
            MessageHold::Expired { .. } => "expired",
            MessageHold::Window { .. } => "window",
            MessageHold::ExpiresBeforeWindow { .. } => "expires_before_window",
            MessageHold::NoCommonHours => "no_common_hours",
            MessageHold::AttemptsExhausted => "attempts_exhausted",
        },
        Hold::Channel(ChannelHold::Missing) => "channel_missing",
        Hold::Channel(ChannelHold::Paused(_)) => "channel_paused",
        Hold::Unreadable { .. } => "unreadable",
        Hold::Lane(LaneHold::CircuitOpen { .. }) => "circuit_open",
        Hold::Lane(LaneHold::Paused { .. }) => "provider_pause",
        Hold::Pace(PaceHold::Slowed { .. }) => "slowed",
        Hold::Pace(PaceHold::Ahead(_)) => TURN,
    }
}

fn evidence(hold: &Hold, place: &Place) -> Evidence {
    match hold {
        Hold::Message(hold) => evidence_of_message(hold, place),
        Hold::Channel(ChannelHold::Paused(Some(pause))) => {
            Evidence::Pause { by: Some(pause.by.clone()), since: time(pause.since_ms) }
        }
        Hold::Channel(ChannelHold::Paused(None)) => Evidence::Pause { by: None, since: None },
        Hold::Lane(LaneHold::CircuitOpen { since_ms, next_probe_at_ms, gives_up_at_ms }) => {
            Evidence::Circuit {
                since: time(*since_ms),
                next_probe_at: time(*next_probe_at_ms),
                gives_up_at: gives_up_at_ms.and_then(time),
            }
        }
        Hold::Pace(PaceHold::Slowed { per_second, .. }) => {
            Evidence::Slowed { per_second: rounded(*per_second) }
        }
        Hold::Pace(PaceHold::Ahead(Ahead { count, is_more, per_second, sending_us })) => {
            Evidence::Ahead {
                ahead: *count,
                more_ahead: *is_more,
                per_second: rounded(*per_second),
                takes: SignedDuration::from_millis(sending_us / 1000),
            }
        }
        Hold::Channel(ChannelHold::Missing)
        | Hold::Unreadable { .. }
        | Hold::Lane(LaneHold::Paused { .. }) => Evidence::Nothing {},
    }
}

fn evidence_of_message(hold: &MessageHold, place: &Place) -> Evidence {
    match hold {
        MessageHold::Claimed { since_ms, answer_by_ms: by_ms }
        | MessageHold::Accepted { since_ms, receipt_by_ms: by_ms } => {
            Evidence::Since { since: time(*since_ms), confirm_by: by_ms.and_then(time) }
        }
        MessageHold::InDoubt { since_ms, .. } | MessageHold::Over { since_ms, .. } => {
            Evidence::Since { since: time(*since_ms), confirm_by: None }
        }
        MessageHold::Predecessor(Some(predecessor)) => {
            let Predecessor { notification, step, status, since_ms, deadline_ms } = predecessor;
            Evidence::Predecessor {
                notification: notification.clone(),
                step: step + 1,
                status: *status,
                since: time(*since_ms),
                confirm_by: deadline_ms.and_then(time),
            }
        }
        MessageHold::Time { cause: TimeCause::Retry { failures }, .. } => {
            Evidence::Retry { failures: *failures }
        }
        MessageHold::Window { .. } => window(place, None),
        MessageHold::ExpiresBeforeWindow { opens_at_ms, .. } => window(place, time(*opens_at_ms)),
        MessageHold::Predecessor(None)
        | MessageHold::Time { cause: TimeCause::NotBefore | TimeCause::Delay, .. }
        | MessageHold::Expired { .. }
        | MessageHold::NoCommonHours
        | MessageHold::AttemptsExhausted => Evidence::Nothing {},
    }
}

fn window(place: &Place, opens_at: Option<Timestamp>) -> Evidence {
    Evidence::Window {
        window: place.class.as_ref().and_then(WindowClass::window),
        timezone: place.zone.iana_name().unwrap_or("UTC").to_owned(),
        opens_at,
    }
}

/// To a hundredth: the pace is an estimate.
fn rounded(per_second: f64) -> f64 {
    (per_second * 100.0).round() / 100.0
}
