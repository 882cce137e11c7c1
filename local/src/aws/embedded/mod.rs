//! DynamoDB inside this process: dynoxide on `SQLite`, called through the real AWS client.

mod capture;
mod changes;
mod client;
mod error;
mod faults;
mod in_process;
mod original;
mod reading;
mod stand_in_rows;
mod tables;
mod template;
mod transaction_tokens;

pub use self::capture::{KEPT, KEPT_UNREAD, part_of as part_of_changes};
pub use self::changes::{Change, ChangePage, Changes};
pub use self::client::{Served, client_over_tcp, serve};
pub use self::error::EmbeddedError;
pub use self::faults::{DatabaseFault, DatabaseFaults};
pub use self::in_process::client_in_process;
pub use self::original::Original;
pub use self::reading::{Stored, agenda, is_agenda_empty, notifications, stored};
pub use self::stand_in_rows::{StandInRows, TABLE as CHANGES_TABLE};
pub use self::tables::{database, database_file, database_without_changes, original, tables};
pub use self::template::template;

pub(crate) use self::template::{StreamReader, partition_keys, stream_readers, streamed_tables};
