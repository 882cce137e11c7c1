//! The stack on the machine's clock and on loopback: what `serve` and `demo` run.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use alimi::providers::ReqwestHttp;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::SenderSettings;
use alimi_catalog::CatalogFile;
use axum::Router;
use axum::extract::Request;
use dynoxide::Database;
use futures::FutureExt;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::aws::api_gateway::Gateway;
use crate::aws::embedded::{self, Served};
use crate::aws::endpoint::{self, Serving};
use crate::aws::queue::LocalQueue;
use crate::aws::secrets::WEBHOOK_SECRET;
use crate::channels::use_simulator;
use crate::event_sources;
use crate::listen::{StartError, listen_for_containers, listen_on_loopback, port_of};
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::stack::{Parts, Stack};
use crate::testing::crash_point::CrashPoint;
use crate::testing::recording_meter::RecordingMeter;

/// A changed schedule takes effect within this time.
const PLAN_EVERY: Duration = Duration::from_secs(1);

/// Ports on loopback. Port 0 means any free port.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// The HTTP API: the routes of producers and operators, and the webhook. Nobody is authenticated.
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

/// The running stack. It stops with the runtime.
pub struct LocalStack {
    pub api_url: String,
    /// The address that takes API keys.
    pub key_api_url: String,
    pub provider_url: String,
    pub simulator: Arc<Simulator>,
    pub database: Database,
    /// The database's server.
    pub served: Served,
    /// The wake queue.
    pub queue: Arc<LocalQueue>,
    /// The address of all AWS APIs, for containers.
    pub aws_url: Option<String>,
    _serving: Vec<Serving>,
}

impl LocalStack {
    /// Starts the database, the provider, the API, the senders, the triggers, the planner, and a
    /// sweeper that runs every `sweep_every`.
    ///
    /// Every channel of the catalog sends to the simulated provider.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        mut catalog: CatalogFile,
        simulator: SimulatorSettings,
        ports: Ports,
        sweep_every: Duration,
    ) -> Result<Self, StartError> {
        let provider_listener = listen_on_loopback(ports.provider).await?;
        let api_listener = listen_on_loopback(ports.api).await?;
        let key_listener = listen_on_loopback(ports.keys).await?;
        let url = |listener: &TcpListener, port| {
            listener
                .local_addr()
                .map(|address| format!("http://{address}"))
                .map_err(|error| StartError::Port(port, error))
        };
        let mut provider_url = url(&provider_listener, ports.provider)?;
        let api_url = url(&api_listener, ports.api)?;
        let key_api_url = url(&key_listener, ports.keys)?;

        let clock = Arc::new(SystemClock);
        let mut container_listeners = None;
        if let Some(ContainerAccess { address, aws_port }) = ports.containers {
            let provider = listen_for_containers(address, port_of(&provider_listener)).await?;
            provider_url = format!("http://{address}:{}", port_of(&provider));
            let aws = listen_for_containers(address, aws_port).await?;
            container_listeners = Some((provider, aws));
        }
        let database = embedded::database()?;
        let served = embedded::serve(database.clone(), ports.database)
            .await
            .map_err(|error| StartError::Port(ports.database, error))?;
        let client = embedded::client_over_tcp(&served.endpoint);
        let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
        use_simulator(&mut catalog, &provider_url);
        catalog.apply(&store).await?;

        let simulator = Simulator::new(simulator, clock.clone());
        let queue = Arc::new(LocalQueue::default());
        let stack = Stack::new(Parts {
            store,
            queue: queue.clone(),
            http: Arc::new(ReqwestHttp::new()),
            meter: Arc::new(RecordingMeter::default()),
            clock: clock.clone(),
            randomness: Arc::new(SystemRandomness),
            sender_settings: SenderSettings::default(),
        });
        deliver_receipts_over_tcp(&simulator, &catalog, &api_url)?;

        let api = api(&stack);
        let (mut serving, mut aws_url) = (vec![], None);
        if let Some((provider, aws)) = container_listeners {
            aws_url = aws.local_addr().ok().map(|address| format!("http://{address}"));
            serving.push(endpoint::serve(provider, simulator::router(simulator.clone())));
            let router = endpoint::router(served.endpoint.clone(), stack.services(&queue));
            serving.push(endpoint::serve(aws, router));
        }
        tokio::spawn(
            axum::serve(provider_listener, simulator::router(simulator.clone())).into_future(),
        );
        let api = api.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(api_listener, api).into_future());
        let keys = Gateway::new(&stack)?.key_api();
        tokio::spawn(axum::serve(key_listener, keys).into_future());
        let no_crash = CrashPoint::never();
        let senders = 2 * catalog.channels.len().max(1);
        event_sources::start_senders(&stack, &queue, clock.clone(), senders, &no_crash);
        event_sources::start_receipts(&stack, clock, &no_crash);
        event_sources::start_sweeper(&stack, sweep_every);
        event_sources::start_triggers(&stack, &no_crash);
        event_sources::start_planner(&stack, PLAN_EVERY);

        Ok(Self {
            api_url,
            key_api_url,
            provider_url,
            simulator,
            database,
            served,
            queue,
            aws_url,
            _serving: serving,
        })
    }
}

/// The HTTP functions behind one address, with the routes of API Gateway.
fn api(stack: &Stack) -> Router {
    const CONSOLE: [&str; 7] =
        ["channels", "templates", "schedules", "audiences", "hours", "producers", "ops"];
    let stack = stack.clone();
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let mut segments = request.uri().path().split('/').skip(1);
        let function = match (segments.next(), segments.next()) {
            (Some("webhooks"), _) => stack.webhook.clone(),
            (Some("v1"), Some(kind)) if CONSOLE.contains(&kind) => stack.console.clone(),
            (_, _) => stack.enqueue.clone(),
        };
        function.oneshot(request)
    }))
}

/// Makes the simulated provider post its receipts to the webhook over TCP, as the real one does. It
/// knows one webhook address: that of the first channel.
fn deliver_receipts_over_tcp(
    simulator: &Simulator,
    catalog: &CatalogFile,
    api_url: &str,
) -> Result<(), StartError> {
    let channel = catalog.channels.keys().next().cloned().unwrap_or_default();
    let webhook = format!("{api_url}/webhooks/{channel}/{WEBHOOK_SECRET}");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    simulator.deliver_receipts_to(Arc::new(move |receipt| {
        let call = client
            .post(&webhook)
            .header("content-type", "application/json")
            .body(receipt.to_string())
            .send();
        async move { call.await.map_or(0, |answer| answer.status().as_u16()) }.boxed()
    }));
    Ok(())
}
