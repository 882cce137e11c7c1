//! The `enqueue` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::providers::BuiltInAdapters;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::{
    Allowances, Apply, AuditTrail, Describe, Enqueue, ListNotifications, PUTS_PER_SECOND, Producers,
};
use alimi_enqueue::{EnqueueFunction, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    store.connect().await;
    let waker = Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?));
    let adapters = Arc::new(BuiltInAdapters::new(environment.endpoints()));
    let randomness = Arc::new(SystemRandomness);
    let function = EnqueueFunction {
        enqueue: Enqueue {
            catalog: store.clone(),
            notifications: store.clone(),
            sequences: store.clone(),
            requests: store.clone(),
            put_pace: store.clone(),
            puts_per_second: Some(PUTS_PER_SECOND),
            classes: store.clone(),
            waker: waker.clone(),
            clock: clock.clone(),
            randomness: randomness.clone(),
            adapters: adapters.clone(),
            allowances: Allowances::new(store.clone(), clock.clone(), randomness),
        },
        describe: Describe {
            notifications: store.clone(),
            batches: store.clone(),
            sequences: store.clone(),
            catalog: store.clone(),
            lanes: store.clone(),
            adapters,
            clock: clock.clone(),
        },
        apply: Apply::new(store.clone(), store.clone(), store.clone(), waker, clock.clone()),
        producers: Producers::new(store.clone(), clock.clone()),
        audit: AuditTrail { audit: store.clone(), clock: clock.clone() },
        list: ListNotifications { lists: store.clone(), batches: store.clone() },
        notifications: store,
        clock,
        callers: environment.callers(),
        identities: environment.identities(),
    };
    lambda_http::run(router(function)).await
}
