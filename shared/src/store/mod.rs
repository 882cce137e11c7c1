//! DynamoDB behind the ports.

mod agenda;
mod batch_delete;
mod catalog;
mod catalog_file;
mod document_changes;
mod document_item;
mod documents;
mod dynamo;
mod error;
mod item;
mod lanes;
mod members;
mod notifications;
mod requests;
mod runs;
mod tokens;
mod uploads;
mod window_classes;

pub use dynamo::{DynamoStore, Tables};
