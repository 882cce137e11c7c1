//! The heads of one window class, and when the class is read again.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::taken::Taken;
use crate::domain::WindowClass;
use crate::domain::agenda::{just_after, ready_partition};
use crate::domain::hours::Opening;
use crate::ports::{Agenda, AgendaEntry, PortError};

/// Up to this many open classes that have hours are read as often as the class without hours. A
/// real-time message that has hours, such as an advertisement, then waits no longer for its slot. A
/// lane whose recipients are in many time zones has more open classes, and reads each less often.
const CLASSES_AT_FULL_RATE: usize = 8;
/// However many open classes a lane has, and however long no message has been seen in a class, each
/// class is read at least this often.
const READ_EVERY_MAX: Duration = Duration::from_secs(5);
/// A class in which no message has been seen for this long is read less and less often.
const QUIET_AFTER: Duration = Duration::from_secs(2);

/// How soon a class is read again once its page has been worked off: there may be more.
const NEXT_PAGE_AFTER: Duration = Duration::from_millis(100);

/// A slice may end without a successor if it read each open class this recently. The wake of a
/// message that was stored later still waits for the lease then: a wake waits for three seconds, and
/// it may have been sent up to a second before its message was stored.
const JUST_NOW: Duration = Duration::from_secs(1);

/// How often the classes of a lane are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intervals {
    exempt: Duration,
    /// Classes with hours in which a message was seen lately.
    active: Duration,
    /// Other classes with hours, before the first doubling.
    quiet: Duration,
}

impl Intervals {
    /// `every` is how often a class is read while the open classes are few.
    pub(super) fn of(classes: &[ClassHeads], now: Timestamp, at: Instant, every: Duration) -> Self {
        let with_hours = || classes.iter().filter(|class| !class.is_exempt() && class.is_open(now));
        let for_so_many = |count: usize| {
            let factor = u32::try_from(count.div_ceil(CLASSES_AT_FULL_RATE)).unwrap_or(u32::MAX);
            every.saturating_mul(factor).min(READ_EVERY_MAX).max(every)
        };
        Self {
            exempt: every,
            active: for_so_many(with_hours().filter(|class| class.is_active(at)).count()),
            quiet: for_so_many(with_hours().count()),
        }
    }
}

/// The first entries of a class that were not taken yet.
pub(super) struct Page {
    entries: VecDeque<AgendaEntry>,
    /// The class has more entries behind these.
    has_more: bool,
}

/// One window class of the lane.
pub(super) struct ClassHeads {
    class: WindowClass,
    pub(super) partition: String,
    /// Whether the class was open at a time, and until when that holds. A lane may have hundreds of
    /// classes, and each round asks for every one of them.
    known_opening: Option<(Timestamp, Opening)>,
    /// The first messages of an open class, as they were read.
    entries: VecDeque<AgendaEntry>,
    /// The class is read again once it has so few entries. Zero when there are no more behind them.
    refill_at: usize,
    read_at: Option<Instant>,
    next_read_at: Instant,
    /// Whether messages waited in the class when it was last looked at.
    had_messages: bool,
    /// Whether a closed class had more messages than a review looks at first.
    is_long: bool,
    message_seen_at: Instant,
    /// Reads in a row that found no message, since the class became quiet.
    quiet_reads: u32,
}

impl ClassHeads {
    pub(super) fn new(channel: &str, class: WindowClass) -> Self {
        let now = Instant::now();
        Self {
            partition: ready_partition(channel, &class),
            class,
            known_opening: None,
            entries: VecDeque::new(),
            refill_at: 0,
            read_at: None,
            next_read_at: now,
            had_messages: false,
            is_long: false,
            message_seen_at: now,
            quiet_reads: 0,
        }
    }

    pub(super) fn class(&self) -> &WindowClass {
        &self.class
    }

    pub(super) fn is_exempt(&self) -> bool {
        self.class.is_exempt()
    }

