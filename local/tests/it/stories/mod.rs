//! Stories of users, against the whole stack.

mod pace;
mod producer;
mod provider_failures;
mod receipts;
mod sequences;
mod timing;
