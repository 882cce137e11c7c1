//! The functions, put together over the parts that the caller chooses.

use std::sync::Arc;

use alimi::http::IdentifyCaller;
use alimi::ports::{Clock, Meter, ProviderHttp, Randomness};
use alimi::store::DynamoStore;
use alimi::use_cases::{Planner, Sender, SenderSettings, Trigger};
use alimi_console::ConsoleFunction;
use alimi_enqueue::EnqueueFunction;
use alimi_observer::ObserverFunction;
use alimi_sweeper::SweeperFunction;
use alimi_webhook::WebhookFunction;
use axum::Router;

use crate::aws::dead_letters::LocalDeadLetters;
use crate::aws::embedded::{EmbeddedError, StandInRows};
use crate::aws::files::LocalFiles;
use crate::aws::permissions::{Function, Permissions};
use crate::aws::queue::LocalQueue;
use crate::aws::receipt_queue::LocalReceiptQueue;
use crate::aws::run_queue::LocalRunQueue;
use crate::aws::scheduler::LocalScheduler;
use crate::aws::secrets::LocalSecrets;
use crate::aws::services::{Adapters, S3_URL, Services};
use crate::wiring;

/// The parts that differ between the worlds of tests, the local stack and the benchmarks.
pub struct Parts {
    pub store: Arc<DynamoStore>,
    /// The wake queue.
    pub queue: Arc<LocalQueue>,
    /// HTTP to the provider.
    pub http: Arc<dyn ProviderHttp>,
    /// Records the metrics of senders, sweepers and the webhook.
    pub meter: Arc<dyn Meter>,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
    pub sender_settings: SenderSettings,
}

/// The functions, and the stand-ins for AWS services that they share.
#[derive(Clone)]
pub struct Stack {
    /// The routes of `enqueue`.
    pub enqueue: Router,
    /// The routes of `webhook`.
    pub webhook: Router,
    /// The routes of `console`.
    pub console: Router,
    pub sender: Sender,
    pub sweeper: SweeperFunction,
    pub trigger: Trigger,
    pub planner: Planner,
    pub observer: ObserverFunction,
    pub scheduler: Arc<LocalScheduler>,
    pub run_queue: Arc<LocalRunQueue>,
    pub receipt_queue: Arc<LocalReceiptQueue>,
    pub dead_letters: LocalDeadLetters,
    /// The files of audiences.
    pub files: Arc<LocalFiles>,
    pub webhook_function: WebhookFunction,
    enqueue_function: EnqueueFunction,
    console_function: ConsoleFunction,
}

