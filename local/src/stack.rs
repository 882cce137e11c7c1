//! The functions, put together as their `main.rs` files do, over whatever parts the caller has.

use std::sync::Arc;

use alimi::delivery::{
    Accept, Apply, Audiences, Configure, Drain, DrainSettings, DryRun, Plan, Receive, ResumeRuns,
    RunSettings, Runner, Sweep, Upload,
};
use alimi::http::Callers;
use alimi::ports::{Clock, Entropy, Http, Meter, PortError, Secrets, Waker};
use alimi::providers::{Registry, check_message};
use alimi::store::DynamoStore;
use alimi_console::Console;
use alimi_enqueue::Enqueue;
use alimi_sweeper::Sweeper;
use alimi_webhook::Webhook;
use async_trait::async_trait;
use axum::Router;
use secrecy::SecretString;

use crate::files::LocalFiles;
use crate::queue::LocalQueue;
use crate::run_queue::LocalRunQueue;
use crate::scheduler::LocalScheduler;
use crate::simulator::PASSWORD;

/// The secret in every local webhook's address.
pub const WEBHOOK_SECRET: &str = "local-webhook-secret";

/// What a stack is made of.
pub struct Parts {
    /// The store.
    pub store: Arc<DynamoStore>,
    /// The wake queue.
    pub queue: Arc<LocalQueue>,
    /// HTTP to the provider.
    pub http: Arc<dyn Http>,
    /// Takes the sender's figures.
    pub meter: Arc<dyn Meter>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Dice.
    pub entropy: Arc<dyn Entropy>,
    /// The sender's times.
    pub settings: DrainSettings,
}

/// The functions.
#[derive(Clone)]
pub struct Stack {
    /// The routes of `enqueue`.
    pub enqueue: Router,
    /// The routes of `webhook`.
    pub webhook: Router,
    /// The routes of `console`.
    pub console: Router,
    /// What `sender` works with.
    pub drain: Drain,
    /// What `sweeper` works with.
    pub sweep: Sweeper,
    /// What `trigger` works with.
    pub runner: Runner,
    /// What `planner` works with.
    pub plan: Plan,
    /// The scheduler.
    pub scheduler: Arc<LocalScheduler>,
    /// The run queue.
    pub run_queue: Arc<LocalRunQueue>,
    /// Files of audiences.
    pub files: Arc<LocalFiles>,
    intake: Enqueue,
    desk: Console,
}

impl Stack {
    /// Puts the functions together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, queue, http, meter, clock, entropy, settings } = parts;
        let waker: Arc<dyn Waker> = queue;
        let secrets: Arc<dyn Secrets> = Arc::new(LocalSecrets);
        let apply = Apply::new(store.clone(), waker.clone(), clock.clone());
        let intake = Enqueue {
            accept: Accept {
                catalog: store.clone(),
                notifications: store.clone(),
                requests: store.clone(),
                waker: waker.clone(),
                clock: clock.clone(),
                check: check_message,
            },
            apply: apply.clone(),
            notifications: store.clone(),
            clock: clock.clone(),
            // Whoever reaches a port on loopback is let in.
            callers: |_| Some("local".to_owned()),
        };
        let files = Arc::new(LocalFiles::default());
        let audiences = Audiences {
            members: store.clone(),
            files: files.clone(),
            part_bytes: Audiences::PART_BYTES,
        };
        let desk = desk(&store, &waker, &audiences, &clock);
        let webhook = alimi_webhook::router(Webhook {
            catalog: store.clone(),
            secrets: secrets.clone(),
            receive: Receive::new(store.clone(), apply.clone(), clock.clone()),
        });
        let scheduler = Arc::new(LocalScheduler::new(clock.clone()));
        let run_queue = Arc::new(LocalRunQueue::default());
        let plan = Plan {
            catalog: store.clone(),
            documents: store.clone(),
            scheduler: scheduler.clone(),
            clock: clock.clone(),
        };
        let runner = Runner {
            catalog: store.clone(),
            documents: store.clone(),
            runs: store.clone(),
            audiences,
            notifications: store.clone(),
            classes: store.clone(),
            queue: run_queue.clone(),
            waker: waker.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            check: check_message,
            settings: RunSettings::default(),
        };
        let sweep = Sweeper {
            sweep: Sweep::new(store.clone(), store.clone(), waker.clone(), clock.clone(), apply),
            resume: ResumeRuns {
                runs: store.clone(),
                queue: run_queue.clone(),
                clock: clock.clone(),
            },
            plan: plan.clone(),
        };
        let drain = Drain {
            catalog: store.clone(),
            notifications: store.clone(),
            agenda: store.clone(),
            lanes: store.clone(),
            providers: Arc::new(Registry { http, tokens: store, secrets, clock: clock.clone() }),
            waker,
            meter,
            clock,
            entropy,
            settings,
        };
        let enqueue = alimi_enqueue::router(intake.clone());
        let console = alimi_console::router(desk.clone());
        Self {
            enqueue,
            webhook,
            console,
            drain,
            sweep,
            runner,
            plan,
            scheduler,
            run_queue,
            files,
            intake,
            desk,
        }
    }

    /// The routes of `console`, with another way to find who asks.
    pub fn console_called_by(&self, callers: Callers) -> Router {
        alimi_console::router(Console { callers, ..self.desk.clone() })
    }

    /// The routes of `enqueue`, with another way to find who asks.
    pub fn enqueue_called_by(&self, callers: Callers) -> Router {
        alimi_enqueue::router(Enqueue { callers, ..self.intake.clone() })
    }
}

/// What `console` works with.
fn desk(
    store: &Arc<DynamoStore>,
    waker: &Arc<dyn Waker>,
    audiences: &Audiences,
    clock: &Arc<dyn Clock>,
) -> Console {
    Console {
        configure: Configure {
            documents: store.clone(),
            catalog: store.clone(),
            waker: waker.clone(),
            clock: clock.clone(),
        },
        documents: store.clone(),
        catalog: store.clone(),
        upload: Upload {
            documents: store.clone(),
            members: store.clone(),
            uploads: store.clone(),
            clock: clock.clone(),
        },
        dry_run: DryRun {
            catalog: store.clone(),
            audiences: audiences.clone(),
            clock: clock.clone(),
            check: check_message,
        },
        files: audiences.files.clone(),
        runs: store.clone(),
        clock: clock.clone(),
        callers: |_| Some("local".to_owned()),
    }
}

/// One secret for every channel.
struct LocalSecrets;

#[async_trait]
impl Secrets for LocalSecrets {
    async fn secret(&self, _name: &str) -> Result<Option<SecretString>, PortError> {
        let secret = serde_json::json!({
            "password": PASSWORD,
            "webhook_secrets": [WEBHOOK_SECRET],
        });
        Ok(Some(SecretString::from(secret.to_string())))
    }
}
