//! Everything that decides whether messages may leave, as it is now. Each part of the configuration
//! and each lane's row is read once for all messages of one answer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::tz::TimeZone;

use super::dependencies::Describe;
use super::description::Place;
use super::known::Known;
use super::predecessor::predecessor;
use crate::domain::hold::{Ahead, Pause, Predecessor, PresentHours, Situation};
use crate::domain::{
    Channel, Notification, PacerPosition, Sequence, SequenceId, SequenceStatus, Status, WindowClass,
};
use crate::ports::PortError;
use crate::use_cases::catalog_cache::CatalogCache;
use crate::use_cases::current_hours::CurrentHours;

/// How many sequences are read at a time.
const CONCURRENCY: usize = 16;

/// How many gates of sequences are read for one answer. A page may name as many sequences as it has
/// notifications, and each of them may have 89 more gates.
const GATES_MAX: usize = 1_000;

/// The reads for one answer.
pub(in crate::use_cases) struct Reading<'a> {
    ports: &'a Describe,
    catalog: Arc<CatalogCache>,
    hours: CurrentHours,
    /// By channel. `None` for a row that cannot be read.
    lanes: HashMap<String, Option<PacerPosition>>,
    sequences: HashMap<SequenceId, Option<Sequence>>,
    known: Known<'a>,
    /// The sequences whose gates have all been read.
    with_gates: HashSet<SequenceId>,
}

/// Everything that decides whether one message may leave.
#[derive(Debug, Default)]
pub(in crate::use_cases) struct Circumstances {
    pub(in crate::use_cases) channel: Option<Arc<Channel>>,
    pub(in crate::use_cases) lane: PacerPosition,
    /// Who paused the channel.
    pub(in crate::use_cases) pause: Option<Pause>,
    /// The messages ahead.
    pub(in crate::use_cases) ahead: Option<Ahead>,
    class: Option<WindowClass>,
    /// The windows have no minute in common.
    has_no_hours: bool,
    unreadable: Vec<&'static str>,
    predecessor: Option<Predecessor>,
}

impl Circumstances {
    pub(in crate::use_cases) fn situation<'a>(
        &'a self,
        notification: &'a Notification,
        now_us: i64,
    ) -> Situation<'a> {
        let hours = match &self.class {
            Some(class) => PresentHours::Class(class),
            None if self.has_no_hours => PresentHours::Never,
            None => PresentHours::Unknown,
        };
        Situation {
            notification,
            channel: self.channel.as_deref(),
            hours,
            lane: self.lane,
            unreadable: &self.unreadable,
            predecessor: self.predecessor.as_ref(),
            pause: self.pause.as_ref(),
            ahead: self.ahead,
            now_us,
        }
    }

    pub(in crate::use_cases) fn place(&self, notification: &Notification) -> Place {
        let of_class = self.class.as_ref().and_then(WindowClass::zone).cloned();
        let of_channel = || {
            let channel = self.channel.as_ref()?;
            TimeZone::get(&channel.timezone).ok()
        };
        Place {
            channel: notification.channel.clone(),
            class: self.class.clone().filter(|class| !class.is_exempt()),
            zone: of_class.or_else(of_channel).unwrap_or(TimeZone::UTC),
        }
    }

    /// What a read found. A sender claims no message while a row that decides about it cannot be
    /// read, perhaps because a newer version of the code wrote the row.
    fn readable<T>(
        &mut self,
        read: Result<T, PortError>,
        what: &'static str,
    ) -> Result<Option<T>, PortError> {
        match read {
            Ok(found) => Ok(Some(found)),
            Err(PortError::Unusable { .. }) => {
                self.unreadable.push(what);
                Ok(None)
            }
            Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                Err(error)
            }
        }
    }
}

impl<'a> Reading<'a> {
    /// `shown` are the notifications of the answer.
    pub(in crate::use_cases) fn new(ports: &'a Describe, shown: &'a [Notification]) -> Self {
        let catalog = Arc::new(CatalogCache::unlimited(Arc::clone(&ports.catalog)));
        Self {
            ports,
            hours: CurrentHours::new(Arc::clone(&catalog)),
            catalog,
            lanes: HashMap::new(),
            sequences: HashMap::new(),
            known: Known::new(shown),
            with_gates: HashSet::new(),
        }
    }

    pub(in crate::use_cases) async fn channel(
        &self,
        name: &str,
    ) -> Result<Option<Arc<Channel>>, PortError> {
        self.catalog.channel(name).await
    }

