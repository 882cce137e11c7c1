//! Puts each function together as its `main.rs` does, over the adapters that it is given.

use std::sync::Arc;

use alimi::ports::{Clock, Meter, ProviderHttp, Randomness};
use alimi::providers::{Registry, check_message};
use alimi::use_cases::{
    Apply, Audiences, ConfigureCatalog, DiscardUploads, DryRun, Enqueue, MissedTimes, Planner,
    PreviewSchedule, ResumeRuns, RunSettings, Sender, SenderSettings, Sweeper, Trigger,
    UploadMembers, Webhook,
};
use alimi_console::ConsoleFunction;
use alimi_enqueue::EnqueueFunction;
use alimi_sweeper::SweeperFunction;
use alimi_webhook::WebhookFunction;

use crate::aws::services::Adapters;

type SharedClock = Arc<dyn Clock>;

fn apply(adapters: &Adapters, clock: &SharedClock) -> Apply {
    Apply::new(adapters.store.clone(), adapters.waker.clone(), clock.clone())
}

pub(crate) fn enqueue(adapters: &Adapters, clock: &SharedClock) -> EnqueueFunction {
    EnqueueFunction {
        enqueue: Enqueue {
            catalog: adapters.store.clone(),
            notifications: adapters.store.clone(),
            requests: adapters.store.clone(),
            classes: adapters.store.clone(),
            waker: adapters.waker.clone(),
            clock: clock.clone(),
            check: check_message,
        },
        apply: apply(adapters, clock),
        notifications: adapters.store.clone(),
        clock: clock.clone(),
        // Every caller on loopback is permitted.
        callers: |_| Some("local".to_owned()),
    }
}

pub(crate) fn webhook(adapters: &Adapters, clock: &SharedClock) -> WebhookFunction {
    WebhookFunction {
        catalog: adapters.store.clone(),
        secrets: adapters.secrets.clone(),
        webhook: Webhook::new(adapters.store.clone(), apply(adapters, clock), clock.clone()),
    }
}

pub(crate) fn console(adapters: &Adapters, clock: &SharedClock) -> ConsoleFunction {
    ConsoleFunction {
        configure_catalog: ConfigureCatalog {
            documents: adapters.store.clone(),
            catalog: adapters.store.clone(),
            agenda: adapters.store.clone(),
            classes: adapters.store.clone(),
            waker: adapters.waker.clone(),
            clock: clock.clone(),
        },
        documents: adapters.store.clone(),
        upload_members: UploadMembers {
            documents: adapters.store.clone(),
            members: adapters.store.clone(),
            uploads: adapters.store.clone(),
            clock: clock.clone(),
        },
        preview_schedule: PreviewSchedule {
            catalog: adapters.store.clone(),
            audiences: audiences(adapters),
            runs: adapters.store.clone(),
            clock: clock.clone(),
        },
        dry_run: DryRun {
            catalog: adapters.store.clone(),
            audiences: audiences(adapters),
            clock: clock.clone(),
            check: check_message,
        },
        runs: adapters.store.clone(),
        callers: |_| Some("local".to_owned()),
    }
}

fn audiences(adapters: &Adapters) -> Audiences {
    Audiences {
        members: adapters.store.clone(),
        files: adapters.files.clone(),
        part_bytes: Audiences::PART_BYTES,
    }
}

pub(crate) fn sender(
    adapters: &Adapters,
    clock: &SharedClock,
    http: Arc<dyn ProviderHttp>,
    meter: Arc<dyn Meter>,
    randomness: Arc<dyn Randomness>,
    settings: SenderSettings,
) -> Sender {
    Sender {
        catalog: adapters.store.clone(),
        notifications: adapters.store.clone(),
        agenda: adapters.store.clone(),
        lanes: adapters.store.clone(),
        classes: adapters.store.clone(),
        providers: Arc::new(Registry {
            http,
            tokens: adapters.store.clone(),
            secrets: adapters.secrets.clone(),
            clock: clock.clone(),
        }),
        waker: adapters.waker.clone(),
        meter,
        clock: clock.clone(),
        randomness,
        settings,
    }
}

pub(crate) fn trigger(
    adapters: &Adapters,
    clock: &SharedClock,
    randomness: Arc<dyn Randomness>,
) -> Trigger {
    Trigger {
        catalog: adapters.store.clone(),
        documents: adapters.store.clone(),
        runs: adapters.store.clone(),
        audiences: audiences(adapters),
        notifications: adapters.store.clone(),
        classes: adapters.store.clone(),
        queue: adapters.run_queue.clone(),
        waker: adapters.waker.clone(),
        clock: clock.clone(),
        randomness,
        check: check_message,
        settings: RunSettings::default(),
    }
}

pub(crate) fn planner(adapters: &Adapters, clock: &SharedClock) -> Planner {
    Planner {
        catalog: adapters.store.clone(),
        documents: adapters.store.clone(),
        scheduler: adapters.scheduler.clone(),
        clock: clock.clone(),
    }
}

pub(crate) fn sweeper(
    adapters: &Adapters,
    clock: &SharedClock,
    meter: Arc<dyn Meter>,
) -> SweeperFunction {
    SweeperFunction {
        sweeper: Sweeper {
            catalog: adapters.store.clone(),
            agenda: adapters.store.clone(),
            classes: adapters.store.clone(),
            waker: adapters.waker.clone(),
            meter,
            clock: clock.clone(),
            apply: apply(adapters, clock),
        },
        resume_runs: ResumeRuns {
            runs: adapters.store.clone(),
            queue: adapters.run_queue.clone(),
            clock: clock.clone(),
        },
        missed_times: MissedTimes {
            documents: adapters.store.clone(),
            runs: adapters.store.clone(),
            queue: adapters.run_queue.clone(),
            clock: clock.clone(),
        },
        planner: planner(adapters, clock),
        discard_uploads: DiscardUploads {
            uploads: adapters.store.clone(),
            members: adapters.store.clone(),
            catalog: adapters.store.clone(),
            runs: adapters.store.clone(),
            clock: clock.clone(),
        },
    }
}
