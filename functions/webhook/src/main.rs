//! The `webhook` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::providers::BuiltInAdapters;
use alimi::time::SystemClock;
use alimi::use_cases::{Apply, Webhook};
use alimi_webhook::{WebhookFunction, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    store.connect().await;
    let waker = Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?));
    let apply = Apply::new(store.clone(), store.clone(), waker, clock.clone());
    lambda_http::run(router(WebhookFunction {
        catalog: store.clone(),
        adapters: Arc::new(BuiltInAdapters::new(environment.endpoints())),
        webhook: Webhook::new(store, apply, clock),
    }))
    .await
}
