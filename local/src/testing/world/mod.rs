//! A world for tests: the whole stack on one thread, on a clock that moves only while every task
//! waits (`#[tokio::test(start_paused = true)]`). A simulated day takes a moment, and a test can
//! visit every crash point.

mod catalog;
mod clock;
mod http;
mod requests;
mod sweeps;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::agenda::id_in;
use alimi::domain::{Notification, NotificationId, Status};
use alimi::store::DynamoStore;
use alimi::use_cases::SenderSettings;
use axum::Extension;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use dynoxide::Database;
use futures::FutureExt;
use serde_json::Value;
use tokio::time::Instant;

use crate::aws::embedded::{self, DatabaseFaults, Stored};
use crate::aws::permissions::{Function, Permissions};
use crate::aws::queue::LocalQueue;
use crate::aws::secrets::WEBHOOK_SECRET;
use crate::event_sources;
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::stack::{Parts, Stack};
use crate::stopping::Stopping;
use crate::testing::audit::Audit;
use crate::testing::crash_point::CrashPoint;
use crate::testing::database_usage::DatabaseUsage;
use crate::testing::recording_meter::RecordingMeter;

use self::clock::Counting;
use self::requests::call;

pub use self::clock::{BEGINNING_MS, WorldClock};
pub use self::http::RouterHttp;
pub use self::requests::{Answer, operate};

const EXAMPLE_CATALOG: &str = include_str!("../../../../examples/teacher-onboarding/catalog.yaml");

/// The longest time in which everything settles, unless a message waits for its permitted hours.
pub const SETTLES_WITHIN: Duration = Duration::from_secs(3 * 3600);

/// The sender's concurrency for one channel in `template.yaml`.
const SENDER_CONCURRENCY: usize = 2;

#[derive(Clone, Debug)]
pub struct WorldSettings {
    pub simulator: SimulatorSettings,
    pub sender: SenderSettings,
    /// The catalog file's text.
    pub catalog: String,
    /// The time of a database request before its effect, and again after its effect.
    pub database_latency: Duration,
    /// The time to open a connection to the provider. With zero, connections are always open.
    pub connect_time: Duration,
    /// Counts the database requests of all functions.
    pub database_usage: DatabaseUsage,
    pub permissions: Permissions,
}

impl Default for WorldSettings {
    #[expect(clippy::expect_used, reason = "this fails the test that asked for the world")]
    fn default() -> Self {
        Self {
            simulator: SimulatorSettings::default(),
            sender: SenderSettings::default(),
            catalog: EXAMPLE_CATALOG.to_owned(),
            database_latency: Duration::from_millis(2),
            connect_time: Duration::ZERO,
            database_usage: DatabaseUsage::default(),
            permissions: Permissions::of_template().expect("the template's policies"),
        }
    }
}

pub struct World {
    pub clock: Arc<WorldClock>,
    /// The test's own store, which no policy restricts.
    pub store: Arc<DynamoStore>,
    pub database: Database,
    /// The faults of the database.
    pub faults: DatabaseFaults,
    pub simulator: Arc<Simulator>,
    /// The connection to the provider.
    pub http: Arc<RouterHttp>,
    /// The wake queue.
    pub queue: Arc<LocalQueue>,
    /// The metrics of senders and sweepers.
    pub meter: Arc<RecordingMeter>,
    /// The functions.
    pub stack: Stack,
    /// The functions' policies, and the calls that they made.
    pub permissions: Permissions,
}

