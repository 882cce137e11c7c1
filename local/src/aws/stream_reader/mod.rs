//! Lambda's event source mapping of a DynamoDB stream: it invokes a function with batches of changes,
//! in their order and at least once.

mod batch;
mod event;
mod filter;
mod settings;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use self::batch::{Answer, Batch};
use self::event::{event, record, sequence_number};
use crate::aws::embedded::{Change, Changes, EmbeddedError, StandInRows};
use crate::aws::queue::LocalQueue;
use crate::stopping::Stopping;

pub use self::settings::StreamReaderSettings;

/// How many changes are read at a time.
const PAGE: usize = 200;
/// The pause before the first retry. The next four pauses are twice as long each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The position is stored at least after this many changes that match no filter.
const STORE_EVERY: u64 = 500;
/// The part of the readers' positions.
const PART: &str = "stream-reader";

/// One function's reader of one table's changes.
pub struct StreamReader {
    settings: StreamReaderSettings,
    changes: Changes,
    rows: StandInRows,
    /// The pause between two looks at a stream without new changes. Lambda's is a quarter of a second.
    poll_every: Duration,
    /// Whose dead-letter queue gets the records of changes that were given up.
    gives_up_to: Option<Arc<LocalQueue>>,
}

/// All changes up to this one are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    number: u64,
}

impl StreamReader {
    #[must_use]
    pub fn new(
        settings: StreamReaderSettings,
        changes: Changes,
        rows: StandInRows,
        poll_every: Duration,
    ) -> Self {
        Self { settings, changes, rows, poll_every, gives_up_to: None }
    }

    /// Puts a record of what was given up into the dead-letter queue of this queue.
    #[must_use]
    pub fn giving_up_to(self, queue: &Arc<LocalQueue>) -> Self {
        Self { gives_up_to: Some(queue.clone()), ..self }
    }

