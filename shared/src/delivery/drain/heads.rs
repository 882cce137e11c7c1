//! The heads of a lane's queue: of each window class whose window is open, merged by priority.
//!
//! A closed class is not read: whatever waits in it costs nothing and blocks nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::agenda::ready_partition;
use crate::domain::hours::Opening;
use crate::domain::{AgendaKey, WindowClass};
use crate::ports::{Agenda, AgendaEntry, PortError};

/// How long an entry that is dealt with is remembered, in case the index still shows it.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Open classes that have hours and are read as often as the one of messages that may leave at any
/// time: a real-time message that has hours, such as an advertisement, waits no longer for its slot.
/// A lane that has more open classes (its recipients are in many zones) reads each less often, but at
/// least this often.
const READ_AS_OFTEN: usize = 8;
const READ_AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// How soon a class is read again whose page has been worked off: there may be more.
const PAGE_AGAIN: Duration = Duration::from_millis(100);

/// Closed classes looked at side by side.
const PEEKED_AT_ONCE: usize = 16;

/// A message that may be claimed next.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub entry: AgendaEntry,
    partition: Arc<str>,
}

impl Head {
    /// Where in the agenda it stands.
    fn place(&self) -> String {
        place(&self.partition, &self.entry.sort)
    }
}

fn place(partition: &str, sort: &str) -> String {
    format!("{partition} {sort}")
}

/// One class.
struct ClassHeads {
    class: WindowClass,
    partition: Arc<str>,
    entries: VecDeque<AgendaEntry>,
    read_at: Instant,
    /// Something waits in it, as far as anybody has looked.
    holds_some: bool,
}

impl ClassHeads {
    fn new(channel: &str, class: WindowClass) -> Self {
        Self {
            partition: ready_partition(channel, &class).into(),
            class,
            entries: VecDeque::new(),
            read_at: Instant::now(),
            holds_some: false,
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
    /// Entries that are dealt with, though the index may show them for a while.
    done: HashMap<String, Instant>,
    /// The next class to be looked at, whether it is closed and its hours have changed.
    to_peek: usize,
    /// All have been looked at.
    has_peeked: bool,
}

impl Heads {
    pub(super) fn new(channel: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            classes: vec![ClassHeads::new(channel, WindowClass::EXEMPT)],
            done: HashMap::new(),
            to_peek: 0,
            has_peeked: false,
        }
    }

    /// Adds the classes that are not known yet.
    pub(super) fn know(&mut self, classes: Vec<WindowClass>) {
        for class in classes {
            if self.classes.iter().all(|known| known.class != class) {
                self.classes.push(ClassHeads::new(&self.channel, class));
            }
        }
    }

    /// Lets every class be read at once.
    pub(super) fn hurry(&mut self) {
        let now = Instant::now();
        for class in &mut self.classes {
            class.read_at = class.read_at.min(now);
        }
    }

    /// When something has to be read again.
    pub(super) fn next_read(&self, now: Timestamp) -> Option<Instant> {
        self.classes.iter().filter(|class| class.is_open(now)).map(|class| class.read_at).min()
    }

    /// Whether there is nothing to claim.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        self.classes.iter().all(|class| class.entries.is_empty() || !class.is_open(now))
    }

