//! What a person is told of a notification besides its record.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::domain::hold::Hold;
use crate::domain::{Explanation, SequenceStatus, WindowClass};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// What it waits for; `None` when it waits for nothing, and when that could not be found out.
    pub waiting: Option<Waiting>,
    /// The status of its sequence; `None` when it belongs to none, and when that could not be found
    /// out.
    pub sequence: Option<SequenceStatus>,
    /// The provider's codes in its record, as far as they are known.
    pub meanings: BTreeMap<String, Explanation>,
}

/// What a notification waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// `None` when it only waits for its turn.
    pub hold: Option<Hold>,
    /// The earliest time at which it may leave, in Unix milliseconds. `None` when that depends on an
    /// event, and when it only waits for its turn: the messages ahead are not counted here.
    pub leaves_at_ms: Option<i64>,
    pub place: Place,
}

/// Where a notification waits, for the words that describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub channel: String,
    /// The window that applies to it now, if one does.
    pub class: Option<WindowClass>,
    /// The zone in which persons read its times.
    pub zone: TimeZone,
}
