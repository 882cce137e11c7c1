//! The `webhook` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
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
    let apply = Apply::new(store.clone(), waker, clock.clone());
    lambda_http::run(router(WebhookFunction {
        catalog: store.clone(),
        secrets: Arc::new(aws.secrets()),
        webhook: Webhook::new(store, apply, clock),
    }))
    .await
}