    pub(super) fn opening(&self, now: Timestamp) -> Opening {
        match self.known_opening {
            Some((since, opening)) if since <= now && holds_at(opening, now) => opening,
            Some(_) | None => self.class.opening(now),
        }
    }

    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.opening(now), Opening::Open { .. })
    }

    /// Takes note of whether the class is open now. A class that has closed has no heads, and one
    /// that has just opened is read at once.
    pub(super) fn follow_clock(&mut self, now: Timestamp) {
        let was_closed = matches!(self.known_opening, Some((_, Opening::Closed { .. })));
        self.known_opening = Some((now, self.opening(now)));
        if !self.is_open(now) {
            self.entries.clear();
        } else if was_closed {
            self.message_queued();
        }
    }

    pub(super) fn head(&self) -> Option<&AgendaEntry> {
        self.entries.front()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &AgendaEntry> {
        self.entries.iter()
    }

    /// Takes the first entry. The class is read again before its entries run out.
    pub(super) fn take_head(&mut self) -> Option<AgendaEntry> {
        let head = self.entries.pop_front()?;
        let now = Instant::now();
        if self.refill_at > 0 && self.entries.len() <= self.refill_at {
            self.next_read_at = self.next_read_at.min(now);
        } else if self.entries.is_empty() {
            self.next_read_at = self.next_read_at.min(now + NEXT_PAGE_AFTER);
        }
        Some(head)
    }

    pub(super) fn had_messages(&self) -> bool {
        self.had_messages
    }

    pub(super) fn is_long(&self) -> bool {
        self.is_long
    }

    /// A review has looked at the first messages of the class.
    pub(super) fn was_reviewed(&mut self, had_messages: bool, is_long: bool) {
        self.had_messages = had_messages;
        self.is_long = is_long;
    }

    pub(super) fn next_read_at(&self) -> Instant {
        self.next_read_at
    }

    pub(super) fn read_soon(&mut self) {
        self.next_read_at = self.next_read_at.min(Instant::now());
    }

    /// A message of the class was queued.
    pub(super) fn message_queued(&mut self) {
        self.message_seen();
        self.read_soon();
    }

    pub(super) fn was_read_just_now(&self) -> bool {
        self.read_at.is_some_and(|read_at| read_at.elapsed() <= JUST_NOW)
    }

    /// Reads the first entries. The result goes to [`Self::was_read`].
    pub(super) async fn read(
        &self,
        agenda: &dyn Agenda,
        limit: usize,
        taken: &Taken,
    ) -> Result<Page, PortError> {
        let mut entries: VecDeque<AgendaEntry> = VecDeque::new();
        let mut from: Option<String> = None;
        loop {
            let found = agenda.entries(&self.partition, from.as_deref(), None, limit).await?;
            let has_more = found.len() >= limit;
            from = found.last().map(|last| just_after(&last.sort));
            let is_new = |entry: &AgendaEntry| !taken.contains(&self.partition, &entry.sort);
            entries.extend(found.into_iter().filter(is_new));
            // Entries that were taken, and that the index still shows, hide those behind them.
            if !has_more || entries.len() > limit / 2 {
                return Ok(Page { entries, has_more });
            }
        }
    }

    /// Takes in what was read at a time with a limit, and decides when to read next.
    pub(super) fn was_read(&mut self, at: Instant, page: Page, limit: usize, every: Intervals) {
        self.had_messages = !page.entries.is_empty();
        if self.had_messages {
            self.message_seen();
        } else if !self.is_active(at) {
            self.quiet_reads = self.quiet_reads.saturating_add(1);
        }
        self.entries = page.entries;
        self.refill_at = if page.has_more { limit / 4 } else { 0 };
        self.read_at = Some(at);
        self.next_read_at = at + self.interval(at, every);
    }

    /// Takes in the first entries as they were at a time, up to and including `last_sort`. Without
    /// one, they were all entries of the class. `every` is how often the class is read besides.
    pub(super) fn first_entries_were_read(
        &mut self,
        at: Instant,
        first: VecDeque<AgendaEntry>,
        last_sort: Option<&str>,
        every: Duration,
    ) {
        if self.read_at.is_some_and(|read_at| read_at >= at) {
            return;
        }
        let before = std::mem::replace(&mut self.entries, first);
        if let Some(last_sort) = last_sort {
            // Behind what was read, the entries of the read before still count.
            self.entries.extend(before.into_iter().filter(|entry| *entry.sort > *last_sort));
            self.refill_at = self.refill_at.max(1);
            return;
        }
        // All was seen, so the next read can wait. A read that is due by now stays due: a message
        // may have been queued again since.
        self.refill_at = 0;
        self.read_at = Some(at);
        if self.next_read_at > Instant::now() {
            self.next_read_at = self.next_read_at.max(at + every);
        }
    }

    fn message_seen(&mut self) {
        self.message_seen_at = Instant::now();
        self.quiet_reads = 0;
    }

    /// Whether a message was seen lately.
    fn is_active(&self, at: Instant) -> bool {
        at.saturating_duration_since(self.message_seen_at) < QUIET_AFTER
    }

    fn interval(&self, at: Instant, every: Intervals) -> Duration {
        if self.is_exempt() {
            return every.exempt;
        }
        if self.is_active(at) {
            return every.active;
        }
        let doubled = every.quiet.saturating_mul(1 << self.quiet_reads.min(16));
        doubled.min(READ_EVERY_MAX.max(every.exempt))
    }
}

