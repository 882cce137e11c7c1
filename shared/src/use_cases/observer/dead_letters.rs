//! Moves dead letters from their queues into the ledger, where persons see them.
//!
//! A letter is removed from its queue after it was recorded, so a crash in between makes it come again.
//! Its key follows from the message, so it is recorded once.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use strum::VariantArray as _;
use tokio::time::Instant;

use crate::domain::dead_letter::Found;
use crate::domain::{DeadLetter, DeadLetterId, DeadLetterState};
use crate::ports::{
    Clock, DeadLetterQueue, DeadLetterQueues, DeadLetters, DeadMessage, Meter, PortError, Recorded,
};

/// The largest contents that a row of the ledger takes, with room for what is said of them. Alimi's
/// own messages are smaller.
const CONTENTS_BYTES_MAX: usize = 300_000;

#[derive(Clone)]
pub struct CollectDeadLetters {
    pub queues: Arc<dyn DeadLetterQueues>,
    pub letters: Arc<dyn DeadLetters>,
    pub meter: Arc<dyn Meter>,
    pub clock: Arc<dyn Clock>,
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Letters that were not known before.
    pub recorded: usize,
    /// Queues whose letters were not all recorded, because a service did not answer.
    pub queues_failed: usize,
}

impl CollectDeadLetters {
    /// Empties all queues, for as long as this at most. What is left is for the next round. A failure
    /// is logged, and stops no other queue.
    pub async fn round(&self, time_left: Duration) -> Collected {
        let until = Instant::now() + time_left;
        let queues = DeadLetterQueue::VARIANTS.iter();
        let emptied = join_all(queues.map(|queue| self.empty(*queue, until))).await;
        let mut collected = Collected::default();
        for (recorded, has_failed) in emptied {
            collected.recorded += recorded;
            collected.queues_failed += usize::from(has_failed);
        }
        if collected.recorded > 0 {
            self.meter.dead_letters(self.clock.now_ms(), collected.recorded as u64);
        }
        collected
    }

    /// Records the letters of one queue. Returns how many were new, and whether it failed.
    async fn empty(&self, queue: DeadLetterQueue, until: Instant) -> (usize, bool) {
        let mut recorded = 0;
        while Instant::now() < until {
            let emptied = async {
                let messages = self.queues.receive(queue).await?;
                for message in &messages {
                    if self.record(message).await? == Recorded::New {
                        recorded += 1;
                    }
                    self.queues.remove(message).await?;
                }
                Ok::<_, PortError>(messages.is_empty())
            };
            match emptied.await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(
                        ?queue, %error,
                        "dead letters were not recorded; they stay in their queue, and the next \
                         round tries again"
                    );
                    return (recorded, true);
                }
            }
        }
        (recorded, false)
    }

    async fn record(&self, message: &DeadMessage) -> Result<Recorded, PortError> {
        let letter = self.letter(message);
        let contents = letter.has_contents.then_some(&message.body[..]);
        let recorded = self.letters.record_dead_letter(&letter, contents).await?;
        if recorded == Recorded::New {
            // The contents may be personal, and so may be an error that quotes them.
            tracing::warn!(id = %letter.id, cause = ?letter.cause, tries = ?letter.tries, about = ?letter.about, "a message was given up");
        }
        Ok(recorded)
    }

    fn letter(&self, message: &DeadMessage) -> DeadLetter {
        // The receive that found it here was no try.
        let tries = message.receives.saturating_sub(1);
        let body = &message.body;
        let found = match message.queue {
            DeadLetterQueue::Wakes => Found::wake(body, tries),
            DeadLetterQueue::Runs => Found::run(body, &message.attributes, tries),
            DeadLetterQueue::Receipts => Found::receipt(body, tries),
            DeadLetterQueue::Changes => Found::changes(body),
        };
        let Found { edge, cause, tries, error, about } = found;
        let is_repaired = edge.repaired_by().is_some();
        DeadLetter {
            id: DeadLetterId {
                edge,
                sent_at_ms: message.sent_at_ms,
                message_id: message.id.clone(),
            },
            revision: 1,
            state: if is_repaired { DeadLetterState::Repaired } else { DeadLetterState::Dead },
            cause,
            tries,
            error,
            about,
            group: message.group.clone(),
            has_contents: !is_repaired && message.body.len() <= CONTENTS_BYTES_MAX,
            recorded_at_ms: self.clock.now_ms(),
            redrive: None,
        }
    }
}
