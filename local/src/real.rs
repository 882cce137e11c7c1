//! The stack on the machine's clock and on loopback: what `serve` and `demo` run.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use alimi::aws::ReqwestHttp;
use alimi::delivery::DrainSettings;
use alimi::domain::channel::Provider;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemEntropy};
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use axum::extract::Request;
use dynoxide::Database;
use futures::FutureExt;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::aws_endpoint::{self, Serving};
use crate::catalog_file::{CatalogError, CatalogFile};
use crate::embedded::{self, EmbeddedError, Served};
use crate::figures::Ledger;
use crate::queue::LocalQueue;
use crate::schedules;
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::stack::{Parts, Stack, WEBHOOK_SECRET};
use crate::world::Doom;

/// A change of a schedule has its effect within this time.
const PLAN_EVERY: Duration = Duration::from_secs(1);

/// Ports on loopback; 0 takes any that is free.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// The HTTP API: producers' routes and the webhook.
    pub api: u16,
    /// The simulated provider.
    pub provider: u16,
    /// The embedded DynamoDB.
    pub database: u16,
    /// Where containers reach this machine, if they are to be let in.
    pub containers: Option<Door>,
}

/// Where containers reach this machine.
#[derive(Clone, Copy, Debug)]
pub struct Door {
    /// The machine's address in their network.
    pub address: IpAddr,
    /// The port of all of AWS that functions ask.
    pub aws: u16,
}

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error("port {0} on 127.0.0.1 cannot be had: {1}")]
    Port(u16, std::io::Error),
    /// A port at the address that containers reach.
    #[error(
        "port {port} at {address} cannot be had: {error}. If it is in use, another \
         `cargo xtask serve --containers` or gate has it. `docker network inspect bridge` says where \
         containers reach this machine: at its gateway, or the first address of its subnet"
    )]
    Door {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// What is wrong.
        error: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The catalog file.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The HTTP client.
    #[error("the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// The running stack. It stops with the runtime.
pub struct RealStack {
    /// Address of the HTTP API.
    pub api_url: String,
    /// Address of the simulated provider.
    pub provider_url: String,
    /// The simulated provider.
    pub simulator: Arc<Simulator>,
    /// The database.
    pub database: Database,
    /// The database's server.
    pub served: Served,
    /// The wake queue.
    pub queue: Arc<LocalQueue>,
    /// What containers ask instead of AWS.
    pub aws_url: Option<String>,
    _doors: Vec<Serving>,
}

impl RealStack {
    /// Starts everything: database, provider, API, senders, and the sweeper every `sweep_every`.
    ///
    /// Every channel of the catalog is pointed at the simulated provider.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        mut catalog: CatalogFile,
        simulator: SimulatorSettings,
        ports: Ports,
        sweep_every: Duration,
    ) -> Result<Self, StartError> {
        let provider_listener = listen(ports.provider).await?;
        let api_listener = listen(ports.api).await?;
        let address = |listener: &TcpListener, port| {
            listener
                .local_addr()
                .map(|at| format!("http://{at}"))
                .map_err(|e| StartError::Port(port, e))
        };
        let mut provider_url = address(&provider_listener, ports.provider)?;
        let api_url = address(&api_listener, ports.api)?;

        let clock = Arc::new(SystemClock);
        let mut doors = None;
        if let Some(Door { address, aws }) = ports.containers {
            let provider = listen_at(address, port_of(&provider_listener)).await?;
            provider_url = format!("http://{address}:{}", port_of(&provider));
            doors = Some((provider, listen_at(address, aws).await?));
        }
        let database = embedded::database()?;
        let served = embedded::serve(database.clone(), ports.database)
            .await
            .map_err(|error| StartError::Port(ports.database, error))?;
        let client = embedded::client_over_tcp(&served.endpoint);
        let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
        for channel in catalog.channels.values_mut() {
            let Provider::Bizppurio { base_url, .. } = &mut channel.provider;
            base_url.clone_from(&provider_url);
        }
        catalog.apply(&store).await?;

        let simulator = Simulator::new(simulator, clock.clone());
        let queue = Arc::new(LocalQueue::default());
        let stack = Stack::new(Parts {
            store,
            queue: queue.clone(),
            http: Arc::new(ReqwestHttp::new()),
            meter: Arc::new(Ledger::default()),
            clock,
            entropy: Arc::new(SystemEntropy),
            settings: DrainSettings::default(),
        });
        push_over_tcp(&simulator, &catalog, &api_url)?;

        let api = api(&stack);
        let (mut serving, mut aws_url) = (vec![], None);
        if let Some((provider, aws)) = doors {
            aws_url = aws.local_addr().ok().map(|at| format!("http://{at}"));
            serving.push(aws_endpoint::serve(provider, simulator::router(simulator.clone())));
            let router = aws_endpoint::router(served.endpoint.clone(), stack.services(&queue));
            serving.push(aws_endpoint::serve(aws, router));
        }
        tokio::spawn(
            axum::serve(provider_listener, simulator::router(simulator.clone())).into_future(),
        );
        tokio::spawn(axum::serve(api_listener, api).into_future());
        start_senders(&stack, &queue, 2 * catalog.channels.len().max(1));
        start_sweeper(&stack, sweep_every);
        schedules::start(&stack, &Doom::never());
        schedules::start_planner(&stack, PLAN_EVERY);

        Ok(Self {
            api_url,
            provider_url,
            simulator,
            database,
            served,
            queue,
            aws_url,
            _doors: serving,
        })
    }
}

/// The HTTP functions behind one address, as the API Gateway has it.
fn api(stack: &Stack) -> Router {
    const CONSOLE: [&str; 5] = ["channels", "templates", "schedules", "audiences", "hours"];
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

async fn listen(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| StartError::Port(port, error))
}

pub(crate) async fn listen_at(address: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind((address, port)).await;
    listener.map_err(|error| StartError::Door { address, port, error })
}

/// The port that a listener has; none if it has gone.
pub(crate) fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |at| at.port())
}

/// The provider pushes to the webhook as it does over the internet. It knows one webhook address:
/// that of the first channel.
fn push_over_tcp(
    simulator: &Simulator,
    catalog: &CatalogFile,
    api_url: &str,
) -> Result<(), StartError> {
    let channel = catalog.channels.keys().next().cloned().unwrap_or_default();
    let webhook = format!("{api_url}/webhooks/{channel}/{WEBHOOK_SECRET}");
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
    simulator.push_to(Arc::new(move |push| {
        let call = client
            .post(&webhook)
            .header("content-type", "application/json")
            .body(push.to_string())
            .send();
        async move { call.await.map_or(0, |answer| answer.status().as_u16()) }.boxed()
    }));
    Ok(())
}

fn start_senders(stack: &Stack, queue: &Arc<LocalQueue>, concurrency: usize) {
    let drain = stack.drain.clone();
    let handler = move |event: SqsEvent| {
        let drain = drain.clone();
        async move { Some(alimi_sender::handle(&drain, event).await) }
    };
    tokio::spawn(queue.clone().pump(stack.drain.clock.clone(), concurrency, handler));
}

fn start_sweeper(stack: &Stack, every: Duration) {
    let sweep = stack.sweep.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = alimi_sweeper::handle(&sweep).await {
                tracing::error!(%error, "the sweeper failed");
            }
        }
    });
}
