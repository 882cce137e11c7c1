//! AWS and HTTP behind the ports, and what a function reads from its environment.

mod audience_files;
mod config;
mod http_client;
mod run_queue;
mod scheduler;
mod secrets;
mod wake_queue;

pub use audience_files::S3Files;
pub use config::{Aws, ConfigError, Environment, TRIES, https_client, retries};
pub use http_client::ReqwestHttp;
pub use run_queue::SqsRunQueue;
pub use scheduler::{EventBridgeScheduler, SchedulerTarget};
pub use secrets::SecretsManager;
pub use wake_queue::{Wake, WakeQueue};
