//! A message's place in its lane.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::hours::Origin;

/// The order in which a lane is drained: lower numbers first, equal numbers by age.
///
/// Real-time messages have 0. Scheduled messages have 1 + the minute of their day. A producer may
/// ask for any priority up to [`Self::MAX`], also for one between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Priority(pub u16);

impl Priority {
    /// The largest number of a priority.
    pub const MAX: u16 = 9_999;

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

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u16(PriorityVisitor)
    }
}

struct PriorityVisitor;

impl PriorityVisitor {
    fn read<E: Error>(
        self,
        number: impl TryInto<u16>,
        sent: Unexpected<'_>,
    ) -> Result<Priority, E> {
        match number.try_into() {
            Ok(number) if number <= Priority::MAX => Ok(Priority(number)),
            Ok(_) | Err(_) => Err(E::invalid_value(sent, &self)),
        }
    }
}

impl Visitor<'_> for PriorityVisitor {
    type Value = Priority;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 0 to {}", Priority::MAX)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Priority, E> {
        self.read(number, Unexpected::Unsigned(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Priority, E> {
        self.read(number, Unexpected::Signed(number))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_priority_is_a_number_within_its_range() {
        for number in [0, 1, 1440, 9_999] {
            let read: Priority = serde_json::from_value(json!(number)).expect("a priority");
            assert_eq!(serde_json::to_value(read).expect("JSON"), json!(number));
        }
        for wrong in
            [json!(10_000), json!(65_535), json!(u64::MAX), json!(-1), json!(1.5), json!("1")]
        {
            let error = serde_json::from_value::<Priority>(wrong.clone()).expect_err("an error");
            let range = "a whole number from 0 to 9999";
            assert!(error.to_string().ends_with(range), "{wrong}: {error}");
        }
    }
}
