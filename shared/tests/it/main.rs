//! The tests that need a database: `alimi`'s adapters against the embedded DynamoDB.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail the test that called them")]

mod store;
mod webhook;
