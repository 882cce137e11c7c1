//! The `sweeper` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::delivery::{Apply, Sweep};
use alimi::time::SystemClock;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::from_env().await;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    let waker = Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?));
    let apply = Apply::new(store.clone(), waker.clone(), clock.clone());
    let sweep = Sweep::new(store.clone(), store.clone(), store, waker, clock, apply);
    let sweep = &sweep;
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| async move {
        Ok::<_, lambda_runtime::Error>(alimi_sweeper::handle(sweep).await?)
    }))
    .await
}