    /// Invokes the function until the end is requested. `invoke` returns the function's answer;
    /// `None` when it failed or crashed.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the reader's position cannot be read.
    pub async fn run<F, A>(self, invoke: F, stopping: Stopping) -> Result<(), EmbeddedError>
    where
        F: Fn(Value) -> A + Send + Sync,
        A: Future<Output = Option<Value>> + Send,
    {
        let mut done = self.first_position()?;
        let mut stored = done;
        while !stopping.is_requested() {
            let batch = match self.next_batch(done, &stopping).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(
                        function = %self.settings.function, %error,
                        "changes cannot be read; the reader tries again"
                    );
                    wait(FIRST_PAUSE, &stopping).await;
                    continue;
                }
            };
            let (is_empty, end) = (batch.changes.is_empty(), batch.end);
            if !is_empty && !self.deliver(batch, &invoke, &stopping).await {
                return Ok(());
            }
            if !is_empty || end - stored.number >= STORE_EVERY {
                stored = Position { number: end };
                self.store(stored);
            }
            if end == done.number {
                wait(self.poll_every, &stopping).await;
            }
            done.number = end;
        }
        Ok(())
    }

    fn first_position(&self) -> Result<Position, EmbeddedError> {
        if let Some(stored) = self.rows.row(PART, &self.name())? {
            return Ok(stored);
        }
        let is_from_oldest = self.settings.from_oldest;
        let number =
            if is_from_oldest { 0 } else { self.changes.last_number(&self.settings.table)? };
        let position = Position { number };
        self.store(position);
        Ok(position)
    }

    /// The name of the reader's position.
    fn name(&self) -> String {
        format!("{}#{}", self.settings.function, self.settings.table)
    }

    /// A position that is not stored costs only a repetition: a function gets changes at least once.
    fn store(&self, position: Position) {
        if let Err(error) = self.rows.put(PART, &self.name(), &position) {
            tracing::error!(
                function = %self.settings.function, %error,
                "a reader's position was not stored; after a restart its last changes come again"
            );
        }
    }

    /// The next changes that match a filter, and the end of those that were read for them. Waits for
    /// a full batch as long as the settings say.
    async fn next_batch(
        &self,
        done: Position,
        stopping: &Stopping,
    ) -> Result<Batch, EmbeddedError> {
        let StreamReaderSettings { table, batch_size, window, .. } = &self.settings;
        let mut batch = Batch { changes: vec![], end: done.number };
        let mut first_at = None;
        loop {
            let page = self.changes.read(table, batch.end, PAGE)?;
            self.report_missed(page.missed);
            let is_last = page.end == batch.end;
            batch.end = page.end;
            for change in page.changes {
                if batch.changes.len() == *batch_size {
                    batch.end = change.number - 1;
                    return Ok(batch);
                }
                if self.is_wanted(&change) {
                    batch.changes.push(change);
                }
            }
            if batch.changes.is_empty() {
                return Ok(batch);
            }
            let first_at = *first_at.get_or_insert_with(Instant::now);
            let left = window.saturating_sub(first_at.elapsed());
            if is_last && (left.is_zero() || stopping.is_requested()) {
                return Ok(batch);
            }
            if is_last {
                wait(left.min(self.poll_every), stopping).await;
            }
        }
    }

    fn is_wanted(&self, change: &Change) -> bool {
        let StreamReaderSettings { table, keys, filters, .. } = &self.settings;
        if filters.is_empty() {
            return true;
        }
        let record = record(table, keys, change);
        filters.iter().any(|filter| filter.matches(Some(&record)))
    }

    fn report_missed(&self, missed: u64) {
        if missed > 0 {
            tracing::error!(
                function = %self.settings.function,
                table = %self.settings.table,
                missed,
                "the function reads its stream too slowly: changes were dropped before it read them"
            );
        }
    }

    /// Invokes the function until the whole batch is done or given up. Returns `false` when the end
    /// is requested before.
    async fn deliver<F, A>(&self, mut batch: Batch, invoke: &F, stopping: &Stopping) -> bool
    where
        F: Fn(Value) -> A + Send + Sync,
        A: Future<Output = Option<Value>> + Send,
    {
        let StreamReaderSettings { table, keys, timeout: time_limit, .. } = &self.settings;
        let read_at = Instant::now();
        let (mut size, mut retries) = (batch.changes.len(), 0_u32);
        loop {
            if self.settings.age_max.is_some_and(|age_max| read_at.elapsed() > age_max) {
                self.give_up(&batch.changes, "too old", "RecordAgeExceeded");
                return true;
            }
            if batch.changes.is_empty() {
                return true;
            }
            if stopping.is_requested() {
                return false;
            }
            let part = &batch.changes[..size.min(batch.changes.len())];
            let invoked = timeout(*time_limit, invoke(event(table, keys, part))).await;
            let answer = Answer::of(invoked.ok().flatten(), self.settings.reports_failures);
            let (sent, done) = (part.len(), answer.done(part));
            if done > 0 {
                batch.changes.drain(..done);
                retries = 0;
                if let Some(next) = batch.changes.first() {
                    self.store(Position { number: next.number - 1 });
                }
            }
            let failed = sent - done;
            size = batch.changes.len();
            if failed == 0 {
                continue;
            }
            if self.settings.bisects && failed > 1 {
                // Splitting counts as no retry.
                size = failed.div_ceil(2);
            } else if self.settings.retries_max.is_some_and(|max| retries >= max) {
                let condition = "RetryAttemptsExhausted";
                self.give_up(&batch.changes[..failed], "tried too often", condition);
                batch.changes.drain(..failed);
                (size, retries) = (batch.changes.len(), 0);
                continue;
            } else {
                retries += 1;
            }
            wait(FIRST_PAUSE * (1 << retries.saturating_sub(1).min(4)), stopping).await;
        }
    }

    /// `condition` is Lambda's name of the reason.
    fn give_up(&self, changes: &[Change], reason: &str, condition: &str) {
        if let (Some(first), Some(last)) = (changes.first(), changes.last()) {
            tracing::error!(
                function = %self.settings.function,
                table = %self.settings.table,
                first = first.number,
                last = last.number,
                reason,
                "changes were given up: the function does not get them again"
            );
            if let Some(queue) = &self.gives_up_to {
                let record = self.record_of(first, last, changes.len(), condition);
                queue.send_dead(record.to_string(), BTreeMap::new());
            }
        }
    }

    /// Lambda's record of changes that it gave up. It says where they are in the stream.
    fn record_of(&self, first: &Change, last: &Change, count: usize, condition: &str) -> Value {
        let StreamReaderSettings { function, table, .. } = &self.settings;
        let (region, account) = ("ap-northeast-2", "123456789012");
        let stream = format!("table/{table}/stream/2026-03-01T00:00:00.000");
        json!({
            "version": "1.0",
            "requestContext": {
                "functionArn": format!("arn:aws:lambda:{region}:{account}:function:{function}"),
                "condition": condition,
            },
            "DDBStreamBatchInfo": {
                "startSequenceNumber": sequence_number(first.number),
                "endSequenceNumber": sequence_number(last.number),
                "batchSize": count,
                "streamArn": format!("arn:aws:dynamodb:{region}:{account}:{stream}"),
            },
        })
    }
}

/// Waits, unless the end is requested meanwhile.
async fn wait(duration: Duration, stopping: &Stopping) {
    tokio::select! {
        () = sleep(duration) => {}
        () = stopping.requested() => {}
    }
}
