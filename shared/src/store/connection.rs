//! Opening a connection before the first request needs it.

use std::time::Duration;

use super::dynamo::DynamoStore;

/// How long a function's start may wait for a connection. A function can start without one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

impl DynamoStore {
    /// Opens a connection by reading an item that does not exist; the result does not matter. Call
    /// this while the function starts, since Lambda gives it a whole processor only then.
    pub async fn connect(&self) {
        let read = self.catalog_item("connection", "opened");
        let _result = tokio::time::timeout(CONNECT_TIMEOUT, read).await;
    }
}