    /// When the first closed class opens in which something waits.
    pub(super) fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        self.classes
            .iter()
            .filter(|class| class.holds_some)
            .filter_map(|class| match class.class.opening(now) {
                Opening::Open { .. } => None,
                Opening::Closed { until } => Some(until),
            })
            .min()
    }

    /// Takes the first of all: the lowest priority number, and the oldest of those. An index may
    /// have shown some for longer than their window is open.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Head> {
        let class = self
            .classes
            .iter_mut()
            .filter(|class| !class.entries.is_empty() && class.is_open(now))
            .min_by(|one, other| one.entries.front().cmp(&other.entries.front()))?;
        let entry = class.entries.pop_front()?;
        if class.entries.is_empty() {
            class.read_at = class.read_at.min(Instant::now() + PAGE_AGAIN);
        }
        let head = Head { entry, partition: Arc::clone(&class.partition) };
        self.done.insert(head.place(), Instant::now());
        Some(head)
    }

    /// It is in the queue again, at the same place perhaps.
    pub(super) fn is_back(&mut self, key: &AgendaKey) {
        self.done.remove(&place(&key.partition, &key.sort));
        let now = Instant::now();
        if let Some(class) = self.classes.iter_mut().find(|c| *c.partition == *key.partition) {
            // It may come before what was read since.
            class.read_at = class.read_at.min(now);
        }
    }

    /// Reads the open classes whose time has come. `head_every` is how often one is read as long as
    /// they are few; `reach` tells how many messages can leave within a duration.
    pub(super) async fn read(
        &mut self,
        agenda: &dyn Agenda,
        now: Timestamp,
        head_every: Duration,
        reach: impl Fn(Duration) -> usize,
    ) -> Result<(), PortError> {
        let at = Instant::now();
        self.done.retain(|_, since| at.duration_since(*since) < REMEMBERED);
        let done = &self.done;
        let (open, closed) =
            self.classes.iter_mut().partition::<Vec<_>, _>(|class| class.is_open(now));
        for class in closed {
            class.entries.clear();
        }
        let with_hours = open.iter().filter(|class| !class.class.is_exempt()).count();
        let share = u32::try_from(with_hours.div_ceil(READ_AS_OFTEN)).unwrap_or(u32::MAX);
        let hours_every = (head_every * share).min(READ_AT_LEAST_EVERY).max(head_every);
        let due = open.into_iter().filter(|class| class.read_at <= at);
        // Side by side: each departure that comes due meanwhile waits for all of them.
        let reads = due.map(|class| {
            let every = if class.class.is_exempt() { head_every } else { hours_every };
            let limit = reach(every);
            async move {
                class.entries = read_page(agenda, &class.partition, limit, done).await?;
                class.holds_some = !class.entries.is_empty();
                class.read_at = at + every;
                Ok(())
            }
        });
        join_all(reads).await.into_iter().collect()
    }

    /// The next closed classes in turn, with their first entries: their hours may have been changed
    /// since they were put there. `None` once all have been looked at.
    pub(super) async fn peek(
        &mut self,
        agenda: &dyn Agenda,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Vec<AgendaEntry>>, PortError> {
        if self.to_peek >= self.classes.len() {
            self.to_peek = 0;
            self.has_peeked = true;
            return Ok(None);
        }
        let from = self.to_peek;
        self.to_peek = (from + PEEKED_AT_ONCE).min(self.classes.len());
        let classes = self.classes[from..self.to_peek].iter_mut();
        let reads = classes.filter(|class| !class.is_open(now)).map(|class| async move {
            let entries = agenda.entries(&class.partition, None, None, limit).await?;
            class.holds_some = !entries.is_empty();
            Ok(entries)
        });
        let pages: Result<Vec<_>, PortError> = join_all(reads).await.into_iter().collect();
        Ok(Some(pages?.concat()))
    }

    /// The classes that were looked at last have more to be looked at.
    pub(super) fn peek_again(&mut self) {
        self.to_peek = self.to_peek.saturating_sub(1) / PEEKED_AT_ONCE * PEEKED_AT_ONCE;
    }

    /// Looks at all closed classes anew.
    pub(super) fn peek_all(&mut self) {
        self.to_peek = 0;
        self.has_peeked = false;
    }

    /// Whether every closed class has been looked at.
    pub(super) fn has_peeked(&self) -> bool {
        self.has_peeked
    }
}

/// The first entries of a partition that are not dealt with yet.
async fn read_page(
    agenda: &dyn Agenda,
    partition: &str,
    limit: usize,
    done: &HashMap<String, Instant>,
) -> Result<VecDeque<AgendaEntry>, PortError> {
    let mut heads: VecDeque<AgendaEntry> = VecDeque::new();
    let mut from: Option<String> = None;
    loop {
        let page = agenda.entries(partition, from.as_deref(), None, limit).await?;
        let is_last = page.len() < limit;
        from = page.last().map(|last| format!("{}~", last.sort));
        let is_new = |entry: &AgendaEntry| !done.contains_key(&place(partition, &entry.sort));
        heads.extend(page.into_iter().filter(is_new));
        // A page of nothing but entries that are dealt with hides what is behind it.
        if is_last || !heads.is_empty() {
            return Ok(heads);
        }
    }
}
