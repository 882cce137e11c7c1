//! The functions, put together as their `main.rs` files do, over whatever parts the caller has.

use std::sync::Arc;

use alimi::delivery::{
    Accept, Apply, Audiences, Configure, DiscardUploads, Drain, DrainSettings, DryRun, MissedTimes,
    Plan, Receive, ResumeRuns, RunSettings, Runner, Sweep, Upload,
};
use alimi::http::Callers;
use alimi::ports::scheduling::{AudienceFiles, RunQueue, Scheduler};
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
use crate::permissions::{Function, Permissions};
use crate::queue::LocalQueue;
use crate::run_queue::LocalRunQueue;
use crate::scheduler::LocalScheduler;
use crate::services::Services;
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
        let Backing { scheduler, run_queue, files } = Backing::new(&parts.clock);
        let reach = Reach {
            store: parts.store.clone(),
            waker: parts.queue.clone(),
            run_queue: run_queue.clone(),
            scheduler: scheduler.clone(),
            files: files.clone(),
            secrets: Arc::new(LocalSecrets),
        };
        let backing = Backing { scheduler, run_queue, files };
        Self::of(parts, backing, |_| reach.clone())
    }

    /// Puts the functions together over the AWS clients that they have when they are deployed, each
    /// held to what its policy permits. Nothing leaves the process: `database` is as the caller has
    /// it, and the other services are stand-ins.
    #[must_use]
    pub fn permitted(
        parts: Parts,
        database: &aws_sdk_dynamodb::Client,
        permissions: &Permissions,
    ) -> Self {
        let backing = Backing::new(&parts.clock);
        let services = Services::new(
            parts.queue.clone(),
            backing.run_queue.clone(),
            backing.scheduler.clone(),
            backing.files.clone(),
        );
        let clock = parts.clock.clone();
        Self::of(parts, backing, |function| {
            services.reach(database, clock.clone(), &permissions.guard(function))
        })
    }

    fn of(parts: Parts, backing: Backing, reach: impl Fn(Function) -> Reach) -> Self {
        let Parts { store: _, queue: _, http, meter, clock, entropy, settings } = parts;
        let Backing { scheduler, run_queue, files } = backing;
        let intake = reach(Function::Enqueue).intake(&clock);
        let desk = reach(Function::Console).desk(&clock);
        let webhook = alimi_webhook::router(reach(Function::Webhook).webhook(&clock));
        let enqueue = alimi_enqueue::router(intake.clone());
        let console = alimi_console::router(desk.clone());
        Self {
            enqueue,
            webhook,
            console,
            sweep: reach(Function::Sweeper).sweeper(&clock, meter.clone()),
            runner: reach(Function::Trigger).runner(&clock, entropy.clone()),
            plan: reach(Function::Planner).plan(&clock),
            drain: reach(Function::Sender).drain(&clock, http, meter, entropy, settings),
            scheduler,
            run_queue,
            files,
            intake,
            desk,
        }
    }

    /// The services behind the functions, for the real clients.
    pub(crate) fn services(&self, queue: &Arc<LocalQueue>) -> Services {
        let (run_queue, scheduler) = (self.run_queue.clone(), self.scheduler.clone());
        Services::new(queue.clone(), run_queue, scheduler, self.files.clone())
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

/// What stands in for the services behind the functions.
struct Backing {
    scheduler: Arc<LocalScheduler>,
    run_queue: Arc<LocalRunQueue>,
    files: Arc<LocalFiles>,
}

impl Backing {
    fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            scheduler: Arc::new(LocalScheduler::new(clock.clone())),
            run_queue: Arc::default(),
            files: Arc::default(),
        }
    }
}

/// What one function reaches of AWS.
#[derive(Clone)]
pub(crate) struct Reach {
    pub store: Arc<DynamoStore>,
    pub waker: Arc<dyn Waker>,
    pub run_queue: Arc<dyn RunQueue>,
    pub scheduler: Arc<dyn Scheduler>,
    pub files: Arc<dyn AudienceFiles>,
    pub secrets: Arc<dyn Secrets>,
}

type SharedClock = Arc<dyn Clock>;

/// Each as the function's `main.rs` puts it together.
impl Reach {
    fn apply(&self, clock: &SharedClock) -> Apply {
        Apply::new(self.store.clone(), self.waker.clone(), clock.clone())
    }

