//! What invokes functions without an HTTP request: the wake queue, the receipt queue, `EventBridge`
//! Scheduler, the run queue, the tables' streams, and timers.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alimi::ports::Clock;
use alimi::use_cases::Trigger;
use alimi_planner::StreamEvent;
use alimi_trigger::Answer;
use aws_lambda_events::sqs::SqsEvent;
use dynoxide::Database;
use futures::FutureExt;
use serde_json::Value;
use tokio::task::{JoinHandle, JoinSet};

use crate::aws::embedded::{Changes, EmbeddedError, StandInRows};
use crate::aws::queue::LocalQueue;
use crate::aws::stream_reader::{StreamReader, StreamReaderSettings};
use crate::stack::Stack;
use crate::stopping::Stopping;
use crate::testing::crash_point::CrashPoint;

/// The time-out and the concurrency of `trigger` in template.yaml.
const TRIGGER_TIMEOUT: Duration = Duration::from_secs(300);
const TRIGGER_CONCURRENCY: usize = 10;
/// The time-out of `webhook` in template.yaml, and how many batches of its queue it gets at a time.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);
const WEBHOOK_CONCURRENCY: usize = 5;
/// How often `observer` is invoked, and its time-out, in template.yaml.
const OBSERVED_EVERY: Duration = Duration::from_secs(60);
const OBSERVER_TIMEOUT: Duration = Duration::from_secs(50);

/// Invokes senders for the wakes in the queue, `concurrency` at a time.
pub(crate) fn start_senders(
    stack: &Stack,
    queue: &Arc<LocalQueue>,
    clock: Arc<dyn Clock>,
    concurrency: usize,
    crash_point: &CrashPoint,
    stopping: &Stopping,
) -> JoinHandle<()> {
    let (sender, crash_point) = (stack.sender.clone(), crash_point.clone());
    let handler = move |event: SqsEvent| {
        let (sender, crash_point) = (sender.clone(), crash_point.clone());
        async move { crash_point.run(async move { alimi_sender::handle(&sender, event).await }).await }
    };
    tokio::spawn(queue.clone().pump_until(clock, concurrency, handler, stopping.clone()))
}

/// Invokes `webhook` for the messages of the receipt queue.
pub(crate) fn start_receipts(
    stack: &Stack,
    clock: Arc<dyn Clock>,
    crash_point: &CrashPoint,
    stopping: &Stopping,
) -> JoinHandle<()> {
    let (webhook, crash_point) = (stack.webhook_function.webhook.clone(), crash_point.clone());
    let handler = move |event: SqsEvent| {
        let (webhook, crash_point) = (webhook.clone(), crash_point.clone());
        async move {
            let recorded =
                async move { alimi_webhook::record_batch(&webhook, event, WEBHOOK_TIMEOUT).await };
            let recorded = crash_point.run(recorded);
            tokio::time::timeout(WEBHOOK_TIMEOUT, recorded).await.ok()?
        }
    };
    let queue = stack.receipt_queue.clone();
    tokio::spawn(queue.pump_until(clock, WEBHOOK_CONCURRENCY, handler, stopping.clone()))
}

/// Invokes triggers for the times of schedules and for the messages of the run queue.
#[must_use]
pub fn start_triggers(
    stack: &Stack,
    crash_point: &CrashPoint,
    stopping: &Stopping,
) -> [JoinHandle<()>; 2] {
    let (trigger, crash_point) = (stack.trigger.clone(), crash_point.clone());
    let invoke = move |event| {
        let (trigger, crash_point) = (trigger.clone(), crash_point.clone());
        async move { invoke_trigger(&trigger, &crash_point, event).await }
    };
    start_triggers_with(stack, invoke, stopping)
}

