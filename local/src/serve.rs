//! The stack on the machine's clock and on loopback: what `serve` and `demo` run.

mod catalog;
mod log;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::Channel;
use alimi::ports::Clock;
use alimi::providers::ReqwestHttp;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::SenderSettings;
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use dynoxide::Database;
use futures::FutureExt;
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::aws::embedded::{self, Served, StandInRows};
use crate::aws::endpoint::{self, Serving};
use crate::aws::files::LocalFiles;
use crate::aws::queue::LocalQueue;
use crate::data_dir::DataDir;
use crate::event_sources;
use crate::listen::{StartError, listen_for_containers, listen_on_loopback, port_of};
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::stack::{Parts, Stack};
use crate::stopping::{Stop, Stopping};
use crate::testing::crash_point::CrashPoint;
use crate::testing::recording_meter::RecordingMeter;
use crate::webhooks::Webhooks;

pub use self::log::{LogLevel, log_filter};
pub use self::settings::{ContainerAccess, LocalStackSettings, Ports, StartCatalog};

/// How often the readers of streams look for changes, as Lambda does.
const POLL_EVERY: Duration = Duration::from_millis(250);
/// The time of a slice. It is shorter than that of a deployed sender, because the end of the stack
/// waits for the end of the slice.
const SLICE: Duration = Duration::from_secs(10);
/// How many requests, messages and receipts the simulated provider remembers.
const REMEMBERED: usize = 100_000;

/// The running stack. It stops with the runtime, or by [`Self::stop`].
pub struct LocalStack {
    pub api_url: String,
    pub provider_url: String,
    pub simulator: Arc<Simulator>,
    pub database: Database,
    /// The database's server.
    pub served: Served,
    /// The wake queue.
    pub queue: Arc<LocalQueue>,
    /// The address of all AWS APIs, for containers.
    pub aws_url: Option<String>,
    containers: Vec<Serving>,
    /// What invokes the functions.
    event_sources: Vec<JoinHandle<()>>,
    stop_event_sources: Stop,
    /// The servers of the API and of the provider.
    servers: Vec<JoinHandle<()>>,
    stop_servers: Stop,
    data_dir: Option<DataDir>,
}

impl LocalStack {
    /// Starts the database, the provider, the API, and everything that invokes functions.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(settings: LocalStackSettings) -> Result<Self, StartError> {
        let LocalStackSettings { catalog, simulator, ports, sweep_every, data_dir } = settings;
        let provider_listener = listen_on_loopback(ports.provider).await?;
        let api_listener = listen_on_loopback(ports.api).await?;
        let mut provider_url = url(&provider_listener, ports.provider)?;
        let api_url = url(&api_listener, ports.api)?;
        let mut container_listeners = None;
        if let Some(ContainerAccess { address, aws_port }) = ports.containers {
            let provider = listen_for_containers(address, port_of(&provider_listener)).await?;
            provider_url = format!("http://{address}:{}", port_of(&provider));
            let aws = listen_for_containers(address, aws_port).await?;
            container_listeners = Some((provider, aws));
        }

        let clock = Arc::new(SystemClock);
        let data_dir = data_dir.as_deref().map(DataDir::open).transpose()?;
        let database = match &data_dir {
            Some(data_dir) => data_dir.database()?,
            None => embedded::database()?,
        };
        let rows = StandInRows::of(&database);
        let served = embedded::serve(database.clone(), ports.database)
            .await
            .map_err(|error| StartError::Port(ports.database, error))?;
        let client = embedded::client_over_tcp(&served.endpoint);
        let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
        let channels = catalog::prepare(&store, &rows, catalog, &provider_url).await?;

        let settings = SimulatorSettings { remembered: REMEMBERED, ..simulator };
        let simulator = Simulator::new(settings, clock.clone());
        let webhooks = Webhooks::new(&api_url, rows.clone())?;
        deliver_receipts(&simulator, &webhooks, &channels);
        let (stack, queue) = functions(store, &rows, data_dir.is_some())?;
        let stack = stack.with_uploads_at(&format!("{api_url}{FILES_PATH}"));
        let stop_servers = Stop::default();
        let provider = simulator::with_channels(simulator::router(simulator.clone()));
        let provider = provider.merge(webhooks.router());
        let (mut containers, mut aws_url) = (vec![], None);
        if let Some((listener, aws)) = container_listeners {
            aws_url = aws.local_addr().ok().map(|address| format!("http://{address}"));
            containers.push(endpoint::serve(listener, provider.clone()));
            let router = endpoint::router(served.endpoint.clone(), stack.services());
            containers.push(endpoint::serve(aws, router));
        }
        let servers = vec![
            serve(provider_listener, provider, stop_servers.stopping()),
            serve(api_listener, api(&stack), stop_servers.stopping()),
        ];
        if data_dir.is_some() {
            simulator.keep_in(&rows)?;
        }
        let stop_event_sources = Stop::default();
        let stopping = stop_event_sources.stopping();
        let no_crash = CrashPoint::never();
        let senders = 2 * channels.len().max(1);
        let mut sources = event_sources::start_stream_readers(
            &stack, &database, POLL_EVERY, &no_crash, &stopping,
        )?;
        let clock: Arc<dyn Clock> = clock;
        sources.extend(event_sources::start_triggers(&stack, &no_crash, &stopping));
        sources.extend([
            event_sources::start_senders(
                &stack,
                &queue,
                clock.clone(),
                senders,
                &no_crash,
                &stopping,
            ),
            event_sources::start_receipts(&stack, clock, &no_crash, &stopping),
            event_sources::start_sweeper(&stack, sweep_every, &stopping),
            event_sources::start_observer(&stack, &stopping),
        ]);
        Ok(Self {
            api_url,
            provider_url,
            simulator,
            database,
            served,
            queue,
            aws_url,
            containers,
            event_sources: sources,
            stop_event_sources,
            servers,
            stop_servers,
            data_dir,
        })
    }

    /// Whether the stack keeps its data after its end.
    #[must_use]
    pub fn keeps_data(&self) -> bool {
        self.data_dir.is_some()
    }

    /// Ends the stack: it starts no more invocations, and waits for those that run and for the
    /// requests in progress. Returns whether everything ended within this time. What is interrupted
    /// counts as crashed: the next start of a stack that keeps its data repairs it.
    pub async fn stop(self, within: Duration) -> bool {
        let ending = async {
            self.stop_event_sources.request();
            join_all(self.event_sources).await;
            self.stop_servers.request();
            join_all(self.servers).await;
            join_all(self.containers.into_iter().map(Serving::end)).await;
            self.served.end().await;
        };
        let has_ended = tokio::time::timeout(within, ending).await.is_ok();
        // The lock on the directory ends after the last access.
        drop(self.database);
        drop(self.data_dir);
        has_ended
    }
}

