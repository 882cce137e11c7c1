//! What arrived at the provider, its result codes, and the receipts that the webhook accepted.

use alimi::domain::Reference;
use serde::Serialize;
use serde_json::Value;

// Bizppurio's result codes that the simulator answers with.
pub(super) const SUCCESS: u32 = 1000;
pub(super) const INVALID: u32 = 2000;
pub(super) const BAD_CREDENTIALS: u32 = 3001;
pub(super) const BAD_TOKEN: u32 = 3002;
/// The code of a 429.
pub const TOO_MANY: u32 = 5002;

/// One request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub at_us: i64,
    pub kind: Kind,
    /// The result code of the answer.
    pub code: u32,
    /// The message's reference key.
    pub reference: Option<Reference>,
}

/// The kind of a request. Both kinds count against the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Token,
    Message,
}

impl Arrival {
    /// Whether the provider accepted the message, so that its recipient may get it.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        self.kind == Kind::Message && self.code == SUCCESS
    }
}

/// One receipt that the webhook answered with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedReceipt {
    /// When the provider sent it.
    pub at_us: i64,
    /// The message's reference key.
    pub reference: Option<Reference>,
    /// The result code.
    pub result: String,
}

impl AcceptedReceipt {
    pub(super) fn of(at_us: i64, receipt: &Value) -> Self {
        let text = |field: &str| receipt[field].as_str().unwrap_or_default();
        Self { at_us, reference: text("REFKEY").parse().ok(), result: text("RESULT").to_owned() }
    }

    /// Whether its result code means that the message was delivered.
    #[must_use]
    pub fn says_delivered(&self) -> bool {
        matches!(self.result.as_str(), "7000" | "4100" | "6600")
    }
}

/// The most arrivals in any sliding second.
#[must_use]
pub fn busiest_second(arrivals: &[Arrival]) -> usize {
    let mut times: Vec<i64> = arrivals.iter().map(|arrival| arrival.at_us).collect();
    times.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (index, at_us) in times.iter().enumerate() {
        while times[first] + 1_000_000 <= *at_us {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_a_full_second_later_belongs_to_the_next_second() {
        let at = |at_us| Arrival { at_us, kind: Kind::Message, code: 1000, reference: None };
        assert_eq!(busiest_second(&[]), 0);
        assert_eq!(busiest_second(&[at(0), at(1_000_000)]), 1);
        assert_eq!(busiest_second(&[at(999_999), at(0), at(1_000_001)]), 2);
    }
}
