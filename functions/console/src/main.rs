//! The `console` function.

use std::sync::Arc;

use alimi::aws::{Aws, Environment};
use alimi::ports::Adapters;
use alimi::providers::BuiltInAdapters;
use alimi::time::{SystemClock, SystemRandomness};
use alimi::use_cases::{
    Apply, Audiences, ConfigureCatalog, DryRun, Inspect, Overrule, PreviewSchedule, UploadMembers,
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
    let audiences = Audiences {
        members: store.clone(),
        files: Arc::new(aws.audience_files()),
        part_bytes: Audiences::PART_BYTES,
    };
    let waker = Arc::new(aws.wake_queue(environment.required("WAKE_QUEUE_URL")?));
    let apply =
        Apply::new(store.clone(), store.clone(), store.clone(), waker.clone(), clock.clone());
    let console = ConsoleFunction {
        configure_catalog: ConfigureCatalog {
            documents: store.clone(),
            catalog: store.clone(),
            adapters: adapters.clone(),
            agenda: store.clone(),
            classes: store.clone(),
            waker,
            clock: clock.clone(),
            randomness: Arc::new(SystemRandomness),
            key_uses: store.clone(),
        },
        documents: store.clone(),
        upload_members: UploadMembers {
            documents: store.clone(),
            members: store.clone(),
            uploads: store.clone(),
            clock: clock.clone(),
        },
        preview_schedule: PreviewSchedule {
            catalog: store.clone(),
            audiences: audiences.clone(),
            runs: store.clone(),
            clock: clock.clone(),
        },
        dry_run: DryRun { catalog: store.clone(), audiences, clock: clock.clone(), adapters },
        inspect: Inspect { notifications: store.clone(), catalog: store.clone() },
        overrule: Overrule { apply, notifications: store.clone(), sequences: store.clone(), clock },
        runs: store,
        callers: environment.identities(),
    };
    lambda_http::run(router(console)).await
}
