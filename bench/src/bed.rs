//! The test bed of the measurements: an embedded DynamoDB on one thread, a simulated provider on
//! another, and senders on a third, since a deployed function has its own processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{Channel, Notification};
use alimi::ports::{WakeGroup, Waker};
use alimi::providers::ReqwestHttp;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::SenderSettings;
use alimi_catalog::CatalogFile;
use alimi_local::aws::embedded::{self, DatabaseFaults, Served};
use alimi_local::aws::queue::LocalQueue;
use alimi_local::channels::use_simulator;
use alimi_local::simulator::{self, Arrival, Simulator, SimulatorSettings};
use alimi_local::stack::{Parts, Stack};
use alimi_local::testing::database_usage::{DatabaseUsage, Usage};
use alimi_local::testing::recording_meter::RecordingMeter;
use aws_lambda_events::sqs::SqsEvent;
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::program::Failure;
use crate::requests::create;

/// The measured channel.
pub const CHANNEL: &str = "alimtalk-main";
/// The example's catalog.
pub const CATALOG: &str = include_str!("../../examples/teacher-onboarding/catalog.yaml");
/// A phone number for which the simulated provider never sends a receipt.
pub const NO_RECEIPT: &str = "010-9007-0001";
/// A measurement fails when nothing arrives for this long.
const STUCK: Duration = Duration::from_secs(90);

/// A running database and a running provider.
pub struct Bed {
    pub database: Database,
    pub simulator: Arc<Simulator>,
    /// The thread of everything but the senders and the provider.
    pub runtime: Runtime,
    /// The provider's own thread. Otherwise work on the database would delay the recorded arrivals.
    _provider: Runtime,
    provider_url: String,
    served: Served,
}

/// A run of senders over the queued messages.
pub struct Run {
    pub settings: SenderSettings,
    /// When the first sender is killed.
    pub killed_after: Option<Duration>,
    /// The number of arrivals that ends the run.
    pub enough: usize,
}

/// The result of a [`Run`].
pub struct RunResult {
    pub arrivals: Vec<Arrival>,
    /// The senders' use of the database.
    pub usage: Usage,
    /// Processor time of the senders' thread.
    pub cpu: Duration,
    /// Invocations of senders that ended, killed ones included.
    pub drains: usize,
}

