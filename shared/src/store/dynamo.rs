//! The store: its tables and its client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;

use super::item::Item;
use super::retention::Retention;
use crate::ports::Clock;

/// How long a function's start may wait for a connection. A function can start without one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A table, as errors name it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    Notifications,
    Catalog,
    State,
    Members,
    Runs,
    Ledger,
}

impl Table {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Notifications => "the notifications table",
            Self::Catalog => "the catalog table",
            Self::State => "the state table",
            Self::Members => "the members table",
            Self::Runs => "the runs table",
            Self::Ledger => "the ledger table",
        }
    }
}

/// The tables' names.
#[derive(Clone, Debug)]
pub struct Tables {
    /// One item for each notification, and one for each sequence.
    pub notifications: String,
    /// Documents (channels, templates, producers, schedules, audiences' heads, hours) and their
    /// history.
    pub catalog: String,
    /// Lanes' leases and window classes, shared tokens, the pace of puts.
    pub state: String,
    /// Members and parts of uploaded audiences.
    pub members: String,
    /// Runs of schedules.
    pub runs: String,
    /// What happened, by day and in order.
    pub ledger: String,
}

#[derive(Clone)]
pub struct DynamoStore {
    pub(super) client: Client,
    pub(super) tables: Tables,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
    /// Pairs of channel and window class that this store has added, with the time at which it did (in
    /// Unix milliseconds).
    known_classes: Arc<Mutex<HashMap<(String, String), i64>>>,
    /// When unreadable entries of a partition of the agenda were last reported, in Unix milliseconds.
    reported_partitions: Arc<Mutex<HashMap<String, i64>>>,
}

impl DynamoStore {
    /// The clock tells which items are past their retention although DynamoDB has not deleted them
    /// yet.
    #[must_use]
    pub fn new(client: Client, tables: Tables, clock: Arc<dyn Clock>) -> Self {
        let retention = Retention::default();
        Self {
            client,
            tables,
            clock,
            retention,
            known_classes: Arc::default(),
            reported_partitions: Arc::default(),
        }
    }

    /// The same store, with another retention for what it writes from now on.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Opens a connection by reading an item that does not exist; the result does not matter. Call
    /// this while the function starts, since Lambda gives it a whole processor only then.
    pub async fn connect(&self) {
        let read = self.catalog_item("connection", "opened");
        let _result = tokio::time::timeout(CONNECT_TIMEOUT, read).await;
    }

    pub(super) fn known_classes(&self) -> MutexGuard<'_, HashMap<(String, String), i64>> {
        self.known_classes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reported_partitions(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.reported_partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_s(&self) -> i64 {
        self.clock.now_ms() / 1000
    }

    /// Whether an item is past its retention. DynamoDB deletes it within days.
    pub(super) fn is_past_retention(&self, item: &Item) -> bool {
        item.get("ttl")
            .and_then(|ttl| ttl.as_n().ok())
            .and_then(|ttl| ttl.parse::<i64>().ok())
            .is_some_and(|ttl_s| ttl_s < self.now_s())
    }
}
