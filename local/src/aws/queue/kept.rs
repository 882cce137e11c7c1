//! The messages of a queue in rows, which outlast the process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alimi::ports::Clock;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::state::{Message, State};
use crate::aws::embedded::{EmbeddedError, StandInRows};

pub(super) struct KeptMessages {
    rows: StandInRows,
    part: String,
    clock: Arc<dyn Clock>,
}

/// A message. The name of its row is its number.
#[derive(Serialize, Deserialize)]
struct KeptMessage {
    group: String,
    body: String,
    receives: u32,
    sent_at_ms: i64,
    is_dead: bool,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

impl KeptMessages {
    pub(super) fn new(rows: &StandInRows, name: &str, clock: &Arc<dyn Clock>) -> Self {
        Self { rows: rows.clone(), part: format!("queue#{name}"), clock: clock.clone() }
    }

    /// The queue with the messages that are kept.
    pub(super) fn state(&self) -> Result<State, EmbeddedError> {
        let now = Instant::now();
        let mut state = State::default();
        for (name, kept) in self.rows.all::<KeptMessage>(&self.part)? {
            let KeptMessage { group, body, receives, sent_at_ms, is_dead, attributes } = kept;
            let number = name.parse().unwrap_or(0);
            state.sent = state.sent.max(number);
            let age_ms = u64::try_from(self.clock.now_ms() - sent_at_ms).unwrap_or(0);
            let sent_at = now.checked_sub(Duration::from_millis(age_ms)).unwrap_or(now);
            let message = Message {
                number,
                group,
                body,
                receives,
                sent_at,
                visible_at: now,
                is_dead,
                attributes,
                dead_sent_at_ms: is_dead.then_some(sent_at_ms),
            };
            if is_dead {
                state.dead.push(message);
            } else {
                state.waiting.push_back(message);
            }
        }
        Ok(state)
    }

    pub(super) fn keep(&self, message: &Message) {
        let age_ms = i64::try_from(message.sent_at.elapsed().as_millis()).unwrap_or(0);
        let kept = KeptMessage {
            group: message.group.clone(),
            body: message.body.clone(),
            receives: message.receives,
            sent_at_ms: self.clock.now_ms() - age_ms,
            is_dead: message.is_dead,
            attributes: message.attributes.clone(),
        };
        self.report(self.rows.put(&self.part, &name(message), &kept));
    }

    pub(super) fn forget(&self, message: &Message) {
        self.report(self.rows.remove(&self.part, &name(message)));
    }

    fn report(&self, stored: Result<(), EmbeddedError>) {
        if let Err(error) = stored {
            tracing::error!(
                queue = self.part, %error,
                "a change of a queue was not stored: after a restart a message may be missing, or \
                 come again"
            );
        }
    }
}

fn name(message: &Message) -> String {
    format!("{:020}", message.number)
}
