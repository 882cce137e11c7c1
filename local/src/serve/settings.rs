//! How a local stack is started.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use alimi_catalog::CatalogFile;

use crate::simulator::SimulatorSettings;

/// Ports on loopback. Port 0 means any free port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// The HTTP API: the routes of producers and operators, and the webhook. Nobody is
    /// authenticated.
    pub api: u16,
    /// The HTTP API for API keys: the routes of producers.
    pub keys: u16,
    /// The simulated provider.
    pub provider: u16,
    /// The embedded DynamoDB.
    pub database: u16,
    /// Opens the stack to containers too.
    pub containers: Option<ContainerAccess>,
}

/// How containers reach this machine.
#[derive(Clone, Copy, Debug)]
pub struct ContainerAccess {
    /// The machine's address in the containers' network.
    pub address: IpAddr,
    /// The port of all AWS APIs.
    pub aws_port: u16,
}

/// A catalog, and when it is stored.
#[derive(Clone, Debug)]
pub enum StartCatalog {
    /// At every start: its entries replace the stored ones.
    Always(CatalogFile),
    /// Only when no catalog is stored: what operators have changed since stays.
    IfNone(CatalogFile),
}

#[derive(Clone, Debug)]
pub struct LocalStackSettings {
    /// Every channel of the catalog sends to the simulated provider.
    pub catalog: StartCatalog,
    pub simulator: SimulatorSettings,
    pub ports: Ports,
    /// The time from one round of the sweeper to the next.
    pub sweep_every: Duration,
    /// Where everything is kept; `None`: in memory, until the stack ends.
    pub data_dir: Option<PathBuf>,
}
