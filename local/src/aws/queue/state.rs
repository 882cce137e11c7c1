//! The messages of a queue.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// The deduplication interval of SQS.
const DEDUPLICATION: Duration = Duration::from_secs(300);

#[derive(Default)]
pub(super) struct State {
    pub(super) waiting: VecDeque<Message>,
    /// The groups of which a message is being handled.
    pub(super) busy: HashSet<String>,
    deduplicated: HashSet<String>,
    /// The same ids with the times at which they were used, oldest first.
    deduplicated_at: VecDeque<(Instant, String)>,
    pub(super) dead: Vec<Message>,
    pub(super) sent: u64,
    pub(super) requests: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its place among the messages of the queue.
    pub(super) number: u64,
    pub(super) group: String,
    pub(super) body: String,
    pub(super) receives: u32,
    pub(super) sent_at: Instant,
    pub(super) visible_at: Instant,
    /// It was received too often.
    pub(super) is_dead: bool,
    /// What its sender says of it.
    pub(super) attributes: BTreeMap<String, String>,
    /// Its time, once it has been read from the dead-letter queue. It stays the same then.
    pub(super) dead_sent_at_ms: Option<i64>,
}

impl Message {
    pub(super) fn id(&self) -> String {
        format!("wake-{}", self.number)
    }
}

impl State {
    /// Adds a message, and returns it; `None` when it is a duplicate.
    pub(super) fn send(
        &mut self,
        group: &str,
        body: String,
        deduplication: &str,
    ) -> Option<Message> {
        let now = Instant::now();
        self.requests += 1;
        let is_over = |(at, _): &&(Instant, String)| now.duration_since(*at) >= DEDUPLICATION;
        while let Some((_, id)) = self.deduplicated_at.front().filter(is_over) {
            self.deduplicated.remove(id);
            self.deduplicated_at.pop_front();
        }
        if !self.deduplicated.insert(deduplication.to_owned()) {
            return None;
        }
        self.deduplicated_at.push_back((now, deduplication.to_owned()));
        self.sent += 1;
        let message = Message {
            number: self.sent,
            group: group.to_owned(),
            body,
            receives: 0,
            sent_at: now,
            visible_at: now,
            is_dead: false,
            attributes: BTreeMap::new(),
            dead_sent_at_ms: None,
        };
        self.waiting.push_back(message.clone());
        Some(message)
    }

    /// Adds a message that was given up elsewhere, and returns it.
    pub(super) fn send_dead(
        &mut self,
        body: String,
        attributes: BTreeMap<String, String>,
    ) -> Message {
        let now = Instant::now();
        self.sent += 1;
        let message = Message {
            number: self.sent,
            group: format!("dead-{}", self.sent),
            body,
            receives: 0,
            sent_at: now,
            visible_at: now,
            is_dead: true,
            attributes,
            dead_sent_at_ms: None,
        };
        self.dead.push(message.clone());
        message
    }

    /// Receives from the dead-letter queue: the messages that are visible, ten at most.
    pub(super) fn take_dead(&mut self, now_ms: i64, visibility: Duration) -> Vec<Message> {
        let now = Instant::now();
        let mut taken = Vec::new();
        for message in self.dead.iter_mut().filter(|message| message.visible_at <= now).take(10) {
            message.receives += 1;
            message.visible_at = now + visibility;
            let age_ms = i64::try_from(message.sent_at.elapsed().as_millis()).unwrap_or(0);
            message.dead_sent_at_ms.get_or_insert(now_ms - age_ms);
            taken.push(message.clone());
        }
        taken
    }

    /// Removes a message from the dead-letter queue, and returns it.
    pub(super) fn remove_dead(&mut self, number: u64) -> Option<Message> {
        let at = self.dead.iter().position(|message| message.number == number)?;
        Some(self.dead.remove(at))
    }

    /// Receives the oldest visible message of a group that is not busy. Without one, returns when
    /// to try again.
    pub(super) fn take(&mut self, visibility: Duration) -> Result<Message, Instant> {
        let now = Instant::now();
        // As in SQS, a group's first message blocks the group's other messages.
        let mut heads: HashMap<&str, &Message> = HashMap::new();
        for message in &self.waiting {
            heads.entry(&message.group).or_insert(message);
        }
        let ready = self.waiting.iter().position(|message| {
            !self.busy.contains(&message.group) && heads[message.group.as_str()].visible_at <= now
        });
        let Some(ready) = ready else {
            let next = heads
                .values()
                .filter(|head| !self.busy.contains(&head.group))
                .map(|head| head.visible_at)
                .min();
            return Err(next.unwrap_or(now + visibility));
        };
        let message = self.waiting.remove(ready).ok_or(now)?;
        self.busy.insert(message.group.clone());
        Ok(message)
    }

    /// Ends the handling of a message, which comes again if it has failed.
    pub(super) fn finish(&mut self, message: Message, has_failed: bool) {
        self.busy.remove(&message.group);
        if message.is_dead {
            self.dead.push(message);
        } else if has_failed {
            self.waiting.push_front(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_id_is_a_duplicate_for_five_minutes() {
        let mut state = State::default();
        assert!(state.send("g", String::new(), "a").is_some());
        tokio::time::advance(Duration::from_secs(200)).await;
        assert!(state.send("g", String::new(), "a").is_none());
        assert!(state.send("g", String::new(), "b").is_some());
        tokio::time::advance(Duration::from_secs(100)).await;
        assert!(state.send("g", String::new(), "a").is_some(), "five minutes after the first one");
        assert!(state.send("g", String::new(), "b").is_none());
        assert_eq!((state.sent, state.requests), (3, 5));
    }
}
