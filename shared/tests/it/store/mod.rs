//! The store, through the real client against the embedded DynamoDB.

mod catalog;
mod documents;
mod fixture;
mod lanes;
mod ledger;
mod members;
mod notification_indexes;
mod notifications;
mod raw;
mod requests;
mod retention;
mod row_versions;
mod runs;
mod sequences;
mod tokens;
