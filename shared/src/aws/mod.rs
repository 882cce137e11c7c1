//! AWS services behind the ports, and the functions' environment.

mod audience_files;
mod clients;
mod dead_letter_queues;
mod environment;
mod http_client;
mod json_api;
mod receipt_queue;
mod redrive_queues;
mod region;
mod run_queue;
mod scheduler;
mod secrets;
mod wake_memory;
mod wake_queue;

pub use audience_files::{FileRequest, S3Files};
pub use clients::{Aws, TRIES, retries};
pub use dead_letter_queues::{DeadLetterUrls, SqsDeadLetters};
pub use environment::{ConfigError, Environment};
pub use http_client::https_client;
pub use json_api::JsonCall;
pub use receipt_queue::SqsReceiptQueue;
pub use redrive_queues::{RedriveUrls, SqsRedrive};
pub use run_queue::SqsRunQueue;
pub use scheduler::{EventBridgeScheduler, SchedulerTarget};
pub use secrets::SecretsManager;
pub use wake_queue::{Wake, WakeQueue};
