//! The directory in which a local stack keeps its data.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use dynoxide::Database;

use crate::aws::embedded::{self, EmbeddedError};

/// The database's file.
const DATABASE: &str = "alimi.db";
/// Is locked as long as a stack uses the directory.
const LOCK: &str = "lock";

/// A directory that no other stack uses at the same time.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The lock ends with the process, however that ends.
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("the data directory {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "the data directory {} is in use by another stack: stop that stack, or name another \
         directory",
        .0.display()
    )]
    InUse(PathBuf),
}

impl DataDir {
    /// Opens a directory, which is created if it does not exist. Only this user may read a new
    /// directory: it will hold phone numbers.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let failed = |error| DataDirError::Io { path: path.to_owned(), error };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(failed)?;
        let lock = File::create(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database in the directory, which is created if it does not exist.
    ///
    /// # Errors
    /// [`EmbeddedError`].
    pub fn database(&self) -> Result<Database, EmbeddedError> {
        embedded::database_file(&self.path.join(DATABASE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_one_stack_at_a_time() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("new/data");
        let first = DataDir::open(&path).expect("a new directory");
        let refused = DataDir::open(&path).expect_err("it is in use").to_string();
        assert!(refused.contains("is in use by another stack"), "{refused}");
        drop(first);
        assert!(DataDir::open(&path).is_ok());
    }

    #[test]
    fn a_path_that_is_a_file_is_refused_with_its_name() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let refused = DataDir::open(file.path()).expect_err("a file").to_string();
        assert!(refused.contains(&file.path().display().to_string()), "{refused}");
    }
}
