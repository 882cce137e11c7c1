//! The heads of a lane's queue: the first messages of each window class that is open, merged by
//! their sort keys.
//!
//! A closed class is not read, so its waiting messages cost nothing and block nothing. Closed
//! classes are only reviewed now and then (`review.rs`), since the hours of their messages may have
//! changed.
//!
//! `heads/class_heads.rs` has the heads of one class, and decides when the class is read again.
//! `heads/taken.rs` remembers entries that were taken, which the index may still show.

mod class_heads;
mod taken;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use self::class_heads::{ClassHeads, Intervals};
use self::taken::Taken;
use super::real_time::FirstEntries;
use crate::domain::hours::Opening;
use crate::domain::{AgendaKey, NotificationId, WindowClass};
use crate::ports::{Agenda, AgendaEntry, PortError};

/// Classes that are read side by side.
pub(super) const CLASSES_AT_ONCE: usize = 16;
/// So many messages at the end of each class may be looked at for the last one.
const LAST_ENTRIES: usize = 5;

/// The first messages of a closed class, as a review found them.
pub(super) struct ClosedClass {
    pub(super) class: WindowClass,
    pub(super) partition: String,
    pub(super) first: Vec<AgendaEntry>,
}

/// The heads of a lane.
pub(super) struct Heads {
    channel: String,
    /// The exempt class comes first.
    classes: Vec<ClassHeads>,
    /// The partitions of the classes.
    partitions: HashSet<String>,
    taken: Taken,
}

impl Heads {
    pub(super) fn new(channel: &str) -> Self {
        let mut heads = Self {
            channel: channel.to_owned(),
            classes: Vec::new(),
            partitions: HashSet::new(),
            taken: Taken::default(),
        };
        heads.add_classes(vec![WindowClass::EXEMPT]);
        heads
    }

    /// Adds the classes that are not known yet.
    pub(super) fn add_classes(&mut self, classes: Vec<WindowClass>) {
        for class in classes {
            let class = ClassHeads::new(&self.channel, class);
            if self.partitions.insert(class.partition.clone()) {
                self.classes.push(class);
            }
        }
    }

    /// Lets every open class be read again.
    pub(super) fn read_all_next(&mut self) {
        for class in &mut self.classes {
            class.read_soon();
        }
    }

    /// Lets every open class be read again that was not read just now.
    pub(super) fn read_stale_next(&mut self) {
        for class in self.classes.iter_mut().filter(|class| !class.was_read_just_now()) {
            class.read_soon();
        }
    }

    /// Whether every open class was read just now.
    pub(super) fn were_read_just_now(&self, now: Timestamp) -> bool {
        self.open(now).all(ClassHeads::was_read_just_now)
    }

    /// When an open class has to be read again.
    pub(super) fn next_read_at(&self, now: Timestamp) -> Option<Instant> {
        self.open(now).map(ClassHeads::next_read_at).min()
    }