/// Calls `invoke` for the times of schedules and for the messages of the run queue.
#[must_use]
pub fn start_triggers_with<F, A>(
    stack: &Stack,
    invoke: F,
    stopping: &Stopping,
) -> [JoinHandle<()>; 2]
where
    F: Fn(Value) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Option<Answer>> + Send + 'static,
{
    let invoke_for_time = invoke.clone();
    let fire = move |event: Value| {
        let answer = invoke_for_time(event);
        async move { matches!(answer.await, Some(Answer::Fired(_))) }
    };
    let firing = tokio::spawn(stack.scheduler.clone().run(fire, stopping.clone()));

    let continue_runs = move |event: SqsEvent| {
        let answer = serde_json::to_value(event).map(&invoke);
        async move {
            match answer.ok()?.await? {
                Answer::Batch(batch) => Some(batch),
                Answer::Fired(_) => None,
            }
        }
    };
    let (queue, clock) = (stack.run_queue.clone(), stack.trigger.clock.clone());
    let pump = queue.pump_until(clock, TRIGGER_CONCURRENCY, continue_runs, stopping.clone());
    [firing, tokio::spawn(pump)]
}

/// Makes one invocation of `trigger`. `None` when it failed, crashed or exceeded its time-out.
pub async fn invoke_trigger(
    trigger: &Trigger,
    crash_point: &CrashPoint,
    event: Value,
) -> Option<Answer> {
    let handled = crash_point.run(alimi_trigger::handle(trigger, event, TRIGGER_TIMEOUT));
    match tokio::time::timeout(TRIGGER_TIMEOUT, handled).await.ok()?? {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::error!(%error, "the trigger failed");
            None
        }
    }
}

/// Invokes the functions that read a table's stream for the changes in this database. They look for
/// changes this often.
///
/// # Errors
/// [`EmbeddedError`] when a mapping of the template is not understood.
pub fn start_stream_readers(
    stack: &Stack,
    database: &Database,
    poll_every: Duration,
    crash_point: &CrashPoint,
    stopping: &Stopping,
) -> Result<Vec<JoinHandle<()>>, EmbeddedError> {
    let (changes, rows) = (Changes::of(database), StandInRows::of(database));
    let mut readers = Vec::new();
    for settings in StreamReaderSettings::of_template()? {
        let function = settings.function.clone();
        let reader = StreamReader::new(settings, changes.clone(), rows.clone(), poll_every)
            .giving_up_to(&stack.dead_letters.changes);
        let (crash_point, stopping) = (crash_point.clone(), stopping.clone());
        let reading = match function.as_str() {
            "PlannerFunction" => {
                let planner = stack.planner.clone();
                let invoke = move |event: Value| {
                    let (planner, crash_point) = (planner.clone(), crash_point.clone());
                    async move {
                        let event: StreamEvent = serde_json::from_value(event).ok()?;
                        let handled = alimi_planner::handle(&planner, event);
                        serde_json::to_value(crash_point.run(handled).await?).ok()
                    }
                };
                reader.run(invoke, stopping).boxed()
            }
            other => {
                let fault = format!("{other} reads a stream, and the local stack does not know it");
                return Err(EmbeddedError::Template(fault));
            }
        };
        readers.push(tokio::spawn(async move {
            if let Err(error) = reading.await {
                tracing::error!(function, %error, "the function's stream is not read");
            }
        }));
    }
    Ok(readers)
}

/// Invokes the observer every minute.
pub(crate) fn start_observer(stack: &Stack, stopping: &Stopping) -> JoinHandle<()> {
    let (observer, stopping) = (stack.observer.clone(), stopping.clone());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(OBSERVED_EVERY) => {}
                () = stopping.requested() => break,
            }
            let _report = alimi_observer::handle(&observer, OBSERVER_TIMEOUT).await;
        }
    })
}

/// Invokes the sweeper again and again. As with `EventBridge` Scheduler, an invocation does not wait
/// for the end of the one before.
pub(crate) fn start_sweeper(stack: &Stack, every: Duration, stopping: &Stopping) -> JoinHandle<()> {
    let (sweeper, stopping) = (stack.sweeper.clone(), stopping.clone());
    tokio::spawn(async move {
        let mut rounds = JoinSet::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = stopping.requested() => break,
            }
            while rounds.try_join_next().is_some() {}
            let sweeper = sweeper.clone();
            rounds.spawn(async move {
                if let Err(error) = alimi_sweeper::handle(&sweeper).await {
                    tracing::error!(%error, "the sweeper failed");
                }
            });
        }
        while rounds.join_next().await.is_some() {}
    })
}
