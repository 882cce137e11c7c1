//! AWS services behind the ports, and the functions' environment.

mod audience_files;
mod clients;
mod environment;
mod run_queue;
mod scheduler;
mod secrets;
mod wake_queue;

pub use audience_files::S3Files;
pub use clients::{Aws, TRIES, https_client, retries};
pub use environment::{ConfigError, Environment};
pub use run_queue::SqsRunQueue;
pub use scheduler::{EventBridgeScheduler, SchedulerTarget};
pub use secrets::SecretsManager;
pub use wake_queue::{Wake, WakeQueue};
