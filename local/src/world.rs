//! A world for tests: the whole stack on one thread, with a clock that moves only when everybody
//! waits (`#[tokio::test(start_paused = true)]`), so that a day passes in a blink and every
//! crash point can be visited.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use alimi::delivery::DrainSettings;
use alimi::domain::{Notification, NotificationId, Status};
use alimi::ports::{Clock, Entropy, Http, HttpRequest, HttpResponse, NoResponse, Way, WayListener};
use alimi::store::DynamoStore;
use async_trait::async_trait;
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use dynoxide::Database;
use futures::FutureExt;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::audit::Audit;
use crate::catalog_file::CatalogFile;
use crate::embedded::{self, DatabaseFaults};
use crate::figures::Ledger;
use crate::meter::DatabaseMeter;
use crate::permissions::Permissions;
use crate::queue::LocalQueue;
use crate::schedules;
use crate::simulator::{self, Simulator, SimulatorSettings};
use crate::stack::{Parts, Stack, WEBHOOK_SECRET};

/// When worlds begin: 2026-03-02 10:00 in Seoul.
pub const BEGINNING_MS: i64 = 1_772_413_200_000;

/// As `template.yaml` has it for one channel.
const SENDER_CONCURRENCY: usize = 2;

/// How a world is set up.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// The provider.
    pub simulator: SimulatorSettings,
    /// The sender's times.
    pub drain: DrainSettings,
    /// The catalog file's text.
    pub catalog: String,
    /// What a database request takes before, and again after, it has its effect.
    pub database_latency: Duration,
    /// What opening a connection to the provider takes. Nothing: all are open.
    pub connecting: Duration,
    /// Counts what all functions ask of the database.
    pub meter: DatabaseMeter,
    /// What the functions may do.
    pub permissions: Permissions,
}

impl Default for WorldSettings {
    #[expect(clippy::expect_used, reason = "this fails the test that asked for the world")]
    fn default() -> Self {
        Self {
            simulator: SimulatorSettings::default(),
            drain: DrainSettings::default(),
            catalog: include_str!("../../examples/teacher-onboarding/catalog.yaml").to_owned(),
            database_latency: Duration::from_millis(2),
            connecting: Duration::ZERO,
            meter: DatabaseMeter::default(),
            permissions: Permissions::of_template().expect("the template's policies"),
        }
    }
}

/// The world.
pub struct World {
    /// Its clock.
    pub clock: Arc<WorldClock>,
    /// Its store.
    pub store: Arc<DynamoStore>,
    /// Its database.
    pub database: Database,
    /// What goes wrong with it.
    pub faults: DatabaseFaults,
    /// Its provider.
    pub simulator: Arc<Simulator>,
    /// The way to the provider.
    pub http: Arc<RouterHttp>,
    /// Its wake queue.
    pub queue: Arc<LocalQueue>,
    /// The sender's figures.
    pub ledger: Arc<Ledger>,
    /// The functions.
    pub stack: Stack,
    /// What they may do, and have done.
    pub permissions: Permissions,
}

