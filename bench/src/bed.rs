//! What the measurements run on: an embedded DynamoDB and a simulated provider on loopback, served
//! by one thread, and senders on another one, as a function has one.

use std::sync::Arc;
use std::time::Duration;

use alimi::aws::ReqwestHttp;
use alimi::delivery::DrainSettings;
use alimi::domain::channel::Provider;
use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{Channel, Notification};
use alimi::ports::{WakeGroup, Waker};
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemEntropy};
use alimi_local::catalog_file::CatalogFile;
use alimi_local::embedded::{self, DatabaseFaults, Served};
use alimi_local::figures::Ledger;
use alimi_local::meter::{DatabaseMeter, Usage};
use alimi_local::queue::LocalQueue;
use alimi_local::simulator::{self, Arrival, Simulator, SimulatorSettings};
use alimi_local::stack::{Parts, Stack};
use aws_lambda_events::sqs::SqsEvent;
use axum::body::Body;
use axum::http::Request;
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use tower::ServiceExt;

/// Whatever goes wrong ends the measurement.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The channel that is measured.
pub const CHANNEL: &str = "alimtalk-main";
/// The example's catalog.
pub const CATALOG: &str = include_str!("../../examples/teacher-onboarding/catalog.yaml");
/// A number whose receipts never come.
pub const NO_RECEIPT: &str = "010-9007-0001";
/// Nothing arrived for this long: it will not go on.
const STUCK: Duration = Duration::from_secs(90);

/// Database and provider, running.
pub struct Bed {
    /// The database.
    pub database: Database,
    /// The provider.
    pub simulator: Arc<Simulator>,
    /// Serves the database, and does what is neither sender nor provider.
    pub world: Runtime,
    /// The provider's own thread: work on the database must not delay what it notes as arrived.
    _provider: Runtime,
    provider_url: String,
    served: Served,
}

/// How senders work off what is queued.
pub struct Run {
    /// The sender's times.
    pub settings: DrainSettings,
    /// The first sender dies after this.
    pub killed_after: Option<Duration>,
    /// Enough has arrived.
    pub enough: usize,
}

/// What a run came to.
pub struct Ran {
    /// Everything that arrived.
    pub arrivals: Vec<Arrival>,
    /// What the senders asked of the database.
    pub usage: Usage,
    /// Processor time of the senders' thread.
    pub cpu: Duration,
    /// Drains that came to their end.
    pub drains: usize,
}

