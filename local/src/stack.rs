//! The functions, put together as their `main.rs` files do, over whatever parts the caller has.

use std::sync::Arc;

use alimi::delivery::{
    Accept, Apply, Audiences, Configure, DiscardUploads, Drain, DrainSettings, DryRun, MissedTimes,
    Plan, Receive, ResumeRuns, RunSettings, Runner, Sweep, Upload,
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
        let scheduler = Arc::new(LocalScheduler::new(parts.clock.clone()));
        let run_queue = Arc::new(LocalRunQueue::default());
        let files = Arc::new(LocalFiles::default());
        let secrets: Arc<dyn Secrets> = Arc::new(LocalSecrets);
        let Parts { store, queue, http, meter, clock, entropy, settings } = parts;
        let common = Common { store: store.clone(), waker: queue, clock: clock.clone() };
        let intake = common.intake();
        let desk = common.desk(files.clone());
        let webhook = alimi_webhook::router(Webhook {
            catalog: store.clone(),
            secrets: secrets.clone(),
            receive: Receive::new(store.clone(), common.apply(), clock.clone()),
        });
        let plan = Plan {
            catalog: store.clone(),
            documents: store.clone(),
            scheduler: scheduler.clone(),
            clock: clock.clone(),
        };
        let runner = common.runner(files.clone(), run_queue.clone(), entropy.clone());
        let sweep = common.sweeper(plan.clone(), run_queue.clone());
        let drain = Drain {
            catalog: store.clone(),
            notifications: store.clone(),
            agenda: store.clone(),
            lanes: store.clone(),
            classes: store.clone(),
            providers: Arc::new(Registry { http, tokens: store, secrets, clock: clock.clone() }),
            waker: common.waker,
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

/// What most functions have in common.
struct Common {
    store: Arc<DynamoStore>,
    waker: Arc<dyn Waker>,
    clock: Arc<dyn Clock>,
}

impl Common {
    fn apply(&self) -> Apply {
        Apply::new(self.store.clone(), self.waker.clone(), self.clock.clone())
    }

    fn intake(&self) -> Enqueue {
        Enqueue {
            accept: Accept {
                catalog: self.store.clone(),
                notifications: self.store.clone(),
                requests: self.store.clone(),
                classes: self.store.clone(),
                waker: self.waker.clone(),
                clock: self.clock.clone(),
                check: check_message,
            },
            apply: self.apply(),
            notifications: self.store.clone(),
            clock: self.clock.clone(),
            // Whoever reaches a port on loopback is let in.
            callers: |_| Some("local".to_owned()),
        }
    }

    fn desk(&self, files: Arc<LocalFiles>) -> Console {
        Console {
            configure: Configure {
                documents: self.store.clone(),
                catalog: self.store.clone(),
                agenda: self.store.clone(),
                classes: self.store.clone(),
                waker: self.waker.clone(),
                clock: self.clock.clone(),
            },
            documents: self.store.clone(),
            catalog: self.store.clone(),
            upload: Upload {
                documents: self.store.clone(),
                members: self.store.clone(),
                uploads: self.store.clone(),
                clock: self.clock.clone(),
            },
            dry_run: DryRun {
                catalog: self.store.clone(),
                audiences: self.audiences(files.clone()),
                clock: self.clock.clone(),
                check: check_message,
            },
            files,
            runs: self.store.clone(),
            clock: self.clock.clone(),
            callers: |_| Some("local".to_owned()),
        }
    }

    fn audiences(&self, files: Arc<LocalFiles>) -> Audiences {
        Audiences { members: self.store.clone(), files, part_bytes: Audiences::PART_BYTES }
    }

    fn runner(
        &self,
        files: Arc<LocalFiles>,
        queue: Arc<LocalRunQueue>,
        entropy: Arc<dyn Entropy>,
    ) -> Runner {
        Runner {
            catalog: self.store.clone(),
            documents: self.store.clone(),
            runs: self.store.clone(),
            audiences: self.audiences(files),
            notifications: self.store.clone(),
            classes: self.store.clone(),
            queue,
            waker: self.waker.clone(),
            clock: self.clock.clone(),
            entropy,
            check: check_message,
            settings: RunSettings::default(),
        }
    }

    fn sweeper(&self, plan: Plan, queue: Arc<LocalRunQueue>) -> Sweeper {
        Sweeper {
            sweep: Sweep::new(
                self.store.clone(),
                self.store.clone(),
                self.store.clone(),
                self.waker.clone(),
                self.clock.clone(),
                self.apply(),
            ),
            resume: ResumeRuns {
                runs: self.store.clone(),
                queue: queue.clone(),
                clock: self.clock.clone(),
            },
            missed: MissedTimes {
                documents: self.store.clone(),
                runs: self.store.clone(),
                queue,
                clock: self.clock.clone(),
            },
            plan,
            discard: DiscardUploads {
                uploads: self.store.clone(),
                members: self.store.clone(),
                catalog: self.store.clone(),
                runs: self.store.clone(),
                clock: self.clock.clone(),
            },
        }
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