impl World {
    /// A new world. Nothing moves in it until [`Self::start_senders`] is called.
    ///
    /// # Panics
    /// When the world cannot be set up: that fails the test.
    #[expect(clippy::expect_used, reason = "this fails the test that asked for the world")]
    pub async fn new(settings: WorldSettings) -> Self {
        let clock = Arc::new(WorldClock::new());
        let database = embedded::database().expect("an embedded database");
        let faults = DatabaseFaults::default();
        let latency = settings.database_latency;
        let client = embedded::client_in_process(database.clone(), latency, faults.clone());
        let client = settings.meter.attached_to(&client);
        // The tests' own, which may do anything.
        let store = Arc::new(DynamoStore::new(client.clone(), embedded::tables(), clock.clone()));
        let catalog = CatalogFile::read(&settings.catalog).expect("the catalog file");
        catalog.apply(&store).await.expect("the catalog is stored");
        let simulator = Simulator::new(settings.simulator, clock.clone());
        let router = simulator::router(simulator.clone());
        let http = Arc::new(RouterHttp::new(router, settings.connecting));
        let queue = Arc::new(LocalQueue::default());
        let ledger = Arc::new(Ledger::default());
        let parts = Parts {
            store: store.clone(),
            queue: queue.clone(),
            http: http.clone(),
            meter: ledger.clone(),
            clock: clock.clone(),
            entropy: Arc::new(Counting::default()),
            settings: settings.drain,
        };
        let permissions = settings.permissions;
        let stack = Stack::permitted(parts, &client, &permissions);
        let webhook = stack.webhook.clone();
        simulator.push_to(Arc::new(move |push| {
            let webhook = webhook.clone();
            async move {
                let path = format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}");
                call(webhook, "POST", &path, &[], push.to_string()).await.0.as_u16()
            }
            .boxed()
        }));
        Self { clock, store, database, faults, simulator, http, queue, ledger, stack, permissions }
    }

    /// Feeds wakes to senders from now on. Dropping the handle does not stop them.
    pub fn start_senders(&self) {
        self.start_mortal_senders(&Doom::never());
    }

    /// The same, but invocations die as `doom` has it.
    pub fn start_mortal_senders(&self, doom: &Doom) {
        let drain = self.stack.drain.clone();
        let doom = doom.clone();
        let handler = move |event: SqsEvent| {
            let drain = drain.clone();
            let doom = doom.clone();
            async move { doom.over(async move { alimi_sender::handle(&drain, event).await }).await }
        };
        let clock = self.clock.clone();
        tokio::spawn(self.queue.clone().pump(clock, SENDER_CONCURRENCY, handler));
    }

    /// Fires schedules and feeds runs to triggers from now on.
    pub fn start_schedules(&self) {
        schedules::start(&self.stack, &Doom::never());
    }

    /// A producer's request to `enqueue`.
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

    /// An operator's request to `console`.
    pub async fn operate(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl ToString,
    ) -> Answer {
        operate(self.stack.console.clone(), method, path, headers, body.to_string()).await
    }

    /// A request to `webhook`.
    pub async fn webhook(&self, path: &str, body: impl ToString) -> (StatusCode, Value) {
        call(self.stack.webhook.clone(), "POST", path, &[], body.to_string()).await
    }

    /// One notification, as it is stored.
    ///
    /// # Panics
    /// When it is not there: that fails the test.
    #[expect(clippy::expect_used, reason = "this fails the test that asked")]
    pub async fn notification(&self, id: &str) -> Notification {
        use alimi::ports::Notifications;
        let id: NotificationId = id.parse().expect("an id");
        self.store.load(&id).await.expect("the store answers").expect("it is there")
    }

    /// Every notification that is stored, by id.
    ///
    /// # Panics
    /// When the table cannot be read: that fails the test.
    #[expect(clippy::expect_used, reason = "this fails the test that asked")]
    #[must_use]
    pub fn notifications(&self) -> BTreeMap<NotificationId, Notification> {
        embedded::notifications(&self.database).expect("the table")
    }

    /// Lets time pass, a round of the sweeper every minute, until nothing is left to happen by
    /// itself: every notification is over, is an exception, or waits behind one.
    ///
    /// # Panics
    /// When that takes longer than `within`: that fails the test.
    pub async fn settle(&self, within: Duration) {
        let give_up_at = Instant::now() + within;
        let sweeps = {
            let sweep = self.stack.sweep.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    let swept = alimi_sweeper::handle(&sweep).await;
                    assert!(swept.is_ok(), "the sweeper failed: {swept:?}");
                }
            })
        };
        // Looked at often at first, since most things are over soon.
        let mut pause = Duration::from_millis(500);
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(120));
            assert!(!sweeps.is_finished(), "the sweeper failed");
            if self.simulator.pushes_under_way() == 0 && self.unsettled().is_empty() {
                break;
            }
            assert!(
                Instant::now() < give_up_at,
                "after {within:?} these are still under way: {:#?}",
                self.unsettled()
            );
        }
        sweeps.abort();
        let refused = self.permissions.refused();
        assert!(refused.is_empty(), "{refused:#?}");
    }

    /// What an outsider who saw everything can say.
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit::of(&self.simulator, &self.notifications())
    }

    /// Notifications that something still has to happen to.
    #[must_use]
    pub fn unsettled(&self) -> Vec<(NotificationId, Status)> {
        self.audit().unsettled
    }

    /// Checks what has to hold whatever happened, from the provider's side and from ours.
    ///
    /// # Panics
    /// When an invariant is broken: that fails the test.
    pub fn check_invariants(&self, limit_per_second: usize) {
        let refused = self.permissions.refused();
        assert!(refused.is_empty(), "{refused:#?}");
        let violations = self.audit().violations(limit_per_second);
        assert!(violations.is_empty(), "{violations:#?}");
    }
}

