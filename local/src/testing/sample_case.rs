//! A case of a sample event.

use std::time::Duration;

use alimi::domain::Status;
use serde_json::Value;

/// One sample event, what happened before it, and the expected result.
#[derive(Clone, Debug)]
pub struct Case {
    /// The event's file in `events/`, without its extension.
    pub event: &'static str,
    /// The events that are handled first.
    pub before: Vec<&'static str>,
    /// The time between those events and this one.
    pub pause: Duration,
    /// Members of the answer, which may have others too.
    pub answer: Value,
    /// Whether the answer is the same at any time. Otherwise it holds in March 2026.
    pub is_timeless: bool,
    /// All notifications that are stored afterwards.
    pub stored: Vec<(&'static str, Status)>,
}

/// An event for an empty store.
pub(super) fn on(event: &'static str) -> Case {
    Case {
        event,
        before: vec![],
        pause: Duration::ZERO,
        answer: Value::Null,
        is_timeless: true,
        stored: vec![],
    }
}

impl Case {
    /// Handles other events first.
    pub(super) fn after(mut self, events: &[&'static str]) -> Self {
        self.before = events.to_vec();
        self
    }

    /// Lets time pass before the event.
    pub(super) fn and_a_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The answer has at least these members.
    pub(super) fn answers(mut self, answer: Value) -> Self {
        self.answer = answer;
        self
    }

    /// The answer holds in March 2026. The event contains a time, so another date gives another
    /// answer.
    pub(super) fn in_march_2026(mut self) -> Self {
        self.is_timeless = false;
        self
    }

    /// All notifications that are stored afterwards. Without this call there are none.
    pub(super) fn stores(mut self, stored: &[(&'static str, Status)]) -> Self {
        self.stored = stored.to_vec();
        self
    }
}
