//! The messages that a provider took.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::receipts::{Line, Taken};

/// A message that was taken.
#[derive(Clone)]
pub(super) struct TakenMessage {
    pub(super) taken: Taken,
    /// The channel that sent the message, if its address said so.
    pub(super) channel: Option<Arc<str>>,
    /// What its last receipt said.
    pub(super) last: Option<Line>,
}

/// The last messages that were taken, by the provider's key.
pub(super) struct TakenMessages {
    by_key: HashMap<String, TakenMessage>,
    /// The keys, oldest first.
    keys: VecDeque<String>,
    remembered: usize,
}

impl TakenMessages {
    pub(super) fn new(remembered: usize) -> Self {
        Self { by_key: HashMap::new(), keys: VecDeque::new(), remembered }
    }

    pub(super) fn add(&mut self, message: TakenMessage) {
        if self.keys.len() >= self.remembered
            && let Some(oldest) = self.keys.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        let key = message.taken.key.clone();
        self.keys.push_back(key.clone());
        self.by_key.insert(key, message);
    }

    pub(super) fn get(&self, key: &str) -> Option<&TakenMessage> {
        self.by_key.get(key)
    }

    /// Records what a receipt says.
    pub(super) fn receipt_sent(&mut self, key: &str, line: Line) {
        if let Some(message) = self.by_key.get_mut(key) {
            message.last = Some(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use alimi::domain::{ChannelType, Media};

    use super::*;

    #[test]
    fn the_oldest_message_is_forgotten_first() {
        let mut messages = TakenMessages::new(2);
        for key in ["a", "b", "c"] {
            let media = Media { first: ChannelType::Sms, fallback: None };
            let (key, reference) = (key.to_owned(), String::new());
            let taken = Taken { key, reference, number: String::new(), media };
            messages.add(TakenMessage { taken, channel: None, last: None });
        }
        assert!(messages.get("a").is_none());
        assert!(messages.get("b").is_some() && messages.get("c").is_some());
    }
}
