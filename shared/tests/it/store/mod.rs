//! The store, through the real client against the embedded DynamoDB.

mod agenda;
mod catalog;
mod dead_letters;
mod documents;
pub mod fixture;
mod lane_rows;
mod lanes;
mod ledger;
mod members;
mod notification_indexes;
mod notification_pages;
mod notifications;
mod put_pace;
mod raw;
mod repair_places;
mod requests;
mod retention;
mod row_versions;
mod runs;
mod sequences;
mod tokens;
mod window_classes;
