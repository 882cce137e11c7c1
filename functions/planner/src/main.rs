//! The `planner` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::time::SystemClock;
use alimi::use_cases::Planner;
use alimi_planner::StreamEvent;
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    store.connect().await;
    let planner = Planner {
        catalog: store.clone(),
        documents: store,
        scheduler: Arc::new(aws.scheduler(environment.scheduler_target()?)),
        clock,
    };
    let planner = &planner;
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        Ok::<_, lambda_runtime::Error>(alimi_planner::handle(planner, event.payload).await)
    }))
    .await
}
