//! Puts each function together as its `main.rs` does, over the adapters that it is given.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use alimi::http::api_gateway_source;
use alimi::ports::{Adapters as ProviderAdapters, Clock, Meter, ProviderHttp, Randomness};
use alimi::providers::{BuiltInAdapters, Endpoints, ProviderIo, Registry};
use alimi::use_cases::{
    Apply, Audiences, AuditTrail, CollectDeadLetters, ConfigureCatalog, Describe, DiscardUploads,
    DryRun, Enqueue, FinishRuns, Inspect, ListRuns, MissedTimes, PUTS_PER_SECOND, Planner,
    PreviewSchedule, Producers, RedriveDeadLetters, ResumeRuns, ReviewRestored, RunEnds,
    RunSettings, Sender, SenderSettings, Sweeper, TakeFiles, Trigger, UploadMembers, Webhook,
    WebhookPorts, Why,
};
use alimi_console::ConsoleFunction;
use alimi_enqueue::EnqueueFunction;
use alimi_observer::ObserverFunction;
use alimi_sweeper::SweeperFunction;
use alimi_webhook::WebhookFunction;
use axum::extract::ConnectInfo;
use http::Extensions;

use crate::aws::files::UPLOAD_BUCKET;
use crate::aws::secrets::SECRET_PREFIX;
use crate::aws::services::Adapters;

type SharedClock = Arc<dyn Clock>;

fn audit_trail(adapters: &Adapters, clock: &SharedClock) -> AuditTrail {
    AuditTrail { audit: adapters.store.clone(), clock: clock.clone() }
}

fn apply(adapters: &Adapters, clock: &SharedClock) -> Apply {
    let store = &adapters.store;
    let waker = adapters.waker.clone();
    Apply::new(store.clone(), store.clone(), store.clone(), waker, clock.clone())
}

/// Channels may name the simulated provider.
fn provider_adapters() -> Arc<dyn ProviderAdapters> {
    Arc::new(BuiltInAdapters::new(Endpoints::Any))
}

fn describe(adapters: &Adapters, clock: &SharedClock) -> Describe {
    Describe {
        notifications: adapters.store.clone(),
        sequences: adapters.store.clone(),
        catalog: adapters.store.clone(),
        lanes: adapters.store.clone(),
        adapters: provider_adapters(),
        clock: clock.clone(),
    }
}

pub(crate) fn enqueue(
    adapters: &Adapters,
    clock: &SharedClock,
    randomness: Arc<dyn Randomness>,
) -> EnqueueFunction {
    EnqueueFunction {
        enqueue: Enqueue {
            catalog: adapters.store.clone(),
            notifications: adapters.store.clone(),
            sequences: adapters.store.clone(),
            requests: adapters.store.clone(),
            put_pace: adapters.store.clone(),
            puts_per_second: Some(PUTS_PER_SECOND),
            classes: adapters.store.clone(),
            waker: adapters.waker.clone(),
            clock: clock.clone(),
            randomness,
            adapters: provider_adapters(),
        },
        apply: apply(adapters, clock),
        notifications: adapters.store.clone(),
        describe: describe(adapters, clock),
        producers: Producers::new(adapters.store.clone(), clock.clone()),
        clock: clock.clone(),
        audit: audit_trail(adapters, clock),
        // Every caller on loopback is permitted.
        callers: |_| Some("local".to_owned()),
        identities: |_| Some("local".to_owned()),
    }
}

pub(crate) fn webhook(
    adapters: &Adapters,
    clock: &SharedClock,
    meter: Arc<dyn Meter>,
) -> WebhookFunction {
    let webhook = Webhook::new(WebhookPorts {
        channels: adapters.store.clone(),
        adapters: provider_adapters(),
        notifications: adapters.store.clone(),
        apply: apply(adapters, clock),
        queue: adapters.receipt_queue.clone(),
        meter,
        clock: clock.clone(),
    });
    WebhookFunction { webhook, source }
}

/// The address that a request comes from: in an event of API Gateway, or over TCP.
fn source(extensions: &Extensions) -> Option<IpAddr> {
    let connected = extensions.get::<ConnectInfo<SocketAddr>>();
    api_gateway_source(extensions).or_else(|| connected.map(|ConnectInfo(peer)| peer.ip()))
}

