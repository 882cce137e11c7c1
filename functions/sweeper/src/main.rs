//! The `sweeper` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::providers::BuiltInAdapters;
use alimi::telemetry::EmbeddedMetrics;
use alimi::time::SystemClock;
use alimi::use_cases::{
    Apply, DiscardUploads, FinishRuns, MissedTimes, Planner, ResumeRuns, RunEnds, Sweeper,
};
use alimi_sweeper::SweeperFunction;
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
    let waker = Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?));
    let run_queue = Arc::new(aws.run_queue(environment.required("RUN_QUEUE_URL")?));
    let apply =
        Apply::new(store.clone(), store.clone(), store.clone(), waker.clone(), clock.clone());
    let function = SweeperFunction {
        sweeper: Sweeper {
            catalog: store.clone(),
            adapters: Arc::new(BuiltInAdapters::new(environment.endpoints())),
            agenda: store.clone(),
            notifications: store.clone(),
            lanes: store.clone(),
            classes: store.clone(),
            waker,
            meter: Arc::new(EmbeddedMetrics::new(environment.stack(), std::io::stdout())),
            clock: clock.clone(),
            apply,
        },
        resume_runs: ResumeRuns {
            runs: store.clone(),
            queue: run_queue.clone(),
            clock: clock.clone(),
        },
        finish_runs: FinishRuns {
            runs: store.clone(),
            run_ends: RunEnds { groups: store.clone(), clock: clock.clone() },
            places: store.clone(),
        },
        missed_times: MissedTimes {
            documents: store.clone(),
            runs: store.clone(),
            queue: run_queue,
            places: store.clone(),
            clock: clock.clone(),
        },
        discard_uploads: DiscardUploads {
            uploads: store.clone(),
            members: store.clone(),
            files: Arc::new(aws.audience_files()),
            bucket: environment.required("AUDIENCE_BUCKET")?,
            catalog: store.clone(),
            runs: store.clone(),
            clock: clock.clone(),
        },
        places: store.clone(),
        planner: Planner {
            catalog: store.clone(),
            documents: store,
            scheduler: Arc::new(aws.scheduler(environment.scheduler_target()?)),
            clock,
        },
    };
    let function = &function;
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| async move {
        Ok::<_, lambda_runtime::Error>(alimi_sweeper::handle(function).await?)
    }))
    .await
}
