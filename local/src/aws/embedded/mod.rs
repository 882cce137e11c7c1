//! DynamoDB inside this process: dynoxide on `SQLite`, called through the real AWS client.

mod client;
mod error;
mod faults;
mod in_process;
mod original;
mod reading;
mod tables;
mod template;

pub use self::client::{Served, client_over_tcp, serve};
pub use self::error::EmbeddedError;
pub use self::faults::{DatabaseFault, DatabaseFaults};
pub use self::in_process::client_in_process;
pub use self::original::Original;
pub use self::reading::{Stored, agenda, is_agenda_empty, notifications, stored};
pub use self::tables::{database, database_without_streams, original_without_streams, tables};
pub use self::template::template;

pub(crate) use self::template::partition_keys;
