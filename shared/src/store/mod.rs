//! DynamoDB behind the ports.

mod agenda;
mod audit;
mod batch_delete;
mod catalog;
mod catalog_file;
mod channel_rows;
mod dead_letters;
mod document_changes;
mod document_item;
mod documents;
mod dynamo;
mod error;
mod groups;
mod item;
mod lanes;
mod ledger;
mod members;
mod notification_item;
mod notification_pages;
mod notification_v0;
mod notifications;
mod put_pace;
mod repair_places;
mod requests;
mod retention;
mod row_versions;
mod runs;
mod sequences;
mod state_row;
mod tokens;
mod uploads;
mod window_classes;

pub use dynamo::{DynamoStore, Tables};
pub use notification_item::from_item as notification_from_item;
pub use retention::Retention;
pub use sequences::from_item as sequence_from_item;