    /// Whether there is nothing to claim.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        self.open(now).all(|class| class.head().is_none())
    }

    /// The messages that were read last in the classes that are open.
    pub(super) fn entries_of_open_classes(&self, now: Timestamp) -> Vec<AgendaEntry> {
        self.open(now).flat_map(ClassHeads::entries).cloned().collect()
    }

    /// When the first closed class opens in which messages wait.
    pub(super) fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        self.classes
            .iter()
            .filter(|class| class.had_messages())
            .filter_map(|class| match class.opening(now) {
                Opening::Open { .. } => None,
                Opening::Closed { until } => Some(until),
            })
            .min()
    }

    fn open(&self, now: Timestamp) -> impl Iterator<Item = &ClassHeads> {
        self.classes.iter().filter(move |class| class.is_open(now))
    }

    /// Takes the first message of all, by the order of the agenda's sort keys. A class whose window
    /// has closed since it was read is passed over.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<AgendaEntry> {
        let class = self
            .classes
            .iter_mut()
            .filter(|class| class.head().is_some() && class.is_open(now))
            .min_by(|one, other| one.head().cmp(&other.head()))?;
        let head = class.take_head()?;
        self.taken.insert(&class.partition, &head.sort);
        Some(head)
    }

    /// A message was queued again, perhaps at its old place: before the entries that were read
    /// since.
    pub(super) fn requeued(&mut self, key: &AgendaKey) {
        self.taken.remove(&key.partition, &key.sort);
        let mut classes = self.classes.iter_mut();
        if let Some(class) = classes.find(|class| class.partition == key.partition) {
            class.message_queued();
        }
    }

    /// Reads open classes that are due to be read, a few at a time: messages are claimed between
    /// two calls. `read_every` is how often a class is read while the open classes are few, and
    /// `limit` is the number of messages to read of each class.
    ///
    /// The exempt class is among the first, so real-time messages leave before all others from the
    /// beginning. At the beginning of a slice, messages of other classes may leave before classes
    /// have been read that hold earlier ones. That takes a moment, and only in lanes with many
    /// classes.
    pub(super) async fn read(
        &mut self,
        agenda: &dyn Agenda,
        now: Timestamp,
        read_every: Duration,
        limit: usize,
    ) -> Result<(), PortError> {
        let at = Instant::now();
        self.taken.forget_old(at);
        let taken = &self.taken;
        for class in &mut self.classes {
            class.follow_clock(now);
        }
        let every = Intervals::of(&self.classes, now, at, read_every);
        let is_due = |class: &&mut ClassHeads| class.is_open(now) && class.next_read_at() <= at;
        let mut due: Vec<&mut ClassHeads> = self.classes.iter_mut().filter(is_due).collect();
        due.sort_by_key(|class| (!class.is_exempt(), class.next_read_at()));
        due.truncate(CLASSES_AT_ONCE);
        // Side by side: one after the other, the messages would wait for all reads.
        let reads = due.into_iter().map(|class| async move {
            let page = class.read(agenda, limit, taken).await?;
            class.was_read(at, page, limit, every);
            Ok(())
        });
        join_all(reads).await.into_iter().collect()
    }

    /// Takes in the first entries of the exempt class, which were read just before a claim.
    /// `read_every` is how often the class is read besides.
    pub(super) fn add_real_time(&mut self, found: FirstEntries, read_every: Duration) {
        let Some(exempt) = self.classes.first_mut() else { return };
        let last_sort = found.entries.last().map(|last| last.sort.clone());
        let is_new = |entry: &AgendaEntry| !self.taken.contains(&exempt.partition, &entry.sort);
        let first: VecDeque<AgendaEntry> = found.entries.into_iter().filter(is_new).collect();
        let last_sort = last_sort.filter(|_| !found.is_whole);
        exempt.first_entries_were_read(found.read_at, first, last_sort.as_deref(), read_every);
    }

    /// The last message of all open classes that was not tried, by the order of the agenda's sort
    /// keys: the least urgent one.
    pub(super) async fn last(
        &self,
        agenda: &dyn Agenda,
        now: Timestamp,
        tried: &HashSet<NotificationId>,
    ) -> Result<Option<AgendaEntry>, PortError> {
        let reads = self.open(now).map(|class| agenda.last_entries(&class.partition, LAST_ENTRIES));
        let reads: Vec<_> = reads.collect();
        let mut reads = stream::iter(reads).buffer_unordered(CLASSES_AT_ONCE);
        let mut last: Option<AgendaEntry> = None;
        while let Some(entries) = reads.next().await {
            let untried = entries?.into_iter().find(|entry| !tried.contains(&entry.id));
            last = last.max(untried);
        }
        Ok(last)
    }

    /// The first messages of the closed classes among the next [`CLASSES_AT_ONCE`] classes, beginning
    /// with the class of this number. `None` when there is no class of this number.
    pub(super) async fn first_of_closed(
        &mut self,
        agenda: &dyn Agenda,
        now: Timestamp,
        first_class: usize,
        limit: usize,
    ) -> Result<Option<Vec<ClosedClass>>, PortError> {
        let until = (first_class + CLASSES_AT_ONCE).min(self.classes.len());
        let Some(classes) = self.classes.get_mut(first_class..until).filter(|c| !c.is_empty())
        else {
            return Ok(None);
        };
        let closed = classes.iter_mut().filter(|class| !class.is_open(now));
        let reads = closed.map(|class| async move {
            let first = agenda.entries(&class.partition, None, None, limit).await?;
            class.was_reviewed(!first.is_empty(), first.len() >= limit);
            let (class, partition) = (class.class().clone(), class.partition.clone());
            Ok(ClosedClass { class, partition, first })
        });
        let found: Result<Vec<ClosedClass>, PortError> =
            join_all(reads).await.into_iter().collect();
        found.map(Some)
    }

    /// The closed classes that had more messages than a review looks at first, with their
    /// partitions, by name.
    pub(super) fn long_closed(&self, now: Timestamp) -> Vec<(WindowClass, String)> {
        let closed = self.classes.iter().filter(|class| class.is_long() && !class.is_open(now));
        let mut long: Vec<_> =
            closed.map(|class| (class.class().clone(), class.partition.clone())).collect();
        long.sort_by(|(_, one), (_, other)| one.cmp(other));
        long
    }
}
