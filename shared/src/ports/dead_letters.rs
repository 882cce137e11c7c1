//! The stored dead letters.

use async_trait::async_trait;

use super::error::PortError;
use super::saved::Saved;
use crate::domain::{DeadLetter, DeadLetterId, Edge};

#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    New,
    /// It was recorded before.
    Known,
}

/// Dead letters of one edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// In the order in which they were sent first.
    pub letters: Vec<DeadLetter>,
    /// The place up to which rows were read; `None` when there are no more.
    pub end: Option<String>,
}

#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Stores a dead letter with its contents. One that is stored stays as it is.
    async fn record_dead_letter(
        &self,
        letter: &DeadLetter,
        contents: Option<&str>,
    ) -> Result<Recorded, PortError>;

    async fn dead_letter(&self, id: &DeadLetterId) -> Result<Option<DeadLetter>, PortError>;

    /// The contents of a dead letter; `None` when they are not stored.
    async fn dead_letter_contents(&self, id: &DeadLetterId) -> Result<Option<String>, PortError>;

    /// At most `limit` dead letters of an edge behind a place. An unreadable row is left out.
    async fn dead_letters(
        &self,
        edge: Edge,
        after: Option<&str>,
        limit: usize,
    ) -> Result<DeadLetterPage, PortError>;

    /// Stores a changed dead letter, if the stored one has the revision before. Its contents go as soon
    /// as [`DeadLetter::has_contents`] says so.
    async fn save_dead_letter(&self, letter: &DeadLetter) -> Result<Saved, PortError>;
}
