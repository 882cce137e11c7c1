//! The read just before a claim: a real-time message overtakes everything that waits.
//!
//! The heads of the queue are read ten times a second. Behind a backlog, a real-time message would
//! wait for the next of these reads, and then for the slots that are claimed already. So the first
//! messages of the exempt class are read again just before each claim: once for each slot, and at
//! most six times as often as the heads.
//!
//! Each of these reads costs half a read unit of DynamoDB. At 50 messages a second that makes 25
//! units a second: in an hour 90,000 units for about one cent, while the hour's 180,000 messages
//! cost about a dollar. A faster lane pays for 60 reads a second at most, which is 30 units a second
//! at 300/s as well. A lane that has nothing to claim, or that waits for its next slot, makes none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::domain::WindowClass;
use crate::domain::agenda::ready_partition;
use crate::ports::{Agenda, AgendaEntry, PortError};

/// What the average read is taken to last before any has been made.
const FIRST_ESTIMATE: Duration = Duration::from_millis(5);
/// Added to the time that a read is expected to take, for the timer that starts it.
const TIMER: Duration = Duration::from_millis(1);

/// The first entries of the exempt class.
pub(super) struct FirstEntries {
    /// When the read began.
    pub(super) read_at: Instant,
    pub(super) entries: Vec<AgendaEntry>,
    /// The class had no other entries.
    pub(super) is_whole: bool,
}

/// The reads of one slice, one at a time. A read goes on while the slice waits for other things, and
/// a read that takes long delays no claim.
pub(super) struct RealTimeRead {
    partition: String,
    /// In a mutex because a slice has to be `Sync`. Nothing else locks it.
    under_way: Mutex<Option<UnderWay>>,
    ended: Option<FirstEntries>,
    began_at: Option<Instant>,
    average_duration: Duration,
}

struct UnderWay {
    began_at: Instant,
    limit: usize,
    entries: BoxFuture<'static, Result<Vec<AgendaEntry>, PortError>>,
}

impl RealTimeRead {
    pub(super) fn new(channel: &str) -> Self {
        Self {
            partition: ready_partition(channel, &WindowClass::EXEMPT),
            under_way: Mutex::new(None),
            ended: None,
            began_at: None,
            average_duration: FIRST_ESTIMATE,
        }
    }

    /// When to read for a claim at this time: early enough for the read to end before, and at least
    /// `pause` after the last read began. `None` while a read is under way.
    pub(super) fn next_at(&mut self, claim_at: Instant, pause: Duration) -> Option<Instant> {
        if self.under_way().is_some() {
            return None;
        }
        // Half a read more than the average: most reads end in time.
        let lead = self.average_duration * 3 / 2 + TIMER;
        let for_claim = claim_at.checked_sub(lead).unwrap_or(claim_at);
        Some(self.began_at.map_or(for_claim, |began_at| for_claim.max(began_at + pause)))
    }

    /// Begins to read. The read goes on in [`Self::ended_or`].
    pub(super) fn begin(&mut self, agenda: &Arc<dyn Agenda>, limit: usize) {
        let began_at = Instant::now();
        let (agenda, partition) = (Arc::clone(agenda), self.partition.clone());
        let entries = async move { agenda.entries(&partition, None, None, limit).await }.boxed();
        self.began_at = Some(began_at);
        *self.under_way() = Some(UnderWay { began_at, limit, entries });
    }

    /// Waits until the read that is under way has ended, until `timer` ends at the latest.
    pub(super) async fn ended_or(&mut self, timer: impl Future<Output = ()>) {
        let reading = self.under_way();
        let Some(read) = reading else { return timer.await };
        let found = tokio::select! {
            biased;
            found = &mut read.entries => found,
            () = timer => return,
        };
        let (read_at, limit) = (read.began_at, read.limit);
        *reading = None;
        self.average_duration = (self.average_duration * 7 + read_at.elapsed()) / 8;
        // After a failure, the other reads of the heads show whether the database answers.
        if let Ok(entries) = found {
            let is_whole = entries.len() < limit;
            self.ended = Some(FirstEntries { read_at, entries, is_whole });
        }
    }

    /// Takes what the last read found.
    pub(super) fn take(&mut self) -> Option<FirstEntries> {
        self.ended.take()
    }

    fn under_way(&mut self) -> &mut Option<UnderWay> {
        self.under_way.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}
