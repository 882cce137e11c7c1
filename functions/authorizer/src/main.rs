//! The `authorizer` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::time::SystemClock;
use alimi::use_cases::Authorizer;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    store.connect().await;
    let authorizer = Authorizer::new(store.clone(), store, clock);
    let authorizer = &authorizer;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| async move {
        Ok::<_, lambda_runtime::Error>(alimi_authorizer::handle(authorizer, &event.payload).await?)
    }))
    .await
}
