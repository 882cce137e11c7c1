//! Lists dead letters, and sends their messages again to where they came from.
//!
//! An order is stored before the message is sent, on the condition that the letter has not changed since
//! it was read: of two operators one sends it. If the process dies between that write and the end, nobody
//! knows whether the message was sent. The next order after a minute sends it then, for the second time
//! perhaps. That is harmless, since every edge takes its messages at least once: see [`RedriveQueues`].

use std::sync::Arc;
use std::time::Duration;

use strum::VariantArray as _;
use tokio::time::Instant;

use crate::domain::dead_letter::{NotRedrivable, Redrive};
use crate::domain::{DeadLetter, DeadLetterId, DeadLetterState, Edge, FieldError};
use crate::ports::{Clock, DeadLetters, PortError, Randomness, RedriveQueues, Saved};

/// The most characters of a reason.
const REASON_CHARACTERS_MAX: usize = 500;
/// How many rows are read at a time.
const PAGE: usize = 100;
/// How many rows a list with a filter reads for one answer.
const ROWS_READ_MAX: usize = 2_000;
/// The most letters of one order for an edge.
pub const REDRIVEN_MAX: usize = 10_000;
/// For how long one request sends messages: HTTP callers wait no longer than 30 s.
const SENDING_MAX: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub struct RedriveDeadLetters {
    pub letters: Arc<dyn DeadLetters>,
    pub queues: Arc<dyn RedriveQueues>,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
}

/// Which dead letters are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// `None`: all edges, one after the other.
    pub edge: Option<Edge>,
    pub state: Option<DeadLetterState>,
}

/// Some dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedDeadLetters {
    pub letters: Vec<DeadLetter>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<String>,
}

