//! The `sender` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::providers::{BuiltInAdapters, ProviderIo, Registry, ReqwestHttp};
use alimi::telemetry::EmbeddedMetrics;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::{Sender, SenderSettings};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    store.connect().await;
    let sender = Sender {
        catalog: store.clone(),
        notifications: store.clone(),
        sequences: store.clone(),
        agenda: store.clone(),
        lanes: store.clone(),
        classes: store.clone(),
        providers: Arc::new(Registry {
            adapters: Arc::new(BuiltInAdapters::new(environment.endpoints())),
            io: ProviderIo {
                http: Arc::new(ReqwestHttp::new()),
                tokens: store,
                clock: clock.clone(),
            },
            secrets: Arc::new(aws.secrets()),
            secret_prefix: environment.required("SECRET_PREFIX")?,
        }),
        waker: Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?)),
        meter: Arc::new(EmbeddedMetrics::new(environment.stack(), std::io::stdout())),
        clock,
        randomness: Arc::new(SystemRandomness),
        settings: SenderSettings::default(),
    };
    let sender = &sender;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        Ok::<_, lambda_runtime::Error>(alimi_sender::handle(sender, event.payload).await)
    }))
    .await
}
