//! AWS services behind the ports, and the functions' environment.

mod audience_files;
mod clients;
mod environment;
mod receipt_queue;
mod run_queue;
mod scheduler;
mod secrets;
mod wake_memory;
mod wake_queue;

pub use audience_files::{FileRequest, S3Files};
pub use clients::{Aws, TRIES, https_client, retries};
pub use environment::{ConfigError, Environment};
pub use receipt_queue::SqsReceiptQueue;
pub use run_queue::SqsRunQueue;
pub use scheduler::{EventBridgeScheduler, SchedulerTarget};
pub use secrets::SecretsManager;
pub use wake_queue::{Wake, WakeQueue};
