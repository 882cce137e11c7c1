//! `EventBridge` Scheduler inside this process. It understands the same expressions, follows
//! tokio's clock, and invokes its target at least once for each time.

mod entry;
mod kept;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alimi::domain::Expression;
use alimi::ports::{Clock, FoundSchedule, PlannedSchedule, PortError, Scheduler};
use async_trait::async_trait;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::entry::Entry;
use self::kept::KeptSchedules;
use crate::aws::embedded::{EmbeddedError, StandInRows};
use crate::aws::run_queue::LocalRunQueue;
use crate::stopping::Stopping;

/// Lambda's pauses before it retries a failed asynchronous invocation.
const RETRIES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// The earliest start date that `EventBridge` Scheduler accepts, from now.
const START_MIN: SignedDuration = SignedDuration::from_mins(-5);
/// A time that a stopped stack missed is fired late, unless it is older than this: template.yaml has
/// the same limit.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(6);
/// The longest pause between two looks at the schedules.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub struct LocalScheduler {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
    /// Where the schedules are kept; `None`: in this process alone.
    kept: Option<KeptSchedules>,
    /// Whose dead-letter queue gets the failed firings.
    gives_up_to: Option<Arc<LocalRunQueue>>,
}

#[derive(Default)]
struct State {
    schedules: BTreeMap<String, Entry>,
    faults: SchedulerFaults,
    writes: u64,
}

/// Faults of invocations.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchedulerFaults {
    /// Every invocation is made twice, with this pause in between.
    pub again_after: Option<Duration>,
    /// Every invocation is this late.
    pub late_by: Duration,
}

impl LocalScheduler {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = Mutex::default();
        Self { clock, state, changed: Notify::new(), kept: None, gives_up_to: None }
    }

    /// Keeps the schedules in rows, and takes over those that are there.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the rows cannot be read.
    pub fn kept_in(rows: &StandInRows, clock: Arc<dyn Clock>) -> Result<Self, EmbeddedError> {
        let scheduler = Self::new(clock);
        let kept = KeptSchedules::new(rows);
        let oldest = scheduler.now().checked_sub(AGE_MAX).unwrap_or(scheduler.now());
        scheduler.state().schedules = kept.schedules(oldest)?;
        Ok(Self { kept: Some(kept), ..scheduler })
    }

    /// Puts firings that failed for good into the dead-letter queue of this queue.
    #[must_use]
    pub fn giving_up_to(self, queue: &Arc<LocalRunQueue>) -> Self {
        Self { gives_up_to: Some(queue.clone()), ..self }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default()
    }

    /// Sets the faults of all invocations from now on.
    pub fn set_faults(&self, faults: SchedulerFaults) {
        self.state().faults = faults;
    }

    /// How often schedules were put or removed.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Gives a schedule another target, as a person may do in AWS.
    pub fn tamper_with(&self, name: &str) {
        if let Some(entry) = self.state().schedules.get_mut(name) {
            entry.is_ours = false;
        }
    }

    /// The input of the target for one time of a schedule.
    #[must_use]
    pub fn input(name: &str, at: Timestamp) -> Value {
        json!({ "schedule": name, "scheduled_time": at.to_string() })
    }

    /// Stores what the state has of a schedule.
    fn keep(&self, state: &State, name: &str) {
        if let Some(kept) = &self.kept {
            kept.keep(name, state.schedules.get(name));
        }
    }

    /// The times that are due, oldest first. Without any, how long to wait.
    fn due(&self) -> Result<Vec<(String, Timestamp)>, Duration> {
        let now = self.now();
        let mut state = self.state();
        let mut due = Vec::new();
        let mut soonest: Option<Timestamp> = None;
        for (name, entry) in &mut state.schedules {
            while let Some(next) = entry.next() {
                if next > now {
                    soonest = Some(soonest.map_or(next, |soonest| soonest.min(next)));
                    break;
                }
                entry.fired_to = next;
                if entry.is_ours {
                    due.push((name.clone(), next));
                }
            }
        }
        for (name, _) in &due {
            if state.schedules.get(name).is_some_and(|entry| entry.planned.is_once) {
                state.schedules.remove(name);
            }
            self.keep(&state, name);
        }
        if due.is_empty() {
            let wait = soonest.map_or(PAUSE_MAX, |soonest| {
                Duration::try_from(soonest.duration_since(now)).unwrap_or_default()
            });
            return Err(wait.min(PAUSE_MAX));
        }
        due.sort_by_key(|(_, at)| *at);
        Ok(due)
    }

    /// Fires schedules until the end is requested. `invoke` gets the target's input and returns
    /// whether the invocation succeeded. A failed invocation is retried as by Lambda.
    pub async fn run<F, A>(self: Arc<Self>, invoke: F, stopping: Stopping)
    where
        F: Fn(Value) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = bool> + Send + 'static,
    {
        while !stopping.is_requested() {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.due() {
                Err(wait) => {
                    tokio::select! {
                        _timed_out = tokio::time::timeout(wait, changed) => {}
                        () = stopping.requested() => {}
                    }
                }
                Ok(due) => {
                    let faults = self.state().faults;
                    for (name, at) in due {
                        let input = Self::input(&name, at);
                        let queue = &self.gives_up_to;
                        let firing = (input.clone(), queue.clone());
                        tokio::spawn(fire(invoke.clone(), firing, faults.late_by));
                        if let Some(again_after) = faults.again_after {
                            let later = faults.late_by + again_after;
                            tokio::spawn(fire(invoke.clone(), (input, queue.clone()), later));
                        }
                    }
                }
            }
        }
    }
}