/// Who wants messages to be sent again, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedriveOrder {
    pub by: String,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub enum NotRedriven {
    #[error(transparent)]
    Invalid(FieldError),
    #[error("there is no such dead letter")]
    NotFound,
    #[error("the dead letter is not sent again: {0:?}")]
    Refused(NotRedrivable),
    /// The edge has so many dead letters now.
    #[error("there are {0} dead letters")]
    OtherCount(usize),
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What an order for a whole edge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedrivenEdge {
    pub redriven: usize,
    /// Letters that were not sent again, because the time was over or somebody else sent them.
    pub left: usize,
}

impl RedriveDeadLetters {
    /// Dead letters in the order of edges, and then of time, behind a `next` of before.
    ///
    /// # Errors
    /// [`NotRedriven::Invalid`] names the field `cursor`.
    pub async fn list(
        &self,
        filter: DeadLetterFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ListedDeadLetters, NotRedriven> {
        let cursor =
            cursor.map(str::parse::<DeadLetterId>).transpose().map_err(|_| wrong_cursor())?;
        if let (Some(wanted), Some(cursor)) = (filter.edge, &cursor)
            && cursor.edge != wanted
        {
            return Err(wrong_cursor());
        }
        let mut after = cursor.as_ref().map(DeadLetterId::place);
        let begins_at = cursor.as_ref().map(|cursor| cursor.edge);
        let edges = Edge::VARIANTS.iter().copied();
        let edges = edges.filter(|edge| filter.edge.is_none_or(|wanted| wanted == *edge));
        let mut listed = ListedDeadLetters::default();
        let mut rows = 0;
        for edge in edges.skip_while(|edge| begins_at.is_some_and(|begins_at| begins_at != *edge)) {
            loop {
                let page = self.letters.dead_letters(edge, after.as_deref(), PAGE).await?;
                rows += page.letters.len().max(1);
                for letter in page.letters {
                    let place = letter.id.to_string();
                    if filter.state.is_none_or(|state| state == letter.state) {
                        listed.letters.push(letter);
                    }
                    if listed.letters.len() == limit {
                        listed.next = Some(place);
                        return Ok(listed);
                    }
                }
                after = page.end;
                let Some(end) = &after else { break };
                if rows >= ROWS_READ_MAX {
                    listed.next = Some(format!("{}-{end}", edge.as_str()));
                    return Ok(listed);
                }
            }
        }
        Ok(listed)
    }

    /// Sends the message of one dead letter again.
    ///
    /// # Errors
    /// [`NotRedriven`].
    pub async fn redrive(&self, id: &str, order: &RedriveOrder) -> Result<DeadLetter, NotRedriven> {
        check(order)?;
        let id: DeadLetterId = id.parse().map_err(|_| NotRedriven::NotFound)?;
        let letter = self.letters.dead_letter(&id).await?.ok_or(NotRedriven::NotFound)?;
        self.redrive_letter(&letter, order).await
    }

    async fn redrive_letter(
        &self,
        letter: &DeadLetter,
        order: &RedriveOrder,
    ) -> Result<DeadLetter, NotRedriven> {
        let redrive = Redrive {
            by: order.by.clone(),
            reason: order.reason.clone(),
            at_ms: self.clock.now_ms(),
            token: format!("{:016x}", self.randomness.next_u64()),
        };
        let begun = letter.begin_redrive(redrive).map_err(NotRedriven::Refused)?;
        let contents = self.letters.dead_letter_contents(&letter.id).await?;
        let contents = contents.ok_or(NotRedriven::Refused(NotRedrivable::NoContents))?;
        match self.letters.save_dead_letter(&begun).await? {
            Saved::Done => {}
            // Somebody else has just begun.
            Saved::Conflict => {
                let refused = NotRedrivable::AtWork { ends_within_s: 60 };
                return Err(NotRedriven::Refused(refused));
            }
        }
        // A FIFO queue takes the message once in five minutes, whoever sends it.
        let deduplication = letter.id.to_string();
        let group = letter.group.as_deref();
        self.queues.send_again(letter.id.edge, &contents, group, &deduplication).await?;
        let ended = begun.end_redrive();
        // After a conflict somebody else has taken this process for dead, and sends the message too.
        let _saved = self.letters.save_dead_letter(&ended).await?;
        Ok(ended)
    }

    /// How many letters of an edge may be sent again now, [`REDRIVEN_MAX`] at most.
    ///
    /// # Errors
    /// [`NotRedriven::Refused`] when nothing of this edge is ever sent again.
    pub async fn count(&self, edge: Edge) -> Result<usize, NotRedriven> {
        Ok(self.redrivable(edge).await?.len())
    }

    /// Sends the messages of all dead letters of an edge again, if there are as many as expected.
    ///
    /// # Errors
    /// [`NotRedriven`]. What was sent before the error stays sent.
    pub async fn redrive_edge(
        &self,
        edge: Edge,
        expected: usize,
        order: &RedriveOrder,
    ) -> Result<RedrivenEdge, NotRedriven> {
        check(order)?;
        let until = Instant::now() + SENDING_MAX;
        let letters = self.redrivable(edge).await?;
        if letters.len() != expected {
            return Err(NotRedriven::OtherCount(letters.len()));
        }
        let mut done = RedrivenEdge::default();
        for letter in &letters {
            if Instant::now() >= until {
                break;
            }
            match self.redrive_letter(letter, order).await {
                Ok(_) => done.redriven += 1,
                // Somebody else sends it.
                Err(NotRedriven::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        done.left = letters.len() - done.redriven;
        Ok(done)
    }

    async fn redrivable(&self, edge: Edge) -> Result<Vec<DeadLetter>, NotRedriven> {
        if let Some(by) = edge.repaired_by() {
            return Err(NotRedriven::Refused(NotRedrivable::Repaired { by }));
        }
        let now_ms = self.clock.now_ms();
        let (mut letters, mut after) = (Vec::new(), None);
        loop {
            let page = self.letters.dead_letters(edge, after.as_deref(), PAGE).await?;
            let redrivable = page.letters.into_iter();
            letters.extend(redrivable.filter(|letter| letter.may_be_redriven(now_ms).is_ok()));
            letters.truncate(REDRIVEN_MAX);
            after = page.end;
            if after.is_none() || letters.len() == REDRIVEN_MAX {
                return Ok(letters);
            }
        }
    }
}

fn wrong_cursor() -> NotRedriven {
    let must = "must be the value of `next` in the previous page of the same list";
    NotRedriven::Invalid(FieldError::new("cursor", must))
}

fn check(order: &RedriveOrder) -> Result<(), NotRedriven> {
    let characters = order.reason.chars().count();
    if order.reason.trim().is_empty() || characters > REASON_CHARACTERS_MAX {
        let detail = format!(
            "has {characters} characters; must say why, in 1 to {REASON_CHARACTERS_MAX} characters"
        );
        return Err(NotRedriven::Invalid(FieldError::new("reason", detail)));
    }
    Ok(())
}
