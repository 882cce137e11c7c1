//! The `trigger` function.

use std::sync::Arc;
use std::time::Duration;

use alimi::aws::{Aws, Environment};
use alimi::ports::Clock;
use alimi::providers::BuiltInAdapters;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::{Audiences, RunSettings, Trigger};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    store.connect().await;
    let trigger = Trigger {
        catalog: store.clone(),
        documents: store.clone(),
        runs: store.clone(),
        audiences: Audiences {
            members: store.clone(),
            files: Arc::new(aws.audience_files()),
            part_bytes: Audiences::PART_BYTES,
        },
        notifications: store.clone(),
        put_pace: store.clone(),
        classes: store,
        queue: Arc::new(aws.run_queue(environment.required("RUN_QUEUE_URL")?)),
        waker: Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?)),
        clock: clock.clone(),
        randomness: Arc::new(SystemRandomness),
        adapters: Arc::new(BuiltInAdapters::new(environment.endpoints())),
        settings: RunSettings::default(),
    };
    let (trigger, clock) = (&trigger, &clock);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let left_ms = u64::try_from(deadline_ms - clock.now_ms()).unwrap_or(0);
        let time_left = Duration::from_millis(left_ms);
        Ok::<_, lambda_runtime::Error>(
            alimi_trigger::handle(trigger, event.payload, time_left).await?,
        )
    }))
    .await
}
