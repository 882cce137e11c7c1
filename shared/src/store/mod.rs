//! DynamoDB behind the ports.

mod catalog;
mod classes;
mod documents;
mod lanes;
mod members;
mod notifications;
mod requests;
mod runs;
mod tokens;

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;

use crate::ports::{Clock, PortError};

/// How long a notification is kept once nothing more can happen to it, and a bulk request from its
/// arrival on: so long holds the promise that an idempotency key makes nothing twice.
const RETENTION_S: i64 = 30 * 24 * 60 * 60;

/// How long a function's start may wait for a connection: it can start without.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// An item as the SDK has it.
type Item = std::collections::HashMap<String, AttributeValue>;

/// The tables' names.
#[derive(Clone, Debug)]
pub struct Tables {
    /// One item a notification.
    pub notifications: String,
    /// Channels and templates.
    pub catalog: String,
    /// Lanes' leases and window classes, shared tokens, requests.
    pub state: String,
    /// Members of audiences that were uploaded.
    pub members: String,
    /// Runs of schedules.
    pub runs: String,
}

/// The store on DynamoDB.
#[derive(Clone)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
    clock: Arc<dyn Clock>,
    /// Window classes, by channel, that are known to be stored.
    known_classes: Arc<Mutex<HashSet<(String, String)>>>,
}

impl DynamoStore {
    /// A store on these tables. The clock tells which items have outlived their retention but
    /// have not been deleted yet.
    #[must_use]
    pub fn new(client: Client, tables: Tables, clock: Arc<dyn Clock>) -> Self {
        Self { client, tables, clock, known_classes: Arc::default() }
    }

    /// Opens a connection, while the function starts and has a whole processor: its first request
    /// is to find one. It asks for an item that there is not; what comes back does not matter.
    pub async fn connect(&self) {
        let asked = self.catalog_item("connection", "opened");
        let _answered = tokio::time::timeout(CONNECT_TIMEOUT, asked).await;
    }

    fn known_classes(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.known_classes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_s(&self) -> i64 {
        self.clock.now_ms() / 1000
    }

    /// Whether an item has outlived its retention: DynamoDB deletes it some day.
    fn is_forgotten(&self, item: &Item) -> bool {
        item.get("ttl")
            .and_then(|ttl| ttl.as_n().ok())
            .and_then(|ttl| ttl.parse::<i64>().ok())
            .is_some_and(|ttl_s| ttl_s < self.now_s())
    }
}

/// For any failed call that is not a failed condition.
fn unavailable<E, R>(what: &'static str, error: &SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + Debug,
    R: Debug,
{
    // The code and message only: an error's debug output can hold the item.
    let detail = match (error.code(), error) {
        (Some(code), _) => format!("{code}: {}", error.message().unwrap_or_default()),
        (None, SdkError::DispatchFailure(failure)) => format!("not reached: {failure:?}"),
        (None, SdkError::TimeoutError(_)) => "timed out".to_owned(),
        (None, _) => "no usable answer".to_owned(),
    };
    PortError::Unavailable { what, detail }
}

/// For what does not decode. `why` names the fault, and never quotes what was found.
fn corrupt(what: &'static str, why: &'static str) -> PortError {
    PortError::Corrupt { what, detail: why.to_owned() }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}
