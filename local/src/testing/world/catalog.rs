//! Databases with a stored catalog.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alimi::store::DynamoStore;
use alimi_catalog::CatalogFile;
use dynoxide::Database;

use super::clock::WorldClock;
use crate::aws::embedded::{self, DatabaseFaults, Original};
use crate::channels::use_simulator;

/// The address of the simulated provider. Requests reach it without sockets.
const PROVIDER_URL: &str = "http://provider.in-process";

/// The databases that later worlds are copied from, by the text of their catalog.
static ORIGINALS: LazyLock<Mutex<HashMap<String, Original>>> = LazyLock::new(Mutex::default);

/// A new database with the template's tables and the catalog in a file's text. Each catalog is stored
/// only once in a process, since tests create thousands of worlds.
///
/// # Panics
/// When the catalog cannot be stored.
#[expect(clippy::expect_used, reason = "this fails the test that asked for the world")]
pub(super) async fn database_with(catalog: &str) -> Database {
    if let Some(original) = originals().get(catalog) {
        return original.copy().expect("a copy of the database");
    }
    let original = embedded::original().expect("an embedded database");
    store(catalog, original.database()).await;
    let copy = original.copy().expect("a copy of the database");
    originals().insert(catalog.to_owned(), original);
    copy
}

fn originals() -> MutexGuard<'static, HashMap<String, Original>> {
    ORIGINALS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::expect_used, reason = "this fails the test that asked for the world")]
async fn store(catalog: &str, database: &Database) {
    let client =
        embedded::client_in_process(database.clone(), Duration::ZERO, DatabaseFaults::default());
    let store = DynamoStore::new(client, embedded::tables(), Arc::new(WorldClock::new()));
    let mut catalog = CatalogFile::read(catalog).expect("the catalog file");
    use_simulator(&mut catalog, PROVIDER_URL);
    catalog.apply(&store).await.expect("the catalog is stored");
}
