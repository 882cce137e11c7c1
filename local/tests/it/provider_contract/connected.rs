//! A provider that is connected with its simulator.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi::domain::{
    Channel, FieldError, IncomingReceipt, NotificationId, Reference, RequestKey, Verdict,
};
use alimi::ports::{
    Adapter, Adapters, Clock, ConnectionEvent, NotPrepared, Outgoing, Provider, Providers,
    Readiness, SendResult,
};
use alimi::providers::{BuiltInAdapters, Endpoints, ProviderIo, Registry};
use alimi_local::aws::secrets::SECRET_PREFIX;
use alimi_local::simulator::{Kind, Simulator, SimulatorSettings};
use futures::FutureExt;
use tokio::time::Instant;

use super::fixture::{Fixture, Sample};
use super::network::Network;
use super::stubs::{MemoryTokens, OneSecret, PausedClock};

/// No socket is opened to it.
const ENDPOINT: &str = "http://127.0.0.1:9800";

/// Longer than the simulator needs for any receipt.
const RECEIPTS_WITHIN: Duration = Duration::from_secs(20);

/// Receipts that the adapter read from one request.
pub struct Received {
    pub at: Instant,
    pub read: Result<Vec<IncomingReceipt>, FieldError>,
}

pub struct Connected {
    pub simulator: Arc<Simulator>,
    pub network: Arc<Network>,
    pub channel: Channel,
    pub adapter: Arc<dyn Adapter>,
    pub provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    registry: Registry,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Connected {
    pub async fn new(fixture: Fixture) -> Self {
        Self::with_secret(fixture, fixture.secret()).await.expect("a provider")
    }

    /// A provider whose channel has another secret. A secret may be refused before any request.
    pub async fn with_secret(fixture: Fixture, secret: String) -> Result<Self, NotPrepared> {
        let clock: Arc<dyn Clock> = Arc::new(PausedClock::new());
        let simulator = Simulator::new(SimulatorSettings::default(), Arc::clone(&clock));
        let network = Arc::new(Network::new(fixture.router(Arc::clone(&simulator))));
        let channel = fixture.channel(ENDPOINT);
        let adapter = adapter(&channel);
        let registry = Registry {
            adapters: Arc::new(BuiltInAdapters::new(Endpoints::Any)),
            io: ProviderIo {
                http: network.clone(),
                tokens: Arc::new(MemoryTokens::default()),
                clock: Arc::clone(&clock),
            },
            secrets: Arc::new(OneSecret(secret)),
            secret_prefix: SECRET_PREFIX.to_owned(),
        };
        let provider = registry.provider(&channel).await?;
        let received = deliver_receipts(fixture, &simulator, &adapter);
        Ok(Self { simulator, network, channel, adapter, provider, clock, registry, received })
    }

    /// The provider, as the next sender of the channel connects it.
    pub async fn next_sender(&self) -> Arc<dyn Provider> {
        self.registry.provider(&self.channel).await.expect("a provider")
    }

    pub async fn readiness(&self, provider: &dyn Provider) -> Readiness {
        provider.readiness(self.clock.now_ms()).await.expect("readiness")
    }

    /// Sends a message as a sender does: first the provider is prepared, if it has to be.
    pub async fn send(&self, sample: &Sample, reference: &Reference) -> SendResult {
        match self.readiness(&*self.provider).await {
            Readiness::Ready => {}
            Readiness::NeedsPreparation => self.provider.prepare().await.expect("prepared"),
        }
        self.send_unprepared(sample, reference).await
    }

    pub async fn send_unprepared(&self, sample: &Sample, reference: &Reference) -> SendResult {
        let message = Outgoing { reference, to: &sample.to, content: &sample.content };
        self.provider.send(message, Arc::new(|_: ConnectionEvent| true)).await
    }

    /// Waits until every receipt is sent and every message has appeared.
    pub async fn settle(&self) {
        tokio::time::sleep(RECEIPTS_WITHIN).await;
        assert_eq!(self.simulator.pending_receipts(), 0, "the adapter does not take a receipt");
    }

    /// The verdicts of all receipts so far, in order. Every receipt must name this attempt.
    pub fn verdicts(&self, reference: &Reference) -> Vec<Verdict> {
        self.receipts()
            .into_iter()
            .map(|incoming| {
                assert_eq!(incoming.reference.as_ref(), Some(reference));
                incoming.receipt.verdict
            })
            .collect()
    }

    /// All receipts so far, in order.
    pub fn receipts(&self) -> Vec<IncomingReceipt> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let read = received.iter().map(|received| received.read.clone().expect("receipts"));
        read.flatten().collect()
    }

    /// When the first receipt came.
    pub fn first_receipt_at(&self) -> Option<Instant> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.first().map(|received| received.at)
    }

    /// How many requests of this kind arrived.
    pub fn count(&self, kind: Kind) -> usize {
        self.simulator.arrivals().iter().filter(|arrival| arrival.kind == kind).count()
    }

    /// The messages on the phones, each as its text.
    pub fn texts_on_phones(&self) -> Vec<String> {
        self.simulator.messages().into_iter().map(|message| message.shown.text).collect()
    }
}

/// Makes the adapter read every receipt that the simulator sends, and the simulator judge the
/// adapter's reply.
fn deliver_receipts(
    fixture: Fixture,
    simulator: &Simulator,
    adapter: &Arc<dyn Adapter>,
) -> Arc<Mutex<Vec<Received>>> {
    let received = Arc::new(Mutex::new(Vec::new()));
    let Some(receipts) = fixture.receipts() else { return received };
    let (record, adapter) = (Arc::clone(&received), Arc::clone(adapter));
    simulator.deliver_receipts_to(Arc::new(move |body: serde_json::Value| {
        let read = adapter.read_receipts(&receipts.posted(&body));
        let status = match &read {
            Ok(_) => adapter.receipt_reply().status().as_u16(),
            Err(_) => 422,
        };
        let received = Received { at: Instant::now(), read };
        record.lock().unwrap_or_else(PoisonError::into_inner).push(received);
        async move { status }.boxed()
    }));
    received
}

/// The adapter of a channel, on a local stack.
pub fn adapter(channel: &Channel) -> Arc<dyn Adapter> {
    BuiltInAdapters::new(Endpoints::Any).adapter(channel).expect("an adapter")
}

/// A channel that sends to no address that exists.
pub fn unconnected(fixture: Fixture) -> Channel {
    fixture.channel(ENDPOINT)
}

/// The first attempt at a message of this name.
pub fn reference(name: &str) -> Reference {
    let route = "POST /v1/notifications";
    let key = RequestKey { producer: "contract", route, idempotency_key: name };
    let id: NotificationId = key.notification_id(0);
    Reference { id, attempt: 1 }
}
