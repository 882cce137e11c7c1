//! The store, through the real client against the embedded DynamoDB.

mod documents;
mod fixture;
mod lanes;
mod members;
mod notifications;
mod requests;
mod runs;
mod tokens;
