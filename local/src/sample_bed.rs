//! What the sample events meet when `sam local` runs them: a database with the example's catalog,
//! the other services, and the simulated provider, where containers reach them. Nothing moves in it
//! but what the event's function does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use alimi::aws::ReqwestHttp;
use alimi::delivery::DrainSettings;
use alimi::domain::channel::Provider;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemEntropy};
use dynoxide::Database;

use crate::aws_endpoint::{self, Serving};
use crate::catalog_file::CatalogFile;
use crate::embedded::{self, Served};
use crate::figures::Ledger;
use crate::queue::LocalQueue;
use crate::real::{StartError, listen_at, port_of};
use crate::sample_events;
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::stack::{Parts, Stack};

/// The port of AWS's APIs, which `samconfig.toml` names.
pub const AWS_PORT: u16 = 9600;

/// The bed.
pub struct SampleBed {
    /// The functions in this process, for what happened before.
    pub stack: Stack,
    /// What is stored.
    pub database: Database,
    _served: Served,
    serving: [Serving; 2],
}

impl SampleBed {
    /// Starts one at an address of this machine, with AWS's APIs on a port.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(address: IpAddr, aws_port: u16) -> Result<Self, StartError> {
        let provider = listen_at(address, 0).await?;
        let aws = listen_at(address, aws_port).await?;
        let clock = Arc::new(SystemClock);
        let database = embedded::database()?;
        let served = embedded::serve(database.clone(), 0)
            .await
            .map_err(|error| StartError::Port(0, error))?;
        let client = embedded::client_over_tcp(&served.endpoint);
        let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
        let example = include_str!("../../examples/teacher-onboarding/catalog.yaml");
        let mut catalog = CatalogFile::read(example)?;
        for channel in catalog.channels.values_mut() {
            let Provider::Bizppurio { base_url, .. } = &mut channel.provider;
            *base_url = format!("http://{address}:{}", port_of(&provider));
        }
        catalog.apply(&store).await?;
        // Receipts come as events only.
        let silent = Duration::from_hours(24);
        let settings = SimulatorSettings { receipt_after: silent, ..SimulatorSettings::default() };
        let simulator = Simulator::new(settings, clock.clone());
        let queue = Arc::new(LocalQueue::default());
        let stack = Stack::new(Parts {
            store: store.clone(),
            queue: queue.clone(),
            http: Arc::new(ReqwestHttp::new()),
            meter: Arc::new(Ledger::default()),
            clock,
            entropy: Arc::new(SystemEntropy),
            settings: DrainSettings::default(),
        });
        sample_events::save_schedule(&store, &stack).await;
        let services = aws_endpoint::router(served.endpoint.clone(), stack.services(&queue));
        let serving = [
            aws_endpoint::serve(provider, simulator::router(simulator)),
            aws_endpoint::serve(aws, services),
        ];
        Ok(Self { stack, database, _served: served, serving })
    }

    /// Ends it. Its ports are free then.
    pub async fn end(self) {
        for serving in self.serving {
            serving.end().await;
        }
    }
}
