//! The test bed of sample events in `sam local`: a database with the example's catalog, the other
//! AWS services, and the simulated provider, at an address that containers reach. Only the event's
//! function runs in it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use alimi::providers::ReqwestHttp;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::SenderSettings;
use alimi_catalog::CatalogFile;
use dynoxide::Database;

use crate::aws::embedded::{self, Served};
use crate::aws::endpoint::{self, Serving};
use crate::aws::queue::LocalQueue;
use crate::channels::use_simulator;
use crate::listen::{StartError, listen_for_containers, port_of};
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::stack::{Parts, Stack};
use crate::testing::recording_meter::RecordingMeter;
use crate::testing::sample_events;

/// The port of the AWS APIs, which `samconfig.toml` names too.
pub const AWS_PORT: u16 = 9600;

pub struct SampleBed {
    /// The functions in this process. They handle the events before the tested one.
    pub stack: Stack,
    pub database: Database,
    _served: Served,
    serving: [Serving; 2],
}

impl SampleBed {
    /// Starts a test bed at an address of this machine, with the AWS APIs on a port.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(address: IpAddr, aws_port: u16) -> Result<Self, StartError> {
        let provider = listen_for_containers(address, 0).await?;
        let aws = listen_for_containers(address, aws_port).await?;
        let clock = Arc::new(SystemClock);
        let database = embedded::database()?;
        let served = embedded::serve(database.clone(), 0)
            .await
            .map_err(|error| StartError::Port(0, error))?;
        let client = embedded::client_over_tcp(&served.endpoint);
        let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
        let example = include_str!("../../../examples/teacher-onboarding/catalog.yaml");
        let mut catalog = CatalogFile::read(example)?;
        use_simulator(&mut catalog, &format!("http://{address}:{}", port_of(&provider)));
        catalog.apply(&store).await?;
        // The provider sends no receipts meanwhile: the sample events contain them.
        let never = Duration::from_hours(24);
        let settings = SimulatorSettings { receipt_after: never, ..SimulatorSettings::default() };
        let simulator = Simulator::new(settings, clock.clone());
        let queue = Arc::new(LocalQueue::default());
        let stack = Stack::new(Parts {
            store: store.clone(),
            queue: queue.clone(),
            http: Arc::new(ReqwestHttp::new()),
            meter: Arc::new(RecordingMeter::default()),
            clock,
            randomness: Arc::new(SystemRandomness),
            sender_settings: SenderSettings::default(),
        });
        sample_events::save_schedule(&store, &stack).await;
        let services = endpoint::router(served.endpoint.clone(), stack.services());
        let serving = [
            endpoint::serve(provider, simulator::router(simulator)),
            endpoint::serve(aws, services),
        ];
        Ok(Self { stack, database, _served: served, serving })
    }

    /// Ends the test bed. Its ports are free afterwards.
    pub async fn end(self) {
        for serving in self.serving {
            serving.end().await;
        }
    }
}
