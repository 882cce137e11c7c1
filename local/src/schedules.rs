//! What `EventBridge` Scheduler, the run queue and Lambda do for the trigger and the planner.

use std::future::Future;
use std::time::Duration;

use alimi::delivery::Runner;
use alimi_trigger::Answer;
use aws_lambda_events::sqs::SqsEvent;
use serde_json::Value;

use crate::stack::Stack;
use crate::world::Doom;

/// As template.yaml has it.
const TRIGGER_TIMEOUT: Duration = Duration::from_secs(300);
const TRIGGER_CONCURRENCY: usize = 10;

/// Fires schedules and feeds runs to triggers from now on. Invocations die as `doom` has it.
pub fn start(stack: &Stack, doom: &Doom) {
    let (runner, doom) = (stack.runner.clone(), doom.clone());
    start_with(stack, move |event| {
        let (runner, doom) = (runner.clone(), doom.clone());
        async move { invoke(&runner, &doom, event).await }
    });
}

/// The same, with invocations that are told how to go.
pub fn start_with<F, A>(stack: &Stack, invoke: F)
where
    F: Fn(Value) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Option<Answer>> + Send + 'static,
{
    let of_firing = invoke.clone();
    let fire = move |event: Value| {
        let answer = of_firing(event);
        async move { matches!(answer.await, Some(Answer::Fired(_))) }
    };
    tokio::spawn(stack.scheduler.clone().run(fire));

    let go_on = move |event: SqsEvent| {
        let answer = serde_json::to_value(event).map(&invoke);
        async move {
            match answer.ok()?.await? {
                Answer::Batch(batch) => Some(batch),
                Answer::Fired(_) => None,
            }
        }
    };
    let clock = stack.runner.clock.clone();
    tokio::spawn(stack.run_queue.clone().pump(clock, TRIGGER_CONCURRENCY, go_on));
}

/// One invocation of `trigger`. `None`: it failed or died, or Lambda ended it when its time was up.
pub async fn invoke(runner: &Runner, doom: &Doom, event: Value) -> Option<Answer> {
    let handled = doom.over(alimi_trigger::handle(runner, event, TRIGGER_TIMEOUT));
    match tokio::time::timeout(TRIGGER_TIMEOUT, handled).await.ok()?? {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::error!(%error, "the trigger failed");
            None
        }
    }
}

/// Keeps the scheduler equal to the catalog from now on, by comparing all of it again and again:
/// here nothing feeds the table's stream to `planner`.
pub fn start_planner(stack: &Stack, every: Duration) {
    // The sweeper's, which alone may list them.
    let plan = stack.sweep.plan.clone();
    tokio::spawn(async move {
        loop {
            if let Err(error) = plan.reconcile().await {
                tracing::error!(%error, "the schedules were not compared");
            }
            tokio::time::sleep(every).await;
        }
    });
}
