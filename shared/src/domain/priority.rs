//! A message's place in its lane.

use serde::{Deserialize, Serialize};

use super::hours::Origin;

/// The order in which a lane is drained: lower numbers first, equal numbers by age.
///
/// Real-time messages have 0. Scheduled messages have 1 + the minute of their day. A producer may
/// ask for any priority, also for one between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(pub u16);

impl Priority {
    /// Takes the next free slot, whatever else is queued.
    pub const REAL_TIME: Self = Self(0);

    /// The priority of a message that is scheduled for a minute of the day (0 to 1439) in its
    /// schedule's zone. A message that is still queued the next day keeps this number.
    #[must_use]
    pub fn scheduled(minute_of_day: u16) -> Self {
        Self(1 + minute_of_day)
    }

    /// The origin of a message with this priority that was requested at `asked_at_ms` and may not
    /// leave before `not_before_ms` (Unix milliseconds).
    ///
    /// A priority above 0 or a future `not_before_ms` makes a message scheduled, because its
    /// producer planned it.
    #[must_use]
    pub fn origin(self, asked_at_ms: i64, not_before_ms: Option<i64>) -> Origin {
        let is_for_later = not_before_ms.is_some_and(|at_ms| at_ms > asked_at_ms);
        if self == Self::REAL_TIME && !is_for_later { Origin::RealTime } else { Origin::Scheduled }
    }
}
