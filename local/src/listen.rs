//! Listeners on loopback and on the address that containers reach.

use std::net::IpAddr;

use alimi::ports::PortError;
use alimi_catalog::CatalogError;
use tokio::net::TcpListener;

use crate::aws::embedded::EmbeddedError;
use crate::data_dir::DataDirError;
use crate::webhooks::WebhookError;

/// Why a stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("port {0} on 127.0.0.1 cannot be opened: {1}")]
    Port(u16, std::io::Error),
    /// A port on the address that containers reach.
    #[error(
        "port {port} on {address} cannot be opened: {error}. If the port is in use, look for \
         another `cargo xtask serve --containers` or `cargo xtask test`. If the address is wrong, \
         find this machine's address with `docker network inspect bridge`: it is the gateway, or \
         the first address of the subnet"
    )]
    ContainerPort { address: IpAddr, port: u16, error: std::io::Error },
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Webhooks(#[from] WebhookError),
    /// The stored catalog.
    #[error(transparent)]
    Store(#[from] PortError),
}

pub(crate) async fn listen_on_loopback(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| StartError::Port(port, error))
}

/// Listens on the address that containers reach.
pub(crate) async fn listen_for_containers(
    address: IpAddr,
    port: u16,
) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind((address, port)).await;
    listener.map_err(|error| StartError::ContainerPort { address, port, error })
}

/// The port of a listener; 0 when the listener is closed.
pub(crate) fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |address| address.port())
}