pub(crate) fn console(
    adapters: &Adapters,
    clock: &SharedClock,
    randomness: Arc<dyn Randomness>,
) -> ConsoleFunction {
    ConsoleFunction {
        configure_catalog: ConfigureCatalog {
            documents: adapters.store.clone(),
            catalog: adapters.store.clone(),
            adapters: provider_adapters(),
            agenda: adapters.store.clone(),
            classes: adapters.store.clone(),
            uploads: adapters.store.clone(),
            waker: adapters.waker.clone(),
            clock: clock.clone(),
            randomness: randomness.clone(),
        },
        documents: adapters.store.clone(),
        upload_members: UploadMembers {
            documents: adapters.store.clone(),
            members: adapters.store.clone(),
            uploads: adapters.store.clone(),
            clock: clock.clone(),
        },
        take_files: TakeFiles {
            documents: adapters.store.clone(),
            uploads: adapters.store.clone(),
            files: adapters.uploads.clone(),
            bucket: UPLOAD_BUCKET.to_owned(),
            clock: clock.clone(),
            randomness: randomness.clone(),
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
            adapters: provider_adapters(),
        },
        inspect: Inspect { notifications: adapters.store.clone(), catalog: adapters.store.clone() },
        list_runs: ListRuns { runs: adapters.store.clone(), run_ends: run_ends(adapters, clock) },
        review_restored: ReviewRestored {
            pages: adapters.store.clone(),
            notifications: adapters.store.clone(),
            sequences: adapters.store.clone(),
            channels: adapters.store.clone(),
            documents: adapters.store.clone(),
            lanes: adapters.store.clone(),
            ledger: adapters.store.clone(),
            apply: apply(adapters, clock),
            clock: clock.clone(),
            randomness: randomness.clone(),
        },
        redrive: RedriveDeadLetters {
            letters: adapters.store.clone(),
            queues: adapters.redrive.clone(),
            clock: clock.clone(),
            randomness,
        },
        audit: audit_trail(adapters, clock),
        describe: describe(adapters, clock),
        why: Why {
            describe: describe(adapters, clock),
            documents: adapters.store.clone(),
            agenda: adapters.store.clone(),
            classes: adapters.store.clone(),
        },
        callers: |_| Some("local".to_owned()),
    }
}

fn run_ends(adapters: &Adapters, clock: &SharedClock) -> RunEnds {
    RunEnds { groups: adapters.store.clone(), clock: clock.clone() }
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
        sequences: adapters.store.clone(),
        agenda: adapters.store.clone(),
        lanes: adapters.store.clone(),
        classes: adapters.store.clone(),
        providers: Arc::new(Registry {
            adapters: Arc::new(BuiltInAdapters::new(Endpoints::Any)),
            io: ProviderIo { http, tokens: adapters.store.clone(), clock: clock.clone() },
            secrets: adapters.secrets.clone(),
            secret_prefix: SECRET_PREFIX.to_owned(),
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
        put_pace: adapters.store.clone(),
        classes: adapters.store.clone(),
        queue: adapters.run_queue.clone(),
        waker: adapters.waker.clone(),
        clock: clock.clone(),
        randomness,
        adapters: provider_adapters(),
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

pub(crate) fn observer(
    adapters: &Adapters,
    clock: &SharedClock,
    meter: Arc<dyn Meter>,
) -> ObserverFunction {
    ObserverFunction {
        dead_letters: CollectDeadLetters {
            queues: adapters.dead_letters.clone(),
            letters: adapters.store.clone(),
            meter,
            clock: clock.clone(),
        },
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
            adapters: provider_adapters(),
            agenda: adapters.store.clone(),
            notifications: adapters.store.clone(),
            lanes: adapters.store.clone(),
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
        finish_runs: FinishRuns {
            runs: adapters.store.clone(),
            run_ends: run_ends(adapters, clock),
            places: adapters.store.clone(),
        },
        missed_times: MissedTimes {
            documents: adapters.store.clone(),
            runs: adapters.store.clone(),
            queue: adapters.run_queue.clone(),
            places: adapters.store.clone(),
            clock: clock.clone(),
        },
        planner: planner(adapters, clock),
        places: adapters.store.clone(),
        discard_uploads: DiscardUploads {
            uploads: adapters.store.clone(),
            members: adapters.store.clone(),
            files: adapters.uploads.clone(),
            bucket: UPLOAD_BUCKET.to_owned(),
            catalog: adapters.store.clone(),
            runs: adapters.store.clone(),
            clock: clock.clone(),
        },
    }
}
