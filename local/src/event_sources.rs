//! What invokes functions without an HTTP request: the wake queue, the receipt queue, `EventBridge`
//! Scheduler, the run queue, and timers.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alimi::ports::Clock;
use alimi::use_cases::Trigger;
use alimi_trigger::Answer;
use aws_lambda_events::sqs::SqsEvent;
use serde_json::Value;

use crate::aws::queue::LocalQueue;
use crate::stack::Stack;
use crate::testing::crash_point::CrashPoint;

/// The time-out and the concurrency of `trigger` in template.yaml.
const TRIGGER_TIMEOUT: Duration = Duration::from_secs(300);
const TRIGGER_CONCURRENCY: usize = 10;
/// The time-out of `webhook` in template.yaml, and how many batches of its queue it gets at a time.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);
const WEBHOOK_CONCURRENCY: usize = 5;

/// Invokes senders for the wakes in the queue, `concurrency` at a time.
pub(crate) fn start_senders(
    stack: &Stack,
    queue: &Arc<LocalQueue>,
    clock: Arc<dyn Clock>,
    concurrency: usize,
    crash_point: &CrashPoint,
) {
    let (sender, crash_point) = (stack.sender.clone(), crash_point.clone());
    let handler = move |event: SqsEvent| {
        let (sender, crash_point) = (sender.clone(), crash_point.clone());
        async move { crash_point.run(async move { alimi_sender::handle(&sender, event).await }).await }
    };
    tokio::spawn(queue.clone().pump(clock, concurrency, handler));
}

/// Invokes `webhook` for the messages of the receipt queue.
pub(crate) fn start_receipts(stack: &Stack, clock: Arc<dyn Clock>, crash_point: &CrashPoint) {
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
    tokio::spawn(stack.receipt_queue.clone().pump(clock, WEBHOOK_CONCURRENCY, handler));
}

/// Invokes triggers for the times of schedules and for the messages of the run queue.
pub fn start_triggers(stack: &Stack, crash_point: &CrashPoint) {
    let (trigger, crash_point) = (stack.trigger.clone(), crash_point.clone());
    start_triggers_with(stack, move |event| {
        let (trigger, crash_point) = (trigger.clone(), crash_point.clone());
        async move { invoke_trigger(&trigger, &crash_point, event).await }
    });
}

/// Calls `invoke` for the times of schedules and for the messages of the run queue.
pub fn start_triggers_with<F, A>(stack: &Stack, invoke: F)
where
    F: Fn(Value) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Option<Answer>> + Send + 'static,
{
    let invoke_for_time = invoke.clone();
    let fire = move |event: Value| {
        let answer = invoke_for_time(event);
        async move { matches!(answer.await, Some(Answer::Fired(_))) }
    };
    tokio::spawn(stack.scheduler.clone().run(fire));

    let continue_runs = move |event: SqsEvent| {
        let answer = serde_json::to_value(event).map(&invoke);
        async move {
            match answer.ok()?.await? {
                Answer::Batch(batch) => Some(batch),
                Answer::Fired(_) => None,
            }
        }
    };
    let clock = stack.trigger.clock.clone();
    tokio::spawn(stack.run_queue.clone().pump(clock, TRIGGER_CONCURRENCY, continue_runs));
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

/// Makes the scheduler equal to the catalog again and again. The deployed `planner` gets each
/// change from the catalog table's stream; here all schedules are compared instead.
pub fn start_planner(stack: &Stack, every: Duration) {
    // The sweeper's planner: only the sweeper's policy permits listing schedules.
    let planner = stack.sweeper.planner.clone();
    tokio::spawn(async move {
        loop {
            if let Err(error) = planner.reconcile().await {
                tracing::error!(%error, "the schedules were not compared with the catalog");
            }
            tokio::time::sleep(every).await;
        }
    });
}

/// Invokes the sweeper again and again. As with `EventBridge` Scheduler, an invocation does not wait
/// for the end of the one before.
pub(crate) fn start_sweeper(stack: &Stack, every: Duration) {
    let sweeper = stack.sweeper.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            let sweeper = sweeper.clone();
            tokio::spawn(async move {
                if let Err(error) = alimi_sweeper::handle(&sweeper).await {
                    tracing::error!(%error, "the sweeper failed");
                }
            });
        }
    });
}