impl World {
    /// A new world. No function runs until the test calls one or starts senders or schedules.
    ///
    /// # Panics
    /// When the world cannot be set up.
    pub async fn new(settings: WorldSettings) -> Self {
        let database = catalog::database_with(&settings.catalog).await;
        let clock = Arc::new(WorldClock::new());
        let faults = DatabaseFaults::default();
        let latency = settings.database_latency;
        let client = embedded::client_in_process(database.clone(), latency, faults.clone());
        let client = settings.database_usage.attached_to(&client);
        let store = Arc::new(DynamoStore::new(client.clone(), embedded::tables(), clock.clone()));
        let simulator = Simulator::new(settings.simulator, clock.clone());
        let router = simulator::router(simulator.clone());
        let http = Arc::new(RouterHttp::new(router, settings.connect_time));
        let queue = Arc::new(LocalQueue::default());
        let meter = Arc::new(RecordingMeter::default());
        let parts = Parts {
            store: store.clone(),
            queue: queue.clone(),
            http: http.clone(),
            meter: meter.clone(),
            clock: clock.clone(),
            randomness: Arc::new(Counting::default()),
            sender_settings: settings.sender,
        };
        let permissions = settings.permissions;
        let stack = Stack::permitted(parts, &client, &permissions);
        let webhook = stack.webhook.clone();
        simulator.deliver_receipts_to(Arc::new(move |receipt| {
            let webhook = webhook.clone();
            async move {
                let path = format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}");
                call(webhook, "POST", &path, &[], receipt.to_string()).await.0.as_u16()
            }
            .boxed()
        }));
        Self { clock, store, database, faults, simulator, http, queue, meter, stack, permissions }
    }

    /// Starts senders, which handle wakes from now on, and the receipt queue.
    pub fn start_senders(&self) {
        self.start_crashable_senders(&CrashPoint::never());
    }

    /// Starts senders of which one crashes or freezes at a crash point, and the receipt queue.
    pub fn start_crashable_senders(&self, crash_point: &CrashPoint) {
        self.start_crashable_receipts(&CrashPoint::never());
        let clock = self.clock.clone();
        let _senders = event_sources::start_senders(
            &self.stack,
            &self.queue,
            clock,
            SENDER_CONCURRENCY,
            crash_point,
            &Stopping::never(),
        );
    }

    /// A crash point that visits every state in which a crash can leave this world: before and after
    /// each write, request to the provider, and message to a queue.
    #[must_use]
    pub fn crash_after_effects(&self, steps: i64) -> CrashPoint {
        let (faults, http) = (self.faults.clone(), self.http.clone());
        let (wakes, runs) = (self.queue.clone(), self.stack.run_queue.clone());
        let receipts = self.stack.receipt_queue.clone();
        CrashPoint::after(steps).after_effects(move || {
            faults.writes() + http.written() + wakes.sent() + runs.sent() + receipts.sent()
        })
    }

    /// Starts the receipt queue, which invokes `webhook` from now on. One invocation crashes at the
    /// crash point.
    pub fn start_crashable_receipts(&self, crash_point: &CrashPoint) {
        let (clock, stopping) = (self.clock.clone(), Stopping::never());
        let _receipts = event_sources::start_receipts(&self.stack, clock, crash_point, &stopping);
    }

    /// Starts the scheduler and the run queue, which invoke triggers from now on.
    pub fn start_schedules(&self) {
        let (no_crash, stopping) = (CrashPoint::never(), Stopping::never());
        let _triggers = event_sources::start_triggers(&self.stack, &no_crash, &stopping);
    }

    /// Starts the functions that read a table's stream. They look for changes this often.
    ///
    /// # Panics
    /// When a mapping of the template is not understood.
    #[expect(clippy::expect_used, reason = "this fails the test that called it")]
    pub fn start_stream_readers(&self, poll_every: Duration, crash_point: &CrashPoint) {
        let stopping = Stopping::never();
        let _readers = event_sources::start_stream_readers(
            &self.stack,
            &self.database,
            poll_every,
            crash_point,
            &stopping,
        )
        .expect("the template's mappings");
    }

    /// Starts the sweeper's rounds.
    pub fn start_sweeps(&self) {
        tokio::spawn(self.sweeps());
    }

    fn sweeps(&self) -> impl Future<Output = ()> + use<> {
        sweeps::sweep(self.stack.sweeper.clone(), self.database.clone(), self.clock.clone())
    }

    /// Sends a producer's request to `enqueue`.
    pub async fn produce(
        &self,
        method: &str,
        path: &str,
        idempotency_key: Option<&str>,
        body: impl ToString,
    ) -> (StatusCode, Value) {
        let headers: Vec<_> =
            idempotency_key.into_iter().map(|key| ("idempotency-key", key)).collect();
        call(self.stack.enqueue.clone(), method, path, &headers, body.to_string()).await
    }

    /// Sends an operator's request to `console`.
    pub async fn operate(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl ToString,
    ) -> Answer {
        operate(self.stack.console.clone(), method, path, headers, body.to_string()).await
    }

    /// Uploads a file as a client does, to an address that the console gave. Returns S3's status, and its
    /// code if S3 refuses the file. The policy of `console` has to permit what its address permits.
    ///
    /// # Panics
    /// When the policy does not permit it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "this fails the test that called it")]
    pub fn put_file(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
        content: &str,
    ) -> (u16, Option<&'static str>) {
        let uri: Uri = url.parse().expect("an address");
        let path = uri.path().trim_start_matches('/');
        let mut sent = HeaderMap::from_iter([(header::CONTENT_LENGTH, content.len().into())]);
        for (name, value) in headers {
            sent.insert(*name, value.parse().expect("a header"));
        }
        let (bucket, key) = path.split_once('/').expect("a bucket and a key");
        let permitted = self.permissions.check_upload(Function::Console, bucket, key);
        permitted.expect("the policy permits the upload");
        self.stack.files.upload(&uri, path, &sent, content.to_owned().into())
    }

    /// Sends a provider's request to `webhook`.
    pub async fn webhook(&self, path: &str, body: impl ToString) -> (StatusCode, Value) {
        call(self.stack.webhook.clone(), "POST", path, &[], body.to_string()).await
    }

    /// Sends a provider's request to `webhook` from an address.
    pub async fn webhook_from(
        &self,
        source: IpAddr,
        path: &str,
        body: impl ToString,
    ) -> (StatusCode, Value) {
        // As the local stack learns of it.
        let connected = ConnectInfo(SocketAddr::new(source, 50_000));
        let webhook = self.stack.webhook.clone().layer(Extension(connected));
        call(webhook, "POST", path, &[], body.to_string()).await
    }

    /// One stored notification.
    ///
    /// # Panics
    /// When it is not stored.
    #[expect(clippy::expect_used, reason = "this fails the test that called it")]
    pub async fn notification(&self, id: &str) -> Notification {
        use alimi::ports::Notifications;
        let id: NotificationId = id.parse().expect("an id");
        self.store.load(&id).await.expect("the store answers").expect("the notification is stored")
    }

    /// Every stored notification, by id.
    ///
    /// # Panics
    /// When the table cannot be read.
    #[expect(clippy::expect_used, reason = "this fails the test that called it")]
    #[must_use]
    pub fn notifications(&self) -> BTreeMap<NotificationId, Notification> {
        embedded::notifications(&self.database).expect("the table")
    }

    /// Every stored notification and every stored sequence.
    ///
    /// # Panics
    /// When the table cannot be read.
    #[expect(clippy::expect_used, reason = "this fails the test that called it")]
    #[must_use]
    pub fn stored(&self) -> Stored {
        embedded::stored(&self.database).expect("the table")
    }

    /// Lets time pass, with a round of the sweeper every minute, until every notification has
    /// ended, is an exception, or waits behind one.
    ///
    /// # Panics
    /// When that takes longer than `within`.
    pub async fn settle(&self, within: Duration) {
        let give_up_at = Instant::now() + within;
        let sweeps = tokio::spawn(self.sweeps());
        // The checks are frequent at first, since most tests settle soon.
        let mut pause = Duration::from_millis(500);
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(120));
            assert!(!sweeps.is_finished(), "the sweeper failed");
            if self.is_settled().await {
                break;
            }
            assert!(
                Instant::now() < give_up_at,
                "after {within:?} these are not settled: {:#?}",
                self.unsettled()
            );
        }
        sweeps.abort();
        let refused = self.permissions.refused();
        assert!(refused.is_empty(), "{refused:#?}");
    }

    /// Whether every notification has ended, is an exception, or waits behind one.
    #[expect(clippy::expect_used, reason = "this fails the test that called it")]
    async fn is_settled(&self) -> bool {
        use alimi::ports::Notifications;
        if self.simulator.pending_receipts() > 0 || !self.stack.receipt_queue.is_empty() {
            return false;
        }
        // One message that is under way suffices. The audit reads every notification, so it comes
        // last.
        for key in embedded::agenda(&self.database).expect("the agenda") {
            if sweeps::is_ready(&key) {
                return false;
            }
            let id = id_in(&key.sort).expect("an id").parse().expect("an id");
            let listed = self.store.load(&id).await.expect("the store answers");
            if listed.is_some_and(|listed| listed.status != Status::Blocked) {
                return false;
            }
        }
        self.unsettled().is_empty()
    }

    /// Compares the provider's record with the stored notifications.
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit::of(&self.simulator, &self.stored())
    }

    /// Notifications that have not ended and do not wait for a person.
    #[must_use]
    pub fn unsettled(&self) -> Vec<(NotificationId, Status)> {
        self.audit().unsettled
    }

    /// Checks the promises that hold in every test, and that every call was permitted.
    ///
    /// # Panics
    /// When a promise is broken.
    pub fn check_invariants(&self, limit_per_second: usize) {
        let refused = self.permissions.refused();
        assert!(refused.is_empty(), "{refused:#?}");
        let violations = self.audit().violations(limit_per_second);
        assert!(violations.is_empty(), "{violations:#?}");
    }
}
