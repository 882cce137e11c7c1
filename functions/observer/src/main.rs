//! The `observer` function.

use std::sync::Arc;
use std::time::Duration;

use alimi::aws::{Aws, Environment};
use alimi::ports::Clock;
use alimi::telemetry::EmbeddedMetrics;
use alimi::time::SystemClock;
use alimi::use_cases::CollectDeadLetters;
use alimi_observer::ObserverFunction;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let function = ObserverFunction {
        dead_letters: CollectDeadLetters {
            queues: Arc::new(aws.dead_letters(environment.dead_letter_urls()?)),
            letters: Arc::new(aws.store(environment.tables()?, clock.clone())),
            meter: Arc::new(EmbeddedMetrics::new(environment.stack(), std::io::stdout())),
            clock: clock.clone(),
        },
    };
    let (function, clock) = (&function, &clock);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let deadline_ms = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let left_ms = u64::try_from(deadline_ms - clock.now_ms()).unwrap_or(0);
        let time_left = Duration::from_millis(left_ms);
        Ok::<_, lambda_runtime::Error>(alimi_observer::handle(function, time_left).await)
    }))
    .await
}
