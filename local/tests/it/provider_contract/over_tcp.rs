//! The same over sockets, with the HTTP client that the functions use. The other checks need no
//! sockets, so that their time can be stopped.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::{Channel, Outcome};
use alimi::ports::{Clock, ConnectionEvent, Outgoing, Provider, Providers, Readiness};
use alimi::providers::{BuiltInAdapters, Endpoints, ProviderIo, Registry, ReqwestHttp};
use alimi::time::SystemClock;
use alimi_local::aws::secrets::SECRET_PREFIX;
use alimi_local::simulator::{Answer, Kind, Simulator, SimulatorSettings};
use tokio::net::TcpListener;

use super::answers::sample;
use super::connected::reference;
use super::fixture::Fixture;
use super::stubs::{MemoryTokens, OneSecret};

pub async fn over_tcp_answers_resets_and_closed_ports_are_told_apart(fixture: Fixture) {
    let settings = SimulatorSettings {
        latency: Duration::from_millis(1),
        latency_jitter: Duration::ZERO,
        ..SimulatorSettings::default()
    };
    let simulator = Simulator::new(settings, Arc::new(SystemClock));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = fixture.router(Arc::clone(&simulator));
    let serving = tokio::spawn(axum::serve(listener, routes).into_future());
    let registry = registry(fixture);
    let channel = fixture.channel(&format!("http://{address}"));

    let provider = prepared(&registry, &channel).await;
    let outcome = send(fixture, &*provider, "accepted").await;
    assert_eq!(outcome, Outcome::Accepted);
    for answer in [Answer::ResetBefore, Answer::ResetAfter] {
        simulator.order(answer);
        let outcome = send(fixture, &*provider, &format!("{answer:?}")).await;
        assert_eq!(outcome, Outcome::Uncertain, "{answer:?}");
    }
    let messages = simulator.arrivals().iter().filter(|a| a.kind == Kind::Message).count();
    assert_eq!(messages, 3, "the client sent a message again");

    serving.abort();
    let closed = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let channel = fixture.channel(&format!("http://{address}"));
    // The next provider of the channel has the token of the one before.
    let provider = prepared(&registry, &channel).await;
    assert_eq!(send(fixture, &*provider, "closed").await, Outcome::Unreachable);
}

fn registry(fixture: Fixture) -> Registry {
    Registry {
        adapters: Arc::new(BuiltInAdapters::new(Endpoints::Any)),
        io: ProviderIo {
            http: Arc::new(ReqwestHttp::new()),
            tokens: Arc::new(MemoryTokens::default()),
            clock: Arc::new(SystemClock),
        },
        secrets: Arc::new(OneSecret(fixture.secret())),
        secret_prefix: SECRET_PREFIX.to_owned(),
    }
}

async fn prepared(registry: &Registry, channel: &Channel) -> Arc<dyn Provider> {
    let provider = registry.provider(channel).await.expect("a provider");
    match provider.readiness(SystemClock.now_ms()).await.expect("readiness") {
        Readiness::Ready => {}
        Readiness::NeedsPreparation => provider.prepare().await.expect("prepared"),
    }
    provider
}

async fn send(fixture: Fixture, provider: &dyn Provider, name: &str) -> Outcome {
    let sample = sample(fixture);
    let reference = reference(name);
    let message = Outgoing { reference: &reference, to: &sample.to, content: &sample.content };
    provider.send(message, Arc::new(|_: ConnectionEvent| true)).await.response.outcome
}
