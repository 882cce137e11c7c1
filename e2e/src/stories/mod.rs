//! The stories, and the requests that they share.

pub mod audiences;
pub mod keys;
pub mod operations;
pub mod receipts;
mod requests;
pub mod scheduling;
pub mod sending;
pub mod setup;