impl Bed {
    pub fn new(simulator: SimulatorSettings) -> Result<Self, Failure> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let provider = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let database = embedded::database_without_changes()?;
        let simulator = Simulator::new(simulator, Arc::new(SystemClock));
        let served = runtime.block_on(embedded::serve(database.clone(), 0))?;
        let provider_url = provider.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
            let provider_url = format!("http://{}", listener.local_addr()?);
            let router = simulator::router(simulator.clone());
            tokio::spawn(axum::serve(listener, router).into_future());
            Ok::<_, std::io::Error>(provider_url)
        })?;
        Ok(Self { database, simulator, runtime, _provider: provider, provider_url, served })
    }

    /// The database's address.
    pub fn endpoint(&self) -> &str {
        &self.served.endpoint
    }

    /// Stores the example's catalog with a changed channel.
    pub fn configure(&self, change: impl FnOnce(&mut Channel)) -> Result<(), Failure> {
        self.configure_catalog(|catalog| {
            let channel = catalog.channels.get_mut(CHANNEL);
            change(channel.ok_or("the example has no such channel")?);
            Ok(())
        })
    }

    /// Stores the changed catalog of the example.
    pub fn configure_catalog(
        &self,
        change: impl FnOnce(&mut CatalogFile) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut catalog = CatalogFile::read(CATALOG)?;
        // Measurements run at any hour.
        let scheduled = Window::new("00:00", "24:00")?;
        catalog.hours = Some(HoursConfig { scheduled, advertising: scheduled });
        use_simulator(&mut catalog, &self.provider_url);
        change(&mut catalog)?;
        if let Some(fault) = catalog.channels.values().flat_map(Channel::faults).next() {
            return Err(fault.into());
        }
        self.runtime.block_on(catalog.apply(&self.store_in_process()))?;
        Ok(())
    }

    /// The functions, with their own client of the served database.
    pub fn stack(
        &self,
        queue: Arc<LocalQueue>,
        usage: &DatabaseUsage,
        settings: SenderSettings,
    ) -> Stack {
        let client = usage.attached_to(&embedded::client_over_tcp(&self.served.endpoint));
        let clock = Arc::new(SystemClock);
        Stack::new(Parts {
            store: Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone())),
            queue,
            http: Arc::new(ReqwestHttp::new()),
            meter: Arc::new(RecordingMeter::default()),
            clock,
            randomness: Arc::new(SystemRandomness),
            sender_settings: settings,
        })
        .without_put_pace()
    }

    /// A store that calls the database without sockets.
    pub fn store_in_process(&self) -> Arc<DynamoStore> {
        let client = embedded::client_in_process(
            self.database.clone(),
            Duration::ZERO,
            DatabaseFaults::default(),
        );
        Arc::new(DynamoStore::new(client, embedded::tables(), Arc::new(SystemClock)))
    }

    /// Puts `count` equal messages into the queue. `enqueue` creates the first one; the others are
    /// copies that are written to the database directly, which is faster.
    pub fn preload(&self, count: usize, priority: u16, phone: &str) -> Result<(), Failure> {
        let queue = Arc::new(LocalQueue::default());
        let stack = self.stack(queue, &DatabaseUsage::default(), SenderSettings::default());
        let id = self.runtime.block_on(create(&stack, "preloaded", priority, phone))?;
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

    /// Runs senders until enough messages have arrived at the provider.
    pub fn run(&self, queue: &Arc<LocalQueue>, run: &Run) -> Result<RunResult, Failure> {
        let usage = DatabaseUsage::default();
        let senders = Builder::new_current_thread().enable_all().build()?;
        let before = cpu_time()?;
        let drains = senders.block_on(async {
            let stack = self.stack(queue.clone(), &usage, run.settings);
            let sender = stack.sender.clone();
            let started = Arc::new(AtomicUsize::new(0));
            let ended = Arc::new(AtomicUsize::new(0));
            let killed_after = run.killed_after;
            let counted = ended.clone();
            let handler = move |event: SqsEvent| {
                let (sender, ended) = (sender.clone(), counted.clone());
                let number = started.fetch_add(1, Ordering::Relaxed);
                async move {
                    let invocation = alimi_sender::handle(&sender, event);
                    let answer = match killed_after.filter(|_| number == 0) {
                        // A sender spawns nothing, so dropping its future stops all of its work.
                        Some(after) => tokio::time::timeout(after, invocation).await.ok(),
                        None => Some(invocation.await),
                    };
                    ended.fetch_add(1, Ordering::Relaxed);
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
                // The sweeper would wake the lane within a minute. It is woken at once here, so
                // that the measured pause after a kill is the time until the lease expires.
                if arrived_at.elapsed() > Duration::from_millis(500) || arrived == 0 {
                    wakes += 1;
                    // The first wake goes to one group only: the killed sender must hold the lease.
                    let groups = WakeGroup::SWEPT;
                    for &group in &groups[..if arrived == 0 { 1 } else { 2 }] {
                        let deduplication = format!("bench-{}-{wakes}", group.as_str());
                        queue.wake(CHANNEL, group, &deduplication).await?;
                    }
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Ok::<_, Failure>(ended.load(Ordering::Relaxed))
        })?;
        let cpu = cpu_time()?.saturating_sub(before);
        Ok(RunResult { arrivals: self.simulator.arrivals(), usage: usage.total(), cpu, drains })
    }

    /// Every stored notification.
    pub fn notifications(&self) -> Result<Vec<Notification>, Failure> {
        Ok(embedded::notifications(&self.database)?.into_values().collect())
    }
}

/// Processor time of this thread so far.
fn cpu_time() -> Result<Duration, Failure> {
    // On Linux, the first number is the time on a processor, in nanoseconds.
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(Duration::from_nanos(nanos))
}