/// The functions, and their wake queue.
fn functions(
    store: Arc<DynamoStore>,
    rows: &StandInRows,
    keeps_data: bool,
) -> Result<(Stack, Arc<LocalQueue>), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut queue = LocalQueue::default();
    if keeps_data {
        queue = queue.kept_in(rows, "wakes", &clock)?;
    }
    let queue = Arc::new(queue);
    let parts = Parts {
        store,
        queue: queue.clone(),
        http: Arc::new(ReqwestHttp::new()),
        meter: Arc::new(RecordingMeter::default()),
        clock,
        randomness: Arc::new(SystemRandomness),
        sender_settings: SenderSettings { slice: SLICE, ..SenderSettings::default() },
    };
    let stack = if keeps_data { Stack::kept_in(rows, parts)? } else { Stack::new(parts) };
    Ok((stack, queue))
}

/// The files of audiences, which clients upload to S3 and not to the API.
const FILES_PATH: &str = "/_s3";

/// The largest file that this stack takes into its memory.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Takes a file as S3 does.
async fn upload(files: &LocalFiles, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(FILES_PATH).unwrap_or_default();
    let path = path.trim_start_matches('/').to_owned();
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let uri = format!("http://{}{}", host.unwrap_or_default(), parts.uri);
    let (Ok(uri), Ok(content)) =
        (uri.parse::<Uri>(), axum::body::to_bytes(body, FILE_BYTES_MAX).await)
    else {
        return (StatusCode::BAD_REQUEST, "the file is too large for this stack").into_response();
    };
    let (status, code) = files.upload(&uri, &path, &parts.headers, content);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, code.unwrap_or_default()).into_response()
}

/// The HTTP functions behind one address, with the routes of API Gateway.
fn api(stack: &Stack) -> Router {
    const CONSOLE: [&str; 7] =
        ["channels", "templates", "schedules", "audiences", "hours", "producers", "ops"];
    let stack = stack.clone();
    Router::new().fallback_service(tower::service_fn(move |request: Request| {
        let files = stack.files.clone();
        let mut segments = request.uri().path().split('/').skip(1);
        let function = match (segments.next(), segments.next()) {
            (Some("webhooks"), _) => Some(stack.webhook.clone()),
            (Some("v1"), Some(kind)) if CONSOLE.contains(&kind) => Some(stack.console.clone()),
            (Some("_s3"), _) if request.method() == Method::PUT => None,
            (_, _) => Some(stack.enqueue.clone()),
        };
        async move {
            match function {
                Some(function) => function.oneshot(request).await,
                None => Ok(upload(&files, request).await),
            }
        }
    }))
}

/// Makes the simulated provider keep each channel's limit, and post each channel's receipts to its
/// webhook over TCP, as a real one does. Requests that name no channel are the first channel's.
fn deliver_receipts(simulator: &Simulator, webhooks: &Arc<Webhooks>, channels: &[Channel]) {
    for channel in channels {
        simulator.limit_channel(&channel.name, channel.limit.per_second);
    }
    let of_channels = webhooks.clone();
    simulator.deliver_receipts_by_channel(Arc::new(move |channel, receipt| {
        of_channels.post(channel, &receipt)
    }));
    let first = channels.first().map(|channel| channel.name.clone()).unwrap_or_default();
    let of_first = webhooks.clone();
    simulator.deliver_receipts_to(Arc::new(move |receipt| of_first.post(&first, &receipt)));
}

fn url(listener: &TcpListener, port: u16) -> Result<String, StartError> {
    let address = listener.local_addr().map_err(|error| StartError::Port(port, error))?;
    Ok(format!("http://{address}"))
}

/// Serves a router until the end is requested. Then the requests in progress are still answered.
fn serve(listener: TcpListener, router: Router, stopping: Stopping) -> JoinHandle<()> {
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, router);
    let serving =
        serving.with_graceful_shutdown(async move { stopping.requested().await }).into_future();
    tokio::spawn(serving.map(|_served| ()))
}
