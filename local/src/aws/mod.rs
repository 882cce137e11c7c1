//! Stand-ins for the AWS services that the functions call.

pub mod dead_letters;
pub mod embedded;
pub mod endpoint;
pub mod files;
pub mod permissions;
mod presigned;
pub mod queue;
pub mod receipt_queue;
pub mod run_queue;
pub mod scheduler;
pub mod secrets;
pub(crate) mod services;
pub mod stream_reader;
