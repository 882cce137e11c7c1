//! What the provider saw.

use alimi::domain::Reference;
use serde::Serialize;
use serde_json::Value;

/// One request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at_us: i64,
    /// What it was.
    pub kind: Kind,
    /// The code of the answer.
    pub code: u32,
    /// The message's key.
    pub reference: Option<Reference>,
}

/// What a request was for. All kinds count against the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An access token.
    Token,
    /// A message.
    Message,
}

impl Arrival {
    /// The message was taken: its recipient may get it.
    #[must_use]
    pub fn was_taken(&self) -> bool {
        self.kind == Kind::Message && self.code == super::routes::SUCCESS
    }
}

/// One push that the webhook took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// When it was brought, just before it was taken.
    pub at_us: i64,
    /// The message's key.
    pub reference: Option<Reference>,
    /// The result's code.
    pub result: String,
}

impl Pushed {
    pub(super) fn of(at_us: i64, push: &Value) -> Self {
        let text = |field: &str| push[field].as_str().unwrap_or_default();
        Self { at_us, reference: text("REFKEY").parse().ok(), result: text("RESULT").to_owned() }
    }

    /// It says that the message arrived.
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
    fn a_second_is_half_open() {
        let at = |at_us| Arrival { at_us, kind: Kind::Message, code: 1000, reference: None };
        assert_eq!(busiest_second(&[]), 0);
        assert_eq!(busiest_second(&[at(0), at(1_000_000)]), 1);
        assert_eq!(busiest_second(&[at(999_999), at(0), at(1_000_001)]), 2);
    }
}