impl Stack {
    /// Puts the functions together over stand-ins that they call directly.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let stand_ins = StandIns::new(&parts.clock);
        Self::over(parts, stand_ins)
    }

    /// As [`Self::new`], with queues and a scheduler that are kept in rows. The wake queue of `parts`
    /// is the caller's.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the rows cannot be read.
    pub fn kept_in(rows: &StandInRows, parts: Parts) -> Result<Self, EmbeddedError> {
        let stand_ins = StandIns::kept_in(rows, &parts.clock)?;
        Ok(Self::over(parts, stand_ins))
    }

    fn over(parts: Parts, stand_ins: StandIns) -> Self {
        let services = stand_ins.services(&parts.queue);
        let dead_letters = Arc::new(stand_ins.dead_letters(&parts.queue));
        let adapters = Adapters {
            store: parts.store.clone(),
            waker: parts.queue.clone(),
            run_queue: stand_ins.run_queue.clone(),
            receipt_queue: stand_ins.receipt_queue.clone(),
            dead_letters: dead_letters.clone(),
            redrive: dead_letters,
            scheduler: stand_ins.scheduler.clone(),
            files: stand_ins.files.clone(),
            uploads: Arc::new(services.uploads_at(S3_URL)),
            secrets: Arc::new(LocalSecrets),
        };
        Self::wire(parts, stand_ins, |_| adapters.clone())
    }

    /// Puts the functions together over the AWS clients that they use when they are deployed. A
    /// call that the function's policy does not permit panics. No request leaves the process:
    /// `database` is the caller's client, and stand-ins answer for the other services.
    #[must_use]
    pub fn permitted(
        parts: Parts,
        database: &aws_sdk_dynamodb::Client,
        permissions: &Permissions,
    ) -> Self {
        let stand_ins = StandIns::new(&parts.clock);
        let services = stand_ins.services(&parts.queue);
        let clock = parts.clock.clone();
        Self::wire(parts, stand_ins, |function| {
            services.adapters(database, clock.clone(), &permissions.guard(function))
        })
    }

    fn wire(parts: Parts, stand_ins: StandIns, adapters: impl Fn(Function) -> Adapters) -> Self {
        let dead_letters = stand_ins.dead_letters(&parts.queue);
        let Parts { store: _, queue: _, http, meter, clock, randomness, sender_settings } = parts;
        let StandIns { scheduler, run_queue, receipt_queue, changes: _, files, clock: _ } =
            stand_ins;
        let enqueue_function =
            wiring::enqueue(&adapters(Function::Enqueue), &clock, randomness.clone());
        let console_function =
            wiring::console(&adapters(Function::Console), &clock, randomness.clone());
        let webhook_function = wiring::webhook(&adapters(Function::Webhook), &clock, meter.clone());
        Self {
            enqueue: alimi_enqueue::router(enqueue_function.clone()),
            webhook: alimi_webhook::router(webhook_function.clone()),
            console: alimi_console::router(console_function.clone()),
            sweeper: wiring::sweeper(&adapters(Function::Sweeper), &clock, meter.clone()),
            trigger: wiring::trigger(&adapters(Function::Trigger), &clock, randomness.clone()),
            planner: wiring::planner(&adapters(Function::Planner), &clock),
            observer: wiring::observer(&adapters(Function::Observer), &clock, meter.clone()),
            sender: wiring::sender(
                &adapters(Function::Sender),
                &clock,
                http,
                meter,
                randomness,
                sender_settings,
            ),
            scheduler,
            run_queue,
            receipt_queue,
            dead_letters,
            files,
            webhook_function,
            enqueue_function,
            console_function,
        }
    }

    /// The same functions, in which runs and bulk requests store notifications as fast as they can.
    #[must_use]
    pub fn without_put_pace(mut self) -> Self {
        self.trigger.settings.puts_per_second = None;
        self.enqueue_function.enqueue.puts_per_second = None;
        self.enqueue = alimi_enqueue::router(self.enqueue_function.clone());
        self
    }

    /// The same functions, whose console gives addresses that begin with `url` for uploads of files.
    #[must_use]
    pub(crate) fn with_uploads_at(mut self, url: &str) -> Self {
        self.console_function.take_files.files = Arc::new(self.services().uploads_at(url));
        self.console = alimi_console::router(self.console_function.clone());
        self
    }

    /// The services behind the functions, for clients that send HTTP requests.
    pub(crate) fn services(&self) -> Services {
        Services::new(self.dead_letters.clone(), self.scheduler.clone(), self.files.clone())
    }

    /// The routes of `console`, with another way to identify the caller.
    pub fn console_called_by(&self, callers: IdentifyCaller) -> Router {
        alimi_console::router(ConsoleFunction { callers, ..self.console_function.clone() })
    }

    /// The routes of `enqueue`, with another way to identify the caller.
    pub fn enqueue_called_by(&self, callers: IdentifyCaller) -> Router {
        let identities = callers;
        let function = self.enqueue_function.clone();
        alimi_enqueue::router(EnqueueFunction { callers, identities, ..function })
    }
}

/// The stand-ins for `EventBridge` Scheduler, the queues of the trigger and the webhook, and S3.
struct StandIns {
    scheduler: Arc<LocalScheduler>,
    run_queue: Arc<LocalRunQueue>,
    receipt_queue: Arc<LocalReceiptQueue>,
    /// The dead-letter queue of the streams.
    changes: Arc<LocalQueue>,
    files: Arc<LocalFiles>,
    clock: Arc<dyn Clock>,
}

impl StandIns {
    fn new(clock: &Arc<dyn Clock>) -> Self {
        let run_queue: Arc<LocalRunQueue> = Arc::default();
        Self {
            scheduler: Arc::new(LocalScheduler::new(clock.clone()).giving_up_to(&run_queue)),
            run_queue,
            receipt_queue: Arc::default(),
            changes: Arc::default(),
            files: Arc::new(LocalFiles::new(clock.clone())),
            clock: clock.clone(),
        }
    }

    fn dead_letters(&self, queue: &Arc<LocalQueue>) -> LocalDeadLetters {
        LocalDeadLetters {
            wakes: queue.clone(),
            runs: self.run_queue.clone(),
            receipts: self.receipt_queue.clone(),
            changes: self.changes.clone(),
            clock: self.clock.clone(),
        }
    }

    fn services(&self, queue: &Arc<LocalQueue>) -> Services {
        Services::new(self.dead_letters(queue), self.scheduler.clone(), self.files.clone())
    }

    fn kept_in(rows: &StandInRows, clock: &Arc<dyn Clock>) -> Result<Self, EmbeddedError> {
        let run_queue = Arc::new(LocalRunQueue::kept_in(rows, clock)?);
        let scheduler = LocalScheduler::kept_in(rows, clock.clone())?;
        Ok(Self {
            scheduler: Arc::new(scheduler.giving_up_to(&run_queue)),
            run_queue,
            receipt_queue: Arc::new(LocalReceiptQueue::kept_in(rows, clock)?),
            changes: Arc::new(LocalQueue::default().kept_in(rows, "changes", clock)?),
            files: Arc::new(LocalFiles::new(clock.clone())),
            clock: clock.clone(),
        })
    }
}
