//! Providers behind the ports, one folder each.

pub mod bizppurio;
mod http_client;
mod registry;
mod secret;

pub use http_client::ReqwestHttp;
pub use registry::{Registry, check_message, parse_receipt};
pub use secret::{ChannelSecret, channel_secret};
