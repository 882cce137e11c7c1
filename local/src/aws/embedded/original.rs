//! A database that is made once in a process and then copied.

use std::sync::atomic::{AtomicUsize, Ordering};

use dynoxide::Database;

use super::error::EmbeddedError;

/// A database from which other databases start. Tests need thousands of equal databases, and a copy
/// takes much less time than creating tables and storing items.
#[derive(Clone)]
pub struct Original {
    /// `SQLite` keeps a named database in memory as long as somebody has it open.
    database: Database,
    name: String,
}

impl Original {
    /// An empty database.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub(super) fn new() -> Result<Self, EmbeddedError> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // `SQLite` shares a named database in memory only between connections of one process.
        let name = format!("file:original-{number}?mode=memory&cache=shared");
        Ok(Self { database: Database::new(&name)?, name })
    }

    /// The database itself.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// The name under which another connection of this process reaches the database.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A new database in memory with the same tables and items.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn copy(&self) -> Result<Database, EmbeddedError> {
        let copy = Database::memory()?;
        copy.restore_from(&self.name)?;
        Ok(copy)
    }
}