impl Bed {
    /// Starts database and provider.
    pub fn new(simulator: SimulatorSettings) -> Result<Self, Failure> {
        let world = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let provider = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let database = embedded::database_without_streams()?;
        let simulator = Simulator::new(simulator, Arc::new(SystemClock));
        let served = world.block_on(embedded::serve(database.clone(), 0))?;
        let provider_url = provider.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
            let provider_url = format!("http://{}", listener.local_addr()?);
            let router = simulator::router(simulator.clone());
            tokio::spawn(axum::serve(listener, router).into_future());
            Ok::<_, std::io::Error>(provider_url)
        })?;
        Ok(Self { database, simulator, world, _provider: provider, provider_url, served })
    }

    /// Where the database is served.
    pub fn endpoint(&self) -> &str {
        &self.served.endpoint
    }

    /// Stores the example's catalog with changes to its channel.
    pub fn configure(&self, change: impl FnOnce(&mut Channel)) -> Result<(), Failure> {
        let mut catalog = CatalogFile::read(CATALOG)?;
        // Measurements take place at any hour.
        let scheduled = Window::new("00:00", "24:00")?;
        catalog.hours = Some(HoursConfig { scheduled, advertising: scheduled });
        let channel = catalog.channels.get_mut(CHANNEL).ok_or("the example has no such channel")?;
        let Provider::Bizppurio { base_url, .. } = &mut channel.provider;
        base_url.clone_from(&self.provider_url);
        change(channel);
        if let Some((field, must)) = channel.faults().into_iter().next() {
            return Err(format!("{field} {must}").into());
        }
        self.world.block_on(catalog.apply(&self.store_within()))?;
        Ok(())
    }

    /// The functions, over a client of their own to the served database.
    pub fn stack(
        &self,
        queue: Arc<LocalQueue>,
        meter: &DatabaseMeter,
        settings: DrainSettings,
    ) -> Stack {
        let client = meter.attached_to(&embedded::client_over_tcp(&self.served.endpoint));
        let clock = Arc::new(SystemClock);
        Stack::new(Parts {
            store: Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone())),
            queue,
            http: Arc::new(ReqwestHttp::new()),
            meter: Arc::new(Ledger::default()),
            clock,
            entropy: Arc::new(SystemEntropy),
            settings,
        })
    }

    /// A store that reaches the database without sockets.
    pub fn store_within(&self) -> Arc<DynamoStore> {
        let client = embedded::client_in_process(
            self.database.clone(),
            Duration::ZERO,
            DatabaseFaults::default(),
        );
        Arc::new(DynamoStore::new(client, embedded::tables(), Arc::new(SystemClock)))
    }

    /// Puts `count` equal messages into the queue, past the client: one is taken in as any other,
    /// the rest are its copies.
    pub fn preload(&self, count: usize, priority: u16, phone: &str) -> Result<(), Failure> {
        let queue = Arc::new(LocalQueue::default());
        let stack = self.stack(queue, &DatabaseMeter::default(), DrainSettings::default());
        let id = self.world.block_on(enqueue(&stack, "preloaded", priority, phone))?;
        let table = embedded::tables().notifications;
        let key = json!({ "TableName": table, "Key": { "id": { "S": id } } });
        let first = self.database.get_item(serde_json::from_value(key)?)?;
        let first = serde_json::to_value(first)?["Item"].to_string();
        let rest: Vec<usize> = (1..count).collect();
        for page in rest.chunks(25) {
            let puts = page.iter().map(|index| {
                let item = first.replace(&id, &format!("{index:030x}"));
                let item: Value = serde_json::from_str(&item)?;
                Ok(json!({ "PutRequest": { "Item": item } }))
            });
            let puts: Vec<Value> = puts.collect::<Result<_, Failure>>()?;
            let batch = json!({ "RequestItems": { (table.as_str()): puts } });
            self.database.batch_write_item(serde_json::from_value(batch)?)?;
        }
        Ok(())
    }

    /// Lets senders work until enough has arrived at the provider.
    pub fn run(&self, queue: &Arc<LocalQueue>, run: &Run) -> Result<Ran, Failure> {
        let meter = DatabaseMeter::default();
        let senders = Builder::new_current_thread().enable_all().build()?;
        let before = cpu_time()?;
        let drains = senders.block_on(async {
            let stack = self.stack(queue.clone(), &meter, run.settings);
            let drain = stack.drain.clone();
            let lives = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let ended = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let killed_after = run.killed_after;
            let counted = ended.clone();
            let handler = move |event: SqsEvent| {
                let (drain, ended) = (drain.clone(), counted.clone());
                let life = lives.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                async move {
                    let work = alimi_sender::handle(&drain, event);
                    let answer = match killed_after.filter(|_| life == 0) {
                        // Dropping the work is dying: nothing in it is spawned.
                        Some(after) => tokio::time::timeout(after, work).await.ok(),
                        None => Some(work.await),
                    };
                    ended.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    answer
                }
            };
            tokio::spawn(queue.clone().pump(Arc::new(SystemClock), 2, handler));
            let mut arrived = 0;
            let mut arrived_at = Instant::now();
            let mut wakes = 0;
            loop {
                let now = self.simulator.arrivals().len();
                if now >= run.enough {
                    break;
                }
                if now > arrived {
                    (arrived, arrived_at) = (now, Instant::now());
                } else if arrived_at.elapsed() > STUCK {
                    return Err(format!("nothing arrived for {STUCK:?} after {arrived}").into());
                }
                // As the sweeper does every minute; here at once, so that what is measured after a
                // death is the lease and not the sweeper's rhythm.
                if arrived_at.elapsed() > Duration::from_millis(500) || arrived == 0 {
                    wakes += 1;
                    // At first one only: whoever is killed is to be the one who has the lane.
                    let groups = WakeGroup::SWEPT;
                    for &group in &groups[..if arrived == 0 { 1 } else { 2 }] {
                        let deduplication = format!("bench-{}-{wakes}", group.as_str());
                        queue.wake(CHANNEL, group, &deduplication).await?;
                    }
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok::<_, Failure>(ended.load(std::sync::atomic::Ordering::Relaxed))
        })?;
        let cpu = cpu_time()?.saturating_sub(before);
        Ok(Ran { arrivals: self.simulator.arrivals(), usage: meter.total(), cpu, drains })
    }

    /// Every notification that is stored.
    pub fn notifications(&self) -> Result<Vec<Notification>, Failure> {
        Ok(embedded::notifications(&self.database)?.into_values().collect())
    }
}

/// Processor time of this thread so far.
fn cpu_time() -> Result<Duration, Failure> {
    // Linux: the first number is the time on a processor, in nanoseconds.
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(Duration::from_nanos(nanos))
}

/// Takes one message in, as a producer would have it, and answers with its id.
pub async fn enqueue(
    stack: &Stack,
    key: &str,
    priority: u16,
    phone: &str,
) -> Result<String, Failure> {
    let body = json!({
        "template": "consultation-start",
        "to": { "id": "teacher-1", "phone": phone },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "priority": priority,
    });
    let (status, answer) = post(stack, "/v1/notifications", key, &body).await?;
    match answer["id"].as_str() {
        Some(id) if status < 300 => Ok(id.to_owned()),
        _ => Err(format!("{status}: {answer}").into()),
    }
}

/// A producer's request to `enqueue`.
pub async fn post(
    stack: &Stack,
    path: &str,
    key: &str,
    body: &Value,
) -> Result<(u16, Value), Failure> {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()))?;
    let Ok(response) = stack.enqueue.clone().oneshot(request).await;
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    Ok((status, serde_json::from_slice(&body)?))
}
