//! The `console` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::ports::Adapters;
use alimi::providers::BuiltInAdapters;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::{
    Apply, Audiences, AuditTrail, ConfigureCatalog, Describe, DryRun, Inspect, ListRuns,
    PreviewSchedule, RedriveDeadLetters, ReviewRestored, RunEnds, TakeFiles, UploadMembers, Why,
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
    let describe = Describe {
        notifications: store.clone(),
        sequences: store.clone(),
        catalog: store.clone(),
        lanes: store.clone(),
        adapters: adapters.clone(),
        clock: clock.clone(),
    };
    let console = ConsoleFunction {
        configure_catalog: ConfigureCatalog {
            documents: store.clone(),
            catalog: store.clone(),
            adapters: adapters.clone(),
            agenda: store.clone(),
            classes: store.clone(),
            waker: waker.clone(),
            uploads: store.clone(),
            clock: clock.clone(),
            randomness: randomness.clone(),
        },
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
        list_runs: ListRuns {
            runs: store.clone(),
            run_ends: RunEnds { groups: store.clone(), clock: clock.clone() },
        },
        inspect: Inspect { notifications: store.clone(), catalog: store.clone() },
        review_restored: ReviewRestored {
            pages: store.clone(),
            notifications: store.clone(),
            sequences: store.clone(),
            channels: store.clone(),
            documents: store.clone(),
            lanes: store.clone(),
            ledger: store.clone(),
            apply: Apply::new(store.clone(), store.clone(), store.clone(), waker, clock.clone()),
            clock: clock.clone(),
            randomness: randomness.clone(),
        },
        redrive: RedriveDeadLetters {
            letters: store.clone(),
            queues: Arc::new(aws.redrive(environment.redrive_urls()?)),
            clock: clock.clone(),
            randomness,
        },
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