/// Invokes the target with this input. What fails for good goes to the dead-letter queue.
async fn fire<F, A>(
    invoke: F,
    (input, gives_up_to): (Value, Option<Arc<LocalRunQueue>>),
    delay: Duration,
) where
    F: Fn(Value) -> A + Send,
    A: Future<Output = bool> + Send,
{
    tokio::time::sleep(delay).await;
    for retry_after in RETRIES {
        if invoke(input.clone()).await {
            return;
        }
        tokio::time::sleep(retry_after).await;
    }
    if invoke(input.clone()).await {
        return;
    }
    tracing::error!("an invocation for a schedule failed three times");
    if let Some(queue) = gives_up_to {
        // Lambda's record of an invocation that failed at every retry.
        let record = json!({
            "version": "1.0",
            "requestContext": {
                "condition": "RetriesExhausted", "approximateInvokeCount": RETRIES.len() + 1,
            },
            "requestPayload": input,
            "responseContext": { "statusCode": 200, "functionError": "Unhandled" },
        });
        queue.messages().send_dead(record.to_string(), BTreeMap::new());
    }
}

/// The service's `ValidationException`.
fn invalid(detail: &dyn std::fmt::Display) -> PortError {
    PortError::Unusable { what: "the local scheduler", detail: detail.to_string() }
}

#[async_trait]
impl Scheduler for LocalScheduler {
    async fn put_schedule(&self, planned: &PlannedSchedule) -> Result<(), PortError> {
        let now = self.now();
        let expression = Expression::parse(&planned.expression).map_err(|error| invalid(&error))?;
        let zone = TimeZone::get(&planned.timezone).map_err(|error| invalid(&error))?;
        if planned.starts_at.is_some_and(|at| at.duration_since(now) < START_MIN) {
            return Err(invalid(&"the start must not be earlier than 5 minutes ago"));
        }
        {
            let mut state = self.state();
            state.writes += 1;
            let planned = planned.clone();
            let entry = Entry { planned, is_ours: true, expression, zone, fired_to: now };
            let name = entry.planned.name.clone();
            state.schedules.insert(name.clone(), entry);
            self.keep(&state, &name);
        }
        self.changed.notify_waiters();
        Ok(())
    }

    async fn schedule(&self, name: &str) -> Result<Option<FoundSchedule>, PortError> {
        let found = |entry: &Entry| FoundSchedule {
            planned: entry.planned.clone(),
            is_ours: entry.is_ours,
        };
        Ok(self.state().schedules.get(name).map(found))
    }

    async fn remove_schedule(&self, name: &str) -> Result<(), PortError> {
        {
            let mut state = self.state();
            state.writes += 1;
            state.schedules.remove(name);
            self.keep(&state, name);
        }
        self.changed.notify_waiters();
        Ok(())
    }

    async fn schedule_names(&self) -> Result<Vec<String>, PortError> {
        Ok(self.state().schedules.keys().cloned().collect())
    }
}
