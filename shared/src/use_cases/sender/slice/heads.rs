//! The heads of a lane's queue: the first messages of each window class that is open, merged by
//! their sort keys.
//!
//! A closed class is not read, so its waiting messages cost nothing and block nothing. Closed
//! classes are only reviewed now and then, since the hours of their messages may have changed.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::agenda::{just_after, ready_partition};
use crate::domain::hours::Opening;
use crate::domain::{AgendaKey, WindowClass};
use crate::ports::{Agenda, AgendaEntry, PortError};

/// How long a taken entry is remembered, in case the index still shows it.
const REMEMBER_TAKEN: Duration = Duration::from_secs(10);

/// Up to this many open classes that have hours are read as often as the class without hours. A
/// real-time message that has hours, such as an advertisement, then waits no longer for its slot. A
/// lane whose recipients are in many time zones has more open classes, and reads each less often.
const CLASSES_AT_FULL_RATE: usize = 8;
/// However many open classes a lane has, each is read at least this often.
const READ_EVERY_MAX: Duration = Duration::from_secs(1);

/// How soon a class is read again once its page has been worked off: there may be more.
const NEXT_PAGE_AFTER: Duration = Duration::from_millis(100);

/// Closed classes reviewed side by side.
const REVIEWED_AT_ONCE: usize = 16;

/// One window class of the lane.
struct ClassHeads {
    class: WindowClass,
    partition: String,
    /// The first messages of an open class, as they were read.
    entries: VecDeque<AgendaEntry>,
    next_read_at: Instant,
    /// Whether messages waited in the class when it was last read.
    had_messages: bool,
}

impl ClassHeads {
    fn new(channel: &str, class: WindowClass) -> Self {
        Self {
            partition: ready_partition(channel, &class),
            class,
            entries: VecDeque::new(),
            next_read_at: Instant::now(),
            had_messages: false,
        }
    }

    fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.class.opening(now), Opening::Open { .. })
    }
}

/// The heads of a lane.
pub(super) struct Heads {
    channel: String,
    classes: Vec<ClassHeads>,
    /// Entries that were taken, by [`place`]. The index may show them for a while longer.
    taken: HashMap<String, Instant>,
    /// The first class that the next review looks at.
    next_review: usize,
    has_reviewed_all: bool,
}

