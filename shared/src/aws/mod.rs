//! AWS and HTTP behind the ports, and what a function reads from its environment.

mod config;
mod http_client;
mod secrets;
mod wake_queue;

pub use config::{Aws, ConfigError, Environment};
pub use http_client::ReqwestHttp;
pub use secrets::SecretsManager;
pub use wake_queue::{Wake, WakeQueue};
