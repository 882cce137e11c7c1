//! The messages that wait for a time. Once their time has come, the slice queues them.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::agenda::{due_partition, just_after, time_ms_in};
use crate::ports::{AgendaEntry, PortError};
use crate::use_cases::sender::dependencies::Sender;
use crate::use_cases::sender::in_flight::InFlight;

/// How often the waiting messages are read when none is known to come due earlier.
const READ_EVERY: Duration = Duration::from_millis(500);
const PAGE: usize = 100;

/// The waiting messages of one lane.
pub(super) struct DueMessages {
    partition: String,
    next_read_at: Instant,
    /// The next read starts after this sort key.
    read_after: Option<String>,
    /// When the next waiting message comes due, if one is known.
    next_due_ms: Option<i64>,
}

/// The first waiting messages, as they were read.
pub(super) struct DuePage {
    pub(super) read_at_ms: i64,
    read_at: Instant,
    entries: Vec<AgendaEntry>,
    due_count: usize,
}

impl DuePage {
    /// The messages that are due.
    pub(super) fn due(&self) -> &[AgendaEntry] {
        &self.entries[..self.due_count]
    }
}

impl DueMessages {
    pub(super) fn new(channel: &str, now: Instant) -> Self {
        Self {
            partition: due_partition(channel),
            next_read_at: now,
            read_after: None,
            next_due_ms: None,
        }
    }

    /// When the waiting messages have to be read again.
    pub(super) fn next_read_at(&self) -> Instant {
        self.next_read_at
    }

    /// Takes note of a message that comes due at this time.
    pub(super) fn expect(&mut self, due_ms: i64) {
        self.next_due_ms = Some(self.next_due_ms.map_or(due_ms, |next| next.min(due_ms)));
    }

    /// Whether a message is known to come due by this time.
    pub(super) fn is_due_by(&self, at_ms: i64) -> bool {
        self.next_due_ms.is_some_and(|due_ms| due_ms <= at_ms)
    }

    /// Reads the first waiting messages when it is time.
    pub(super) async fn read(
        &mut self,
        sender: &Sender,
        in_flight: &mut InFlight,
    ) -> Result<Option<DuePage>, PortError> {
        let read_at = Instant::now();
        let read_at_ms = sender.clock.now_ms();
        if read_at < self.next_read_at && !self.is_due_by(read_at_ms) {
            return Ok(None);
        }
        self.next_read_at = read_at + READ_EVERY;
        let after = self.read_after.take();
        let reading = sender.agenda.entries(&self.partition, after.as_deref(), None, PAGE);
        let entries = in_flight.drive_until(reading).await?;
        let is_due =
            |entry: &AgendaEntry| time_ms_in(&entry.sort).is_some_and(|at_ms| at_ms <= read_at_ms);
        let due_count = entries.partition_point(is_due);
        Ok(Some(DuePage { read_at_ms, read_at, entries, due_count }))
    }

    /// Decides when to read next, once the due messages of a page are queued.
    pub(super) fn queued(&mut self, page: &DuePage) {
        if page.due_count == PAGE {
            // More messages may be due, a real-time message among them. The index may still show
            // the ones that were just queued, so the next read starts after them.
            self.next_read_at = page.read_at;
            self.read_after = page.entries.last().map(|last| just_after(&last.sort));
        }
        let next = page.entries.get(page.due_count);
        self.next_due_ms = next.and_then(|entry| time_ms_in(&entry.sort));
    }
}