/// What `console` answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The `ETag`, as it came.
    pub etag: Option<String>,
    /// The body; null when it is empty.
    pub body: Value,
}

/// Sends one request to the routes of `console`.
pub async fn operate(
    console: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Answer {
    let (status, headers, body) = exchange(console, method, path, headers, body).await;
    let etag = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    Answer { status: status.as_u16(), etag, body }
}

/// Sends one request to a router.
async fn call(
    router: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (StatusCode, Value) {
    let (status, _, body) = exchange(router, method, path, headers, body).await;
    (status, body)
}

async fn exchange(
    router: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let Ok(request) = request.body(Body::from(body)) else {
        return (StatusCode::IM_A_TEAPOT, HeaderMap::new(), Value::Null);
    };
    let Ok(response) = router.oneshot(request).await;
    let status = response.status();
    let headers = response.headers().clone();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    (status, headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// The world's clock: it moves with tokio's, which stands still while somebody is at work.
pub struct WorldClock {
    began: Instant,
}

impl WorldClock {
    fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for WorldClock {
    fn now_us(&self) -> i64 {
        let passed_us = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        1000 * BEGINNING_MS + passed_us
    }
}

/// Dice that show one number after the other.
#[derive(Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// HTTP that goes straight into a router. As over a network, a request that has been sent is
/// handled to its end whether or not anybody still waits for the answer.
pub struct RouterHttp {
    router: Router,
    failures: Mutex<VecDeque<NoResponse>>,
    /// How all requests fail, if they do. Without an answer, after their time-out.
    failing: Mutex<Option<NoResponse>>,
    answered_at: Mutex<Option<Instant>>,
    /// What opening a connection takes.
    connecting: Duration,
    /// How long a request is on its way once it is written.
    way: Mutex<Duration>,
    /// Connections that are open and carry nothing.
    free: AtomicUsize,
}

impl RouterHttp {
    fn new(router: Router, connecting: Duration) -> Self {
        Self {
            router,
            failures: Mutex::default(),
            failing: Mutex::default(),
            answered_at: Mutex::default(),
            connecting,
            way: Mutex::default(),
            free: AtomicUsize::new(0),
        }
    }

    /// Takes a free connection, or opens one. Answers whether it may be used.
    async fn connection(&self, way: Option<&WayListener>) -> bool {
        let take = |free: usize| free.checked_sub(1);
        let taken = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        if self.connecting.is_zero() || taken.is_ok() {
            return true;
        }
        let tell = |told| way.is_none_or(|way| way(told));
        tell(Way::Connecting) && {
            tokio::time::sleep(self.connecting).await;
            tell(Way::Connected)
        }
    }

    fn give_back_connection(&self) {
        self.free.fetch_add(1, Ordering::Relaxed);
    }

    fn has_answered(&self) {
        *self.answered_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Makes every request fail before it reaches the provider, as this, from now on; or none.
    pub fn fail_from_now(&self, failure: Option<NoResponse>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Lets requests be on their way for this long from now on, once they are written.
    pub fn take(&self, way: Duration) {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    /// Makes the next request fail before it reaches the provider, as this.
    pub fn fail_next(&self, failure: NoResponse) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push_back(failure);
    }
}

#[async_trait]
impl Http for RouterHttp {
    /// As the real client: connections that were not used for a while are let go.
    fn freshen(&self, _base_url: &str, _connect_timeout: Duration) {
        let answered_at = *self.answered_at.lock().unwrap_or_else(PoisonError::into_inner);
        if answered_at.is_some_and(|at| at.elapsed() >= Duration::from_secs(3)) {
            self.free.store(0, Ordering::Relaxed);
        }
    }

    async fn post(&self, request: HttpRequest) -> Result<HttpResponse, NoResponse> {
        let failure = self.failures.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(failure) = failure {
            return Err(failure);
        }
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match failing {
            None => {}
            Some(failure @ NoResponse::NotSent(_)) => return Err(failure),
            Some(failure @ NoResponse::MaybeSent(_)) => {
                tokio::time::sleep(request.total_timeout).await;
                return Err(failure);
            }
        }
        let built = Request::post(&request.url)
            .header(header::AUTHORIZATION, request.authorization.expose_secret())
            .body(Body::from(request.body))
            .map_err(|error| NoResponse::NotSent(error.to_string()))?;
        if !self.connection(request.way.as_ref()).await {
            return Err(NoResponse::NotSent("it may not be used any more".to_owned()));
        }
        let way = *self.way.lock().unwrap_or_else(PoisonError::into_inner);
        let router = self.router.clone();
        let handled = tokio::spawn(async move {
            if !way.is_zero() {
                tokio::time::sleep(way).await;
            }
            router.oneshot(built).await
        });
        let response = tokio::time::timeout(request.total_timeout, handled)
            .await
            .map_err(|_| NoResponse::MaybeSent("timed out".to_owned()))?
            .map_err(|error| NoResponse::MaybeSent(error.to_string()))?;
        let Ok(response) = response;
        self.give_back_connection();
        self.has_answered();
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        Ok(HttpResponse { status, headers, body })
    }
}

/// What befalls an invocation, and when.
#[derive(Clone, Debug)]
pub struct Doom {
    /// How many steps the doomed invocation still makes. Negative: nobody is doomed.
    steps_left: Arc<AtomicI64>,
    /// It freezes for this long instead of dying.
    freezes_for: Option<Duration>,
    struck: Arc<AtomicBool>,
}

impl Doom {
    /// Nothing befalls anybody.
    #[must_use]
    pub fn never() -> Self {
        Self::after(-1)
    }

    /// Whoever is at work after this many steps dies on the spot, and all that it had under way
    /// goes with it. A step is what happens between two awaits that really wait. Strikes once.
    #[must_use]
    pub fn after(steps: i64) -> Self {
        let steps_left = Arc::new(AtomicI64::new(steps));
        Self { steps_left, freezes_for: None, struck: Arc::default() }
    }

    /// The same, but it freezes for a while, as an execution environment may, and goes on as if
    /// nothing had happened.
    #[must_use]
    pub fn freeze_after(steps: i64, duration: Duration) -> Self {
        Self { freezes_for: Some(duration), ..Self::after(steps) }
    }

    /// Whether it struck.
    #[must_use]
    pub fn has_struck(&self) -> bool {
        self.struck.load(Ordering::Relaxed)
    }

    /// Lives a life under this doom. `None` when it ended early.
    pub async fn over<F: Future + Send>(&self, life: F) -> Option<F::Output> {
        Mortal { life: Some(Box::pin(life)), frozen: None, doom: self.clone() }.await
    }

    /// Counts a step, and tells whether it is the last one.
    fn is_due(&self) -> bool {
        let left = self.steps_left.load(Ordering::Relaxed);
        if left >= 0 {
            self.steps_left.store(left - 1, Ordering::Relaxed);
        }
        if left == 0 {
            self.struck.store(true, Ordering::Relaxed);
        }
        left == 0
    }
}

struct Mortal<'a, T> {
    life: Option<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
    frozen: Option<Pin<Box<tokio::time::Sleep>>>,
    doom: Doom,
}

impl<T> Future for Mortal<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.frozen.is_none() && self.doom.is_due() {
            let Some(duration) = self.doom.freezes_for else {
                self.life = None;
                return Poll::Ready(None);
            };
            self.frozen = Some(Box::pin(tokio::time::sleep(duration)));
        }
        if let Some(frozen) = &mut self.frozen {
            if frozen.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.frozen = None;
        }
        match &mut self.life {
            Some(life) => life.as_mut().poll(context).map(Some),
            None => Poll::Ready(None),
        }
    }
}
