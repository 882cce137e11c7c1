//! The `webhook` function.

use std::sync::Arc;
use std::time::Duration;

use alimi::aws::{Aws, Environment};
use alimi::http::api_gateway_source;
use alimi::ports::Clock;
use alimi::providers::BuiltInAdapters;
use alimi::telemetry::EmbeddedMetrics;
use alimi::time::SystemClock;
use alimi::use_cases::{Apply, Webhook, WebhookPorts};
use alimi_webhook::WebhookFunction;
use lambda_http::lambda_runtime;
use lambda_http::{LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    let waker = Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?));
    let webhook = Webhook::new(WebhookPorts {
        channels: store.clone(),
        adapters: Arc::new(BuiltInAdapters::new(environment.endpoints())),
        notifications: store.clone(),
        apply: Apply::new(store.clone(), store.clone(), store, waker, clock.clone()),
        queue: Arc::new(aws.receipt_queue(environment.required("RECEIPT_QUEUE_URL")?)),
        meter: Arc::new(EmbeddedMetrics::new(environment.stack(), std::io::stdout())),
        clock: clock.clone(),
    });
    webhook.start().await;
    let function = WebhookFunction { webhook, source: api_gateway_source };
    let (function, clock) = (&function, &clock);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let left_ms = u64::try_from(deadline_ms - clock.now_ms()).unwrap_or(0);
        let time_left = Duration::from_millis(left_ms);
        Ok::<_, lambda_http::Error>(alimi_webhook::handle(function, event, time_left).await?)
    }))
    .await
}
