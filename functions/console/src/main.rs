//! The `console` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::ports::{Adapters, Waker};
use alimi::providers::BuiltInAdapters;
use alimi::store::DynamoStore;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::{
    Apply, Audiences, AuditTrail, CancelRuns, ConfigureCatalog, Decide, DecideBulk, Describe,
    DryRun, Inspect, ListExceptions, ListRuns, Overrule, PreviewSchedule, RedriveDeadLetters,
    ReviewRestored, RunEnds, RunNow, TakeFiles, UploadMembers, Why,
};
use alimi_console::{ConsoleFunction, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment;
    environment.start_logging();
    let aws = Aws::in_lambda(environment)?;
    let clock = Arc::new(SystemClock);
    let store = Arc::new(aws.store(environment.tables()?, clock.clone()));
    store.connect().await;
    let adapters: Arc<dyn Adapters> = Arc::new(BuiltInAdapters::new(environment.endpoints()));
    let files = Arc::new(aws.audience_files());
    let audiences = Audiences {
        members: store.clone(),
        files: files.clone(),
        part_bytes: Audiences::PART_BYTES,
    };
    let waker = Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?));
    let randomness = Arc::new(SystemRandomness);
    let apply =
        Apply::new(store.clone(), store.clone(), store.clone(), waker.clone(), clock.clone());
    let decide = Decide {
        notifications: store.clone(),
        catalog: store.clone(),
        apply: apply.clone(),
        clock: clock.clone(),
    };
    let describe = describe(&store, adapters.clone(), clock.clone());
    let console = ConsoleFunction {
        configure_catalog: configure_catalog(&store, adapters.clone(), waker, clock.clone()),
        documents: store.clone(),
        upload_members: UploadMembers {
            documents: store.clone(),
            members: store.clone(),
            uploads: store.clone(),
            clock: clock.clone(),
        },
        take_files: TakeFiles {
            documents: store.clone(),
            uploads: store.clone(),
            files,
            bucket: environment.required("AUDIENCE_BUCKET")?,
            clock: clock.clone(),
            randomness: randomness.clone(),
        },
        preview_schedule: PreviewSchedule {
            catalog: store.clone(),
            audiences: audiences.clone(),
            runs: store.clone(),
            clock: clock.clone(),
        },
        dry_run: DryRun { catalog: store.clone(), audiences, clock: clock.clone(), adapters },
        list_exceptions: ListExceptions { exceptions: store.clone(), batches: store.clone() },
        list_runs: ListRuns {
            runs: store.clone(),
            run_ends: RunEnds { groups: store.clone(), clock: clock.clone() },
        },
        run_now: RunNow {
            documents: store.clone(),
            runs: store.clone(),
            queue: Arc::new(aws.run_queue(environment.required("RUN_QUEUE_URL")?)),
            clock: clock.clone(),
            randomness: randomness.clone(),
        },
        cancel_runs: CancelRuns {
            runs: store.clone(),
            groups: store.clone(),
            apply: apply.clone(),
            clock: clock.clone(),
        },
        inspect: Inspect { notifications: store.clone(), catalog: store.clone() },
        overrule: Overrule {
            apply: apply.clone(),
            notifications: store.clone(),
            sequences: store.clone(),
            clock: clock.clone(),
        },
        review_restored: review_restored(&store, apply, clock.clone()),
        redrive: RedriveDeadLetters {
            letters: store.clone(),
            queues: Arc::new(aws.redrive(environment.redrive_urls()?)),
            clock: clock.clone(),
            randomness: randomness.clone(),
        },
        decide_bulk: DecideBulk {
            exceptions: store.clone(),
            jobs: store.clone(),
            decide: decide.clone(),
            randomness,
        },
        decide,
        audit: AuditTrail { audit: store.clone(), clock },
        why: Why {
            describe: describe.clone(),
            documents: store.clone(),
            agenda: store.clone(),
            classes: store.clone(),
        },
        describe,
        callers: environment.identities(),
    };
    lambda_http::run(router(console)).await
}

fn describe(
    store: &Arc<DynamoStore>,
    adapters: Arc<dyn Adapters>,
    clock: Arc<SystemClock>,
) -> Describe {
    Describe {
        notifications: store.clone(),
        batches: store.clone(),
        sequences: store.clone(),
        catalog: store.clone(),
        lanes: store.clone(),
        adapters,
        clock,
    }
}

fn configure_catalog(
    store: &Arc<DynamoStore>,
    adapters: Arc<dyn Adapters>,
    waker: Arc<dyn Waker>,
    clock: Arc<SystemClock>,
) -> ConfigureCatalog {
    ConfigureCatalog {
        documents: store.clone(),
        catalog: store.clone(),
        adapters,
        agenda: store.clone(),
        classes: store.clone(),
        waker,
        uploads: store.clone(),
        clock,
        randomness: Arc::new(SystemRandomness),
        key_uses: store.clone(),
    }
}

fn review_restored(
    store: &Arc<DynamoStore>,
    apply: Apply,
    clock: Arc<SystemClock>,
) -> ReviewRestored {
    ReviewRestored {
        pages: store.clone(),
        notifications: store.clone(),
        sequences: store.clone(),
        channels: store.clone(),
        documents: store.clone(),
        lanes: store.clone(),
        ledger: store.clone(),
        apply,
        clock,
        randomness: Arc::new(SystemRandomness),
    }
}