/// Whether an opening that held at an earlier time still holds.
fn holds_at(opening: Opening, now: Timestamp) -> bool {
    match opening {
        Opening::Open { until: None } => true,
        Opening::Open { until: Some(until) } | Opening::Closed { until } => now < until,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(100);

    /// Classes of different windows, all open at this time.
    fn classes(count: usize) -> (Vec<ClassHeads>, Timestamp) {
        let class = |minute: usize| {
            format!("0000-23{minute:02}@Asia/Seoul").parse().expect("a text that parses")
        };
        let now = "2026-03-02T12:00+09:00".parse().expect("a text that parses");
        ((0..count).map(|n| ClassHeads::new("c", class(n))).collect(), now)
    }

    fn page(sorts: &[&str]) -> Page {
        let id = "29698ed96c0fc24da63deffce69aa3"
            .parse::<crate::domain::NotificationId>()
            .expect("an id");
        let entry = |sort: &&str| AgendaEntry { sort: (*sort).to_owned(), id: id.clone() };
        Page { entries: sorts.iter().map(entry).collect(), has_more: false }
    }

    /// Reads an empty class for a while, whenever it is due. Returns the pauses between the reads.
    async fn pauses_ms(classes: &mut [ClassHeads], now: Timestamp, reads: usize) -> Vec<u128> {
        let mut pauses = Vec::new();
        for _ in 0..reads {
            let at = Instant::now();
            let every = Intervals::of(classes, now, at, EVERY);
            classes[0].was_read(at, page(&[]), 12, every);
            pauses.push(classes[0].next_read_at().duration_since(at).as_millis());
            tokio::time::sleep_until(classes[0].next_read_at()).await;
        }
        pauses
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_class_is_read_less_and_less_often_until_a_message_is_queued() {
        let (mut classes, now) = classes(1);
        let mut pauses = pauses_ms(&mut classes, now, 28).await;
        let later = pauses.split_off(20);
        assert!(pauses.iter().all(|pause| *pause == 100), "{pauses:?}");
        assert_eq!(later, [200, 400, 800, 1600, 3200, 5000, 5000, 5000]);

        classes[0].message_queued();
        assert!(classes[0].next_read_at() <= Instant::now());
        assert_eq!(pauses_ms(&mut classes, now, 3).await, [100, 100, 100]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_classes_share_eighty_reads_a_second() {
        let (mut classes, now) = classes(40);
        assert_eq!(pauses_ms(&mut classes, now, 2).await, [500, 500]);
        // Only one of them still has messages.
        tokio::time::sleep(QUIET_AFTER).await;
        classes[0].message_queued();
        assert_eq!(pauses_ms(&mut classes, now, 2).await, [100, 100]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_entries_replace_those_that_were_known_up_to_the_last_of_them() {
        let (mut classes, now) = classes(1);
        let class = &mut classes[0];
        let sorts = |class: &ClassHeads| {
            class.entries().map(|entry| entry.sort.clone()).collect::<Vec<_>>()
        };
        let at = Instant::now();
        let every = Intervals { exempt: EVERY, active: EVERY, quiet: EVERY };
        class.was_read(at, page(&["b", "d", "f"]), 3, every);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let later = Instant::now();
        class.first_entries_were_read(later, page(&["a", "d"]).entries, Some("d"), EVERY);
        assert_eq!(sorts(class), ["a", "d", "f"]);
        assert_eq!(class.next_read_at(), at + EVERY);
        // A read that began before is ignored.
        class.was_read(later, page(&["e"]), 3, every);
        class.first_entries_were_read(at, page(&["a"]).entries, None, EVERY);
        assert_eq!(sorts(class), ["e"]);
        // All entries of the class: it need not be read again so soon.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let last = Instant::now();
        class.first_entries_were_read(last, page(&["x"]).entries, None, EVERY);
        assert_eq!(sorts(class), ["x"]);
        assert_eq!(class.next_read_at(), last + EVERY);
        assert!(class.is_open(now));
    }
}
