//! Changes the catalog on an operator's behalf: checks each document against what it names and what
//! names it, and notes who changed what.
//!
//! What is looked at can change before the write is made: two operators at once can leave a
//! schedule without its template. Nothing wrong leaves by that, since the run reports it.

pub mod check;
mod entry;
mod lane;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::entry::{Entry, read};
use super::FieldError;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use crate::ports::scheduling::{Changed, Document, Documents, Expected, Kind};
use crate::ports::{Agenda, Catalog, Clock, PortError, WakeGroup, Waker, WindowClasses};

/// Documents read in one request of the store.
const PAGE: usize = 100;

/// A race with more than this many others is an outage.
const TRIES: usize = 8;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// The operator has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// Somebody else has changed it: read it again. The revision that there is, if there is one.
    #[error("it was changed meanwhile")]
    Lost(Option<u64>),
    /// There is no such document.
    #[error("there is no such document")]
    Missing,
    /// What uses it has to go first.
    #[error("it is used by {0}")]
    InUse(String),
    /// It may work another time.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Changes the catalog.
#[derive(Clone)]
pub struct Configure {
    /// The documents.
    pub documents: Arc<dyn Documents>,
    /// The same as the functions read them.
    pub catalog: Arc<dyn Catalog>,
    /// What lanes hold.
    pub agenda: Arc<dyn Agenda>,
    /// The window classes of what lanes hold.
    pub classes: Arc<dyn WindowClasses>,
    /// Wakes senders.
    pub waker: Arc<dyn Waker>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl Configure {
    /// Makes a document say this, if what is expected of it holds.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn put(
        &self,
        mut entry: Entry,
        expected: Expected,
        by: &str,
    ) -> Result<Document, NotChanged> {
        let (kind, name) = (entry.kind(), entry.name().to_owned());
        let current = self.documents.document(kind, &name).await?;
        if !holds(expected, current.as_ref()) {
            return Err(NotChanged::Lost(current.map(|current| current.revision)));
        }
        let now_ms = self.clock.now_ms();
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        entry.keep_own(current.as_ref(), now)?;
        self.check(&entry, now).await?;
        window::keeps(self, &entry, current.as_ref(), now).await?;
        let document = document(&name, entry.body()?, by, now_ms);
        let saved = self.save(kind, document, expected).await?;
        self.wake_lanes_of(&entry, saved.changed_at_ms).await;
        Ok(saved)
    }