impl Heads {
    pub(super) fn new(channel: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            classes: vec![ClassHeads::new(channel, WindowClass::EXEMPT)],
            taken: HashMap::new(),
            next_review: 0,
            has_reviewed_all: false,
        }
    }

    /// Adds the classes that are not known yet.
    pub(super) fn add_classes(&mut self, classes: Vec<WindowClass>) {
        for class in classes {
            if self.classes.iter().all(|known| known.class != class) {
                self.classes.push(ClassHeads::new(&self.channel, class));
            }
        }
    }

    /// Lets the next read include every open class.
    pub(super) fn read_all_next(&mut self) {
        let now = Instant::now();
        for class in &mut self.classes {
            class.next_read_at = class.next_read_at.min(now);
        }
    }

    /// When an open class has to be read again.
    pub(super) fn next_read_at(&self, now: Timestamp) -> Option<Instant> {
        self.classes.iter().filter(|class| class.is_open(now)).map(|class| class.next_read_at).min()
    }

    /// Whether there is nothing to claim.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        self.classes.iter().all(|class| class.entries.is_empty() || !class.is_open(now))
    }

    /// When the first closed class opens in which messages wait.
    pub(super) fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        self.classes
            .iter()
            .filter(|class| class.had_messages)
            .filter_map(|class| match class.class.opening(now) {
                Opening::Open { .. } => None,
                Opening::Closed { until } => Some(until),
            })
            .min()
    }

    /// Takes the first message of all, by the order of the agenda's sort keys. A class whose window
    /// has closed since it was read is passed over.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<AgendaEntry> {
        let class = self
            .classes
            .iter_mut()
            .filter(|class| !class.entries.is_empty() && class.is_open(now))
            .min_by(|one, other| one.entries.front().cmp(&other.entries.front()))?;
        let head = class.entries.pop_front()?;
        if class.entries.is_empty() {
            class.next_read_at = class.next_read_at.min(Instant::now() + NEXT_PAGE_AFTER);
        }
        self.taken.insert(place(&class.partition, &head.sort), Instant::now());
        Some(head)
    }

    /// A message was queued again, perhaps at its old place.
    pub(super) fn requeued(&mut self, key: &AgendaKey) {
        self.taken.remove(&place(&key.partition, &key.sort));
        let now = Instant::now();
        if let Some(class) = self.classes.iter_mut().find(|c| c.partition == key.partition) {
            // Its place may be before the entries that were read since.
            class.next_read_at = class.next_read_at.min(now);
        }
    }

    /// Reads the open classes that are due to be read. `read_every` is how often a class is read
    /// while the open classes are few. `page_size` is the number of messages to read for a
    /// duration.
    pub(super) async fn read(
        &mut self,
        agenda: &dyn Agenda,
        now: Timestamp,
        read_every: Duration,
        page_size: impl Fn(Duration) -> usize,
    ) -> Result<(), PortError> {
        let at = Instant::now();
        self.taken.retain(|_, taken_at| at.duration_since(*taken_at) < REMEMBER_TAKEN);
        let taken = &self.taken;
        let (open, closed) =
            self.classes.iter_mut().partition::<Vec<_>, _>(|class| class.is_open(now));
        for class in closed {
            class.entries.clear();
        }
        let with_hours = open.iter().filter(|class| !class.class.is_exempt()).count();
        let factor = u32::try_from(with_hours.div_ceil(CLASSES_AT_FULL_RATE)).unwrap_or(u32::MAX);
        let with_hours_every = (read_every * factor).min(READ_EVERY_MAX).max(read_every);
        let due = open.into_iter().filter(|class| class.next_read_at <= at);
        // Side by side: one after the other, the messages would wait for all reads.
        let reads = due.map(|class| {
            let every = if class.class.is_exempt() { read_every } else { with_hours_every };
            let limit = page_size(every);
            async move {
                class.entries = read_page(agenda, &class.partition, limit, taken).await?;
                class.had_messages = !class.entries.is_empty();
                class.next_read_at = at + every;
                Ok(())
            }
        });
        join_all(reads).await.into_iter().collect()
    }

    /// The first entries of the next closed classes in turn: the hours of these messages may have
    /// changed since they were queued. `None` once every class has been reviewed.
    pub(super) async fn review_closed(
        &mut self,
        agenda: &dyn Agenda,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Vec<AgendaEntry>>, PortError> {
        if self.next_review >= self.classes.len() {
            self.next_review = 0;
            self.has_reviewed_all = true;
            return Ok(None);
        }
        let first = self.next_review;
        self.next_review = (first + REVIEWED_AT_ONCE).min(self.classes.len());
        let classes = self.classes[first..self.next_review].iter_mut();
        let reads = classes.filter(|class| !class.is_open(now)).map(|class| async move {
            let entries = agenda.entries(&class.partition, None, None, limit).await?;
            class.had_messages = !entries.is_empty();
            Ok(entries)
        });
        let pages: Result<Vec<_>, PortError> = join_all(reads).await.into_iter().collect();
        Ok(Some(pages?.concat()))
    }

    /// Lets the next review look at the same classes again: they hold more messages.
    pub(super) fn repeat_review(&mut self) {
        self.next_review = self.next_review.saturating_sub(1) / REVIEWED_AT_ONCE * REVIEWED_AT_ONCE;
    }

    /// Reviews all closed classes from the start.
    pub(super) fn restart_review(&mut self) {
        self.next_review = 0;
        self.has_reviewed_all = false;
    }

    /// Whether every closed class has been reviewed.
    pub(super) fn has_reviewed_all(&self) -> bool {
        self.has_reviewed_all
    }
}

/// Where in the agenda an entry stands.
fn place(partition: &str, sort: &str) -> String {
    format!("{partition} {sort}")
}

/// The first entries of a partition that were not taken yet.
async fn read_page(
    agenda: &dyn Agenda,
    partition: &str,
    limit: usize,
    taken: &HashMap<String, Instant>,
) -> Result<VecDeque<AgendaEntry>, PortError> {
    let mut heads: VecDeque<AgendaEntry> = VecDeque::new();
    let mut from: Option<String> = None;
    loop {
        let page = agenda.entries(partition, from.as_deref(), None, limit).await?;
        let is_last = page.len() < limit;
        from = page.last().map(|last| just_after(&last.sort));
        let is_new = |entry: &AgendaEntry| !taken.contains_key(&place(partition, &entry.sort));
        heads.extend(page.into_iter().filter(is_new));
        // A page of nothing but taken entries hides the entries behind it.
        if is_last || !heads.is_empty() {
            return Ok(heads);
        }
    }
}