    fn intake(&self, clock: &SharedClock) -> Enqueue {
        Enqueue {
            accept: Accept {
                catalog: self.store.clone(),
                notifications: self.store.clone(),
                requests: self.store.clone(),
                classes: self.store.clone(),
                waker: self.waker.clone(),
                clock: clock.clone(),
                check: check_message,
            },
            apply: self.apply(clock),
            notifications: self.store.clone(),
            clock: clock.clone(),
            // Whoever reaches a port on loopback is let in.
            callers: |_| Some("local".to_owned()),
        }
    }

    fn webhook(&self, clock: &SharedClock) -> Webhook {
        Webhook {
            catalog: self.store.clone(),
            secrets: self.secrets.clone(),
            receive: Receive::new(self.store.clone(), self.apply(clock), clock.clone()),
        }
    }

    fn desk(&self, clock: &SharedClock) -> Console {
        Console {
            configure: Configure {
                documents: self.store.clone(),
                catalog: self.store.clone(),
                agenda: self.store.clone(),
                classes: self.store.clone(),
                waker: self.waker.clone(),
                clock: clock.clone(),
            },
            documents: self.store.clone(),
            catalog: self.store.clone(),
            upload: Upload {
                documents: self.store.clone(),
                members: self.store.clone(),
                uploads: self.store.clone(),
                clock: clock.clone(),
            },
            dry_run: DryRun {
                catalog: self.store.clone(),
                audiences: self.audiences(),
                clock: clock.clone(),
                check: check_message,
            },
            files: self.files.clone(),
            runs: self.store.clone(),
            clock: clock.clone(),
            callers: |_| Some("local".to_owned()),
        }
    }

    fn audiences(&self) -> Audiences {
        Audiences {
            members: self.store.clone(),
            files: self.files.clone(),
            part_bytes: Audiences::PART_BYTES,
        }
    }

    fn drain(
        &self,
        clock: &SharedClock,
        http: Arc<dyn Http>,
        meter: Arc<dyn Meter>,
        entropy: Arc<dyn Entropy>,
        settings: DrainSettings,
    ) -> Drain {
        Drain {
            catalog: self.store.clone(),
            notifications: self.store.clone(),
            agenda: self.store.clone(),
            lanes: self.store.clone(),
            classes: self.store.clone(),
            providers: Arc::new(Registry {
                http,
                tokens: self.store.clone(),
                secrets: self.secrets.clone(),
                clock: clock.clone(),
            }),
            waker: self.waker.clone(),
            meter,
            clock: clock.clone(),
            entropy,
            settings,
        }
    }

    fn runner(&self, clock: &SharedClock, entropy: Arc<dyn Entropy>) -> Runner {
        Runner {
            catalog: self.store.clone(),
            documents: self.store.clone(),
            runs: self.store.clone(),
            audiences: self.audiences(),
            notifications: self.store.clone(),
            classes: self.store.clone(),
            queue: self.run_queue.clone(),
            waker: self.waker.clone(),
            clock: clock.clone(),
            entropy,
            check: check_message,
            settings: RunSettings::default(),
        }
    }

    fn plan(&self, clock: &SharedClock) -> Plan {
        Plan {
            catalog: self.store.clone(),
            documents: self.store.clone(),
            scheduler: self.scheduler.clone(),
            clock: clock.clone(),
        }
    }

    fn sweeper(&self, clock: &SharedClock, meter: Arc<dyn Meter>) -> Sweeper {
        Sweeper {
            sweep: Sweep::new(
                self.store.clone(),
                self.store.clone(),
                self.store.clone(),
                self.waker.clone(),
                meter,
                clock.clone(),
                self.apply(clock),
            ),
            resume: ResumeRuns {
                runs: self.store.clone(),
                queue: self.run_queue.clone(),
                clock: clock.clone(),
            },
            missed: MissedTimes {
                documents: self.store.clone(),
                runs: self.store.clone(),
                queue: self.run_queue.clone(),
                clock: clock.clone(),
            },
            plan: self.plan(clock),
            discard: DiscardUploads {
                uploads: self.store.clone(),
                members: self.store.clone(),
                catalog: self.store.clone(),
                runs: self.store.clone(),
                clock: clock.clone(),
            },
        }
    }
}

/// What every channel's secret holds.
pub(crate) fn local_secret() -> String {
    let secret = serde_json::json!({ "password": PASSWORD, "webhook_secrets": [WEBHOOK_SECRET] });
    secret.to_string()
}

/// One secret for every channel.
struct LocalSecrets;

#[async_trait]
impl Secrets for LocalSecrets {
    async fn secret(&self, _name: &str) -> Result<Option<SecretString>, PortError> {
        Ok(Some(SecretString::from(local_secret())))
    }
}