    /// Reads what decides about a message. For a message that does not wait to leave, its channel at
    /// most.
    ///
    /// # Errors
    /// [`PortError`], but not for a row that cannot be read: that holds the message.
    pub(in crate::use_cases) async fn circumstances(
        &mut self,
        notification: &Notification,
    ) -> Result<Circumstances, PortError> {
        let mut found = Circumstances::default();
        let channel = self.channel(&notification.channel).await;
        found.channel = found.readable(channel, "the channel's document")?.flatten();
        if !notification.status.is_waiting() {
            return Ok(found);
        }
        if notification.status == Status::Blocked {
            let predecessor = self.predecessor(notification).await;
            found.predecessor = found.readable(predecessor, "the row of the sequence")?.flatten();
        }
        let Some(channel) = found.channel.clone() else { return Ok(found) };
        let class = self.hours.class_of(notification, &channel).await;
        let class = found.readable(class, "the message's template, or the hours of the stack")?;
        found.has_no_hours = class == Some(None);
        found.class = class.flatten();
        let revision = self
            .catalog
            .template_revision(&notification.template, notification.template_revision)
            .await;
        found
            .readable(revision, "the revision of the template that the message is rendered from")?;
        let lane = self.lane(&notification.channel).await?;
        found.lane = lane.unwrap_or_default();
        if lane.is_none() {
            found.unreadable.push("the row of the channel's lane");
        }
        Ok(found)
    }

    /// The step that a blocked message waits for. `None` when it is not found.
    async fn predecessor(
        &mut self,
        blocked: &Notification,
    ) -> Result<Option<Predecessor>, PortError> {
        let Some(place) = &blocked.sequence_step else { return Ok(None) };
        if !self.sequences.contains_key(&place.sequence) {
            let sequence = self.ports.sequences.sequence(&place.sequence).await?;
            self.sequences.insert(place.sequence.clone(), sequence);
        }
        let Some(Some(sequence)) = self.sequences.get(&place.sequence) else { return Ok(None) };
        predecessor(&*self.ports.notifications, sequence, place, &self.known).await
    }

    /// Reads the sequences of the answer's notifications, with the gates of all their steps.
    ///
    /// # Errors
    /// [`PortError`], but not for a row that cannot be read: its sequence has no status then.
    pub(super) async fn read_sequences(&mut self) -> Result<(), PortError> {
        let steps = self.known.shown().iter().filter_map(|shown| shown.sequence_step.as_ref());
        let ids: HashSet<SequenceId> = steps.map(|step| step.sequence.clone()).collect();
        let ports = self.ports;
        let reads = ids.into_iter().map(|id| async move {
            let read = ports.sequences.sequence(&id).await;
            (id, read)
        });
        let mut reads = stream::iter(reads).buffer_unordered(CONCURRENCY);
        while let Some((id, read)) = reads.next().await {
            match read {
                Ok(sequence) => {
                    self.sequences.insert(id, sequence);
                }
                Err(PortError::Unusable { .. }) => {}
                Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                    return Err(error);
                }
            }
        }
        let mut gates = vec![];
        for sequence in self.sequences.values().flatten() {
            let missing = self.known.missing_gates(sequence);
            if gates.len() + missing.len() <= GATES_MAX {
                gates.extend(missing);
                self.with_gates.insert(sequence.id.clone());
            }
        }
        if !gates.is_empty() {
            self.known.add_gates(ports.batches.load_all(&gates).await?);
        }
        Ok(())
    }

    /// How far a sequence has come, by what [`Self::read_sequences`] has read.
    pub(super) fn sequence_status(&self, id: &SequenceId) -> Option<SequenceStatus> {
        let sequence = self.sequences.get(id)?.as_ref().filter(|_| self.with_gates.contains(id))?;
        Some(sequence.status(|gate| self.known.find(gate)))
    }

    /// The position in the row of a lane; `None` when the row cannot be read.
    async fn lane(&mut self, channel: &str) -> Result<Option<PacerPosition>, PortError> {
        if let Some(known) = self.lanes.get(channel) {
            return Ok(*known);
        }
        let position = match self.ports.lanes.lane_state(channel).await {
            Ok(state) => Some(state.unwrap_or_default().position),
            Err(PortError::Unusable { .. }) => None,
            Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                return Err(error);
            }
        };
        self.lanes.insert(channel.to_owned(), position);
        Ok(position)
    }
}