    /// Deletes a document that nothing uses.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn delete(
        &self,
        kind: Kind,
        name: &str,
        expected: Expected,
        by: &str,
    ) -> Result<(), NotChanged> {
        let current = self.documents.document(kind, name).await?;
        if current.is_none() {
            return Err(NotChanged::Missing);
        }
        if !holds(expected, current.as_ref()) {
            return Err(NotChanged::Lost(current.map(|current| current.revision)));
        }
        let users = self.users(kind, name).await?;
        if !users.is_empty() {
            return Err(NotChanged::InUse(users.join(", ")));
        }
        if kind == Kind::Channel
            && let Some(held) = lane::held(&*self.agenda, &*self.classes, name).await?
        {
            return Err(NotChanged::InUse(held.to_owned()));
        }
        if kind == Kind::Hours {
            // The defaults hold then.
            let defaults = Entry::Hours(HoursConfig::default());
            let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
            self.check(&defaults, now).await?;
            window::keeps(self, &defaults, current.as_ref(), now).await?;
        }
        let at_ms = self.clock.now_ms();
        match self.documents.delete_document(kind, name, expected, by, at_ms).await? {
            Changed::Done(revision) => {
                tracing::info!(kind = kind.as_str(), name, revision, "deleted");
                if kind == Kind::Hours {
                    self.wake_lanes_of(&Entry::Hours(HoursConfig::default()), at_ms).await;
                }
                Ok(())
            }
            Changed::Lost(None) => Err(NotChanged::Missing),
            Changed::Lost(current) => Err(NotChanged::Lost(current)),
        }
    }

    /// Lets nothing leave over a channel, or lets it leave again. Whatever else somebody changes at
    /// the same time stays changed.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub async fn set_paused(
        &self,
        channel: &str,
        paused: bool,
        by: &str,
    ) -> Result<Document, NotChanged> {
        for _ in 0..TRIES {
            let Some(current) = self.documents.document(Kind::Channel, channel).await? else {
                return Err(NotChanged::Missing);
            };
            if is_paused(&current) == paused {
                return Ok(current);
            }
            let mut body = current.body.unwrap_or_default();
            if let Value::Object(fields) = &mut body {
                fields.insert("paused".to_owned(), Value::Bool(paused));
            }
            let document = document(channel, body, by, self.clock.now_ms());
            match self.save(Kind::Channel, document, Expected::Revision(current.revision)).await {
                Ok(saved) => {
                    if !paused {
                        self.wake(&saved.name, saved.changed_at_ms).await;
                    }
                    return Ok(saved);
                }
                Err(NotChanged::Lost(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(PortError::Unavailable { what: "the channel", detail: "it is contended".into() }.into())
    }

    async fn save(
        &self,
        kind: Kind,
        document: Document,
        expected: Expected,
    ) -> Result<Document, NotChanged> {
        match self.documents.put_document(kind, &document, expected).await? {
            Changed::Done(revision) => {
                tracing::info!(kind = kind.as_str(), name = document.name, revision, "changed");
                Ok(Document { revision, ..document })
            }
            Changed::Lost(current) => Err(NotChanged::Lost(current)),
        }
    }

    async fn check(&self, entry: &Entry, now: Timestamp) -> Result<(), NotChanged> {
        match entry {
            Entry::Channel(channel) => {
                let templates: Vec<Template> = self.all(Kind::Template).await?;
                let its = templates.iter().filter(|template| template.channel == channel.name);
                check::channel(channel, its, &self.catalog.hours().await?)?;
            }
            Entry::Template(template) => {
                let channel = self.catalog.channel(&template.channel).await?;
                check::template(template, channel.as_ref(), &self.catalog.hours().await?)?;
            }
            Entry::Audience(audience) => check::audience(audience)?,
            Entry::Schedule(schedule) => self.check_schedule(schedule, now).await?,
            Entry::Hours(hours) => {
                let templates: Vec<Template> = self.all(Kind::Template).await?;
                let channels: HashMap<String, Channel> = self
                    .all(Kind::Channel)
                    .await?
                    .into_iter()
                    .map(|channel: Channel| (channel.name.clone(), channel))
                    .collect();
                let pairs = templates
                    .iter()
                    .filter_map(|template| Some((template, channels.get(&template.channel)?)));
                check::hours(hours, pairs)?;
            }
        }
        Ok(())
    }

    async fn check_schedule(&self, schedule: &Schedule, now: Timestamp) -> Result<(), NotChanged> {
        let template = self.catalog.template(&schedule.template).await?;
        let channel = match &template {
            Some(template) => self.catalog.channel(&template.channel).await?,
            None => None,
        };
        let audience: Option<Audience> = self.catalog.audience(&schedule.audience).await?;
        let surroundings = check::Surroundings {
            template: template.as_ref(),
            channel: channel.as_ref(),
            audience: audience.as_ref(),
            hours: &self.catalog.hours().await?,
        };
        Ok(check::schedule(schedule, surroundings, now)?)
    }

    /// What names this document, in words.
    async fn users(&self, kind: Kind, name: &str) -> Result<Vec<String>, PortError> {
        Ok(match kind {
            Kind::Channel => self
                .all::<Template>(Kind::Template)
                .await?
                .into_iter()
                .filter(|template| template.channel == name)
                .map(|template| format!("the template {}", template.name))
                .collect(),
            Kind::Template | Kind::Audience => self
                .all::<Schedule>(Kind::Schedule)
                .await?
                .into_iter()
                .filter(|schedule| match kind {
                    Kind::Template => schedule.template == name,
                    Kind::Audience => schedule.audience == name,
                    Kind::Channel | Kind::Schedule | Kind::Hours => false,
                })
                .map(|schedule| format!("the schedule {}", schedule.name))
                .collect(),
            Kind::Schedule | Kind::Hours => vec![],
        })
    }

    async fn all<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<T>, PortError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.documents(kind, after.as_deref(), PAGE).await?;
            after = page.last().map(|last| last.name.clone());
            for document in &page {
                all.push(read(document)?);
            }
            if page.len() < PAGE {
                return Ok(all);
            }
        }
    }

    /// What waits for its hours may have others now, and what was paused may go on. The change is
    /// made by now, whether lanes are woken or not.
    async fn wake_lanes_of(&self, entry: &Entry, changed_at_ms: i64) {
        match self.lanes_touched_by(entry).await {
            Ok(channels) => {
                for channel in channels {
                    self.wake(&channel, changed_at_ms).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "lanes were not woken; the sweeper will do it");
            }
        }
    }

    /// A hint, as every wake: the sweeper repeats it.
    async fn wake(&self, channel: &str, changed_at_ms: i64) {
        let deduplication = format!("{channel}-changed-{changed_at_ms}");
        if let Err(error) = self.waker.wake(channel, WakeGroup::Zero, &deduplication).await {
            tracing::warn!(channel, %error, "a lane was not woken; the sweeper will do it");
        }
    }

    /// The lanes whose messages may leave at other times after a change.
    async fn lanes_touched_by(&self, entry: &Entry) -> Result<Vec<String>, PortError> {
        Ok(match entry {
            Entry::Channel(channel) => vec![channel.name.clone()],
            Entry::Template(template) => vec![template.channel.clone()],
            Entry::Hours(_) => {
                self.catalog.channels().await?.into_iter().map(|channel| channel.name).collect()
            }
            Entry::Schedule(_) | Entry::Audience(_) => vec![],
        })
    }
}

fn holds(expected: Expected, current: Option<&Document>) -> bool {
    match expected {
        Expected::Absent => current.is_none(),
        Expected::Revision(revision) => current.is_some_and(|current| current.revision == revision),
        Expected::Any => true,
    }
}

/// A document to be saved. The store gives it its revision.
fn document(name: &str, body: Value, by: &str, at_ms: i64) -> Document {
    Document {
        name: name.to_owned(),
        revision: 0,
        body: Some(body),
        changed_by: by.to_owned(),
        changed_at_ms: at_ms,
    }
}

fn is_paused(channel: &Document) -> bool {
    channel.body.as_ref().and_then(|body| body.get("paused")).and_then(Value::as_bool) == Some(true)
}
