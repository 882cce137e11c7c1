//! A long run on the real clock: real-time messages, sequences and batches compete, the provider
//! misbehaves, senders die. At the end the books have to balance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alimi::delivery::DrainSettings;
use alimi::domain::channel::Confirmation;
use alimi::domain::{RateLimit, Status};
use alimi::time::SystemClock;
use alimi_local::audit::Audit;
use alimi_local::embedded;
use alimi_local::meter::DatabaseMeter;
use alimi_local::queue::LocalQueue;
use alimi_local::simulator::{Arrival, Fault, SimulatorSettings};
use alimi_local::stack::{Stack, WEBHOOK_SECRET};
use aws_lambda_events::sqs::SqsEvent;
use axum::body::Body;
use axum::http::Request;
use futures::FutureExt;
use indicatif::ProgressBar;
use jiff::SignedDuration;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::time::Instant;
use tower::ServiceExt;

use crate::bed::{Bed, CHANNEL, Failure, enqueue, post};
use crate::measure::{over_limit, percentile, times};

const PER_SECOND: u32 = 50;
const BATCH: usize = 8_000;
const BATCH_EVERY: Duration = Duration::from_secs(300);

/// What the run came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    pub minutes: u64,
    pub accepted: usize,
    pub by_status: BTreeMap<String, usize>,
    pub delivered: usize,
    /// On the exceptions list, cancelled with a reason, or blocked behind an exception.
    pub reported: usize,
    pub requests: usize,
    pub sent_twice: usize,
    pub out_of_order: usize,
    pub seconds_over: usize,
    pub busiest_second: usize,
    /// The same of departures, as the senders noted them in answered attempts.
    pub busiest_second_departing: usize,
    /// The longest and the usual time from departure to arrival; the allowance covers their
    /// difference.
    pub longest_way_ms: f64,
    pub usual_way_ms: f64,
    pub senders_killed: usize,
    pub provider_faults: usize,
    pub violations: Vec<String>,
}

/// Runs for so many minutes, and until everything is settled.
pub fn measure(bar: &ProgressBar, minutes: u64) -> Result<Figures, Failure> {
    let bed = Bed::new(SimulatorSettings {
        per_second: PER_SECOND,
        latency: Duration::from_millis(150),
        latency_jitter: Duration::from_millis(100),
        receipt_after: Duration::from_secs(2),
        ..SimulatorSettings::default()
    })?;
    bed.configure(|channel| {
        let jitter = SignedDuration::from_millis(50);
        channel.limit = RateLimit { per_second: PER_SECOND, jitter, strict: false };
        channel.confirmation = Confirmation::Receipt { within: SignedDuration::from_secs(90) };
    })?;
    let queue = Arc::new(LocalQueue::default());
    let stack = bed.stack(queue.clone(), &DatabaseMeter::default(), DrainSettings::default());
    push_to(&bed, &stack);
    let killed = Arc::new(AtomicUsize::new(0));
    let _senders = start_senders(&bed, queue, killed.clone());
    bed.world.spawn(sweep(stack.clone()));

    let (accepted, faults) =
        bed.world.block_on(produce(&bed, &stack, bar, Duration::from_secs(60 * minutes)))?;
    bar.set_message("waiting until everything is settled");
    let audit = bed.world.block_on(async {
        let give_up_at = Instant::now() + Duration::from_secs(1200);
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // The audit reads everything, on the thread that serves the database: only once.
            let is_over = Instant::now() > give_up_at;
            if !is_over && !embedded::is_agenda_empty(&bed.database)? {
                continue;
            }
            let audit = Audit::of(&bed.simulator, &embedded::notifications(&bed.database)?);
            if audit.unsettled.is_empty() && bed.simulator.pushes_under_way() == 0 {
                return Ok::<_, Failure>(audit);
            }
            if is_over {
                let mut left: BTreeMap<Status, usize> = BTreeMap::new();
                for (_, status) in &audit.unsettled {
                    *left.entry(*status).or_default() += 1;
                }
                return Err(format!("these are not settled: {left:?}").into());
            }
        }
    })?;
    let stored = bed.notifications()?;
    let mut by_status = BTreeMap::new();
    for notification in &stored {
        *by_status.entry(notification.status.as_str().to_owned()).or_insert(0) += 1;
    }
    let delivered = stored.iter().filter(|n| n.status == Status::Delivered).count();
    let mut departed = BTreeMap::new();
    for notification in &stored {
        for attempt in &notification.attempts {
            if let Some(at_ms) = attempt.request_sent_at_ms {
                departed.insert((&notification.id, attempt.number), 1000 * at_ms);
            }
        }
    }
    let mut departed_us: Vec<i64> = departed.values().copied().collect();
    departed_us.sort_unstable();
    let (_, busiest_second_departing) = over_limit(&departed_us, PER_SECOND as usize);
    let arrivals = bed.simulator.arrivals();
    let way_ms = |arrival: &Arrival| {
        let reference = arrival.reference.as_ref()?;
        let departed_us = departed.get(&(&reference.id, reference.attempt))?;
        Some((arrival.at_us - departed_us) as f64 / 1000.0)
    };
    let mut on_their_way: Vec<f64> = arrivals.iter().filter_map(way_ms).collect();
    let (seconds_over, busiest_second) = over_limit(&times(&arrivals), PER_SECOND as usize);
    Ok(Figures {
        minutes,
        accepted,
        by_status,
        delivered,
        // Whatever is settled and not delivered is one of these.
        reported: stored.len() - delivered,
        requests: arrivals.len(),
        sent_twice: audit.taken_twice.len(),
        out_of_order: audit.out_of_order.len(),
        seconds_over,
        busiest_second,
        busiest_second_departing,
        longest_way_ms: percentile(&mut on_their_way, 1.0),
        usual_way_ms: percentile(&mut on_their_way, 0.5),
        senders_killed: killed.load(Ordering::Relaxed),
        provider_faults: faults,
        violations: audit.violations(PER_SECOND as usize),
    })
}

fn push_to(bed: &Bed, stack: &Stack) {
    let webhook = stack.webhook.clone();
    let world = bed.world.handle().clone();
    bed.simulator.push_to(Arc::new(move |push: Value| {
        let webhook = webhook.clone();
        let answer = world.spawn(async move {
            let request = Request::post(format!("/webhooks/{CHANNEL}/{WEBHOOK_SECRET}"))
                .header("content-type", "application/json")
                .body(Body::from(push.to_string()));
            let Ok(request) = request else { return 0 };
            let Ok(response) = webhook.oneshot(request).await;
            response.status().as_u16()
        });
        async move { answer.await.unwrap_or(0) }.boxed()
    }));
}

/// Senders on a thread of their own; one life in eight ends early.
fn start_senders(
    bed: &Bed,
    queue: Arc<LocalQueue>,
    killed: Arc<AtomicUsize>,
) -> std::thread::JoinHandle<()> {
    let stack = bed.stack(queue.clone(), &DatabaseMeter::default(), DrainSettings::default());
    std::thread::spawn(move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        let dice = Arc::new(std::sync::Mutex::new(SmallRng::seed_from_u64(11)));
        let handler = move |event: SqsEvent| {
            let drain = stack.drain.clone();
            let killed = killed.clone();
            let dies_after = dice
                .lock()
                .ok()
                .and_then(|mut dice| dice.random_ratio(1, 8).then(|| dice.random_range(0..25_000)));
            async move {
                let work = alimi_sender::handle(&drain, event);
                let Some(dies_after_ms) = dies_after else { return Some(work.await) };
                let lived = tokio::time::timeout(Duration::from_millis(dies_after_ms), work).await;
                if lived.is_err() {
                    killed.fetch_add(1, Ordering::Relaxed);
                }
                lived.ok()
            }
        };
        runtime.block_on(queue.pump(Arc::new(SystemClock), 2, handler));
    })
}

async fn sweep(stack: Stack) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        // What one round cannot do, the next one does.
        let _report = alimi_sweeper::handle(&stack.sweep).await;
    }
}

/// Numbers whose messages meet every fate, most of them a good one.
fn phone(dice: &mut SmallRng) -> String {
    match dice.random_range(0..100) {
        fate @ 1..=9 => format!("010-900{fate}-{:04}", dice.random_range(0..10_000)),
        _ => format!("010-1234-{:04}", dice.random_range(0..10_000)),
    }
}

async fn produce(
    bed: &Bed,
    stack: &Stack,
    bar: &ProgressBar,
    time: Duration,
) -> Result<(usize, usize), Failure> {
    let start = Instant::now();
    bar.set_length(time.as_secs());
    let mut dice = SmallRng::seed_from_u64(5);
    let mut batch_at = start;
    let (mut accepted, mut faults, mut round): (usize, usize, usize) = (0, 0, 0);
    while start.elapsed() < time {
        bar.set_position(start.elapsed().as_secs());
        bar.set_message(format!("{accepted} accepted, {} arrived", bed.simulator.arrivals().len()));
        round += 1;
        if Instant::now() >= batch_at {
            batch_at += BATCH_EVERY;
            for page in 0..BATCH / 500 {
                let drafts: Vec<Value> = (0..500).map(|_| one(&phone(&mut dice), 600)).collect();
                let key = format!("batch-{round}-{page}");
                let (status, answer) =
                    post(stack, "/v1/notifications", &key, &Value::Array(drafts)).await?;
                if status >= 300 {
                    return Err(format!("{status}: {answer}").into());
                }
                accepted += 500;
            }
        }
        let key = format!("real-time-{round}");
        enqueue(stack, &key, 0, &phone(&mut dice)).await?;
        accepted += 1;
        if round.is_multiple_of(3) {
            let step = json!({ "template": "consultation-start", "variables": variables() });
            let body = json!({
                "to": { "id": "teacher-1", "phone": phone(&mut dice) },
                "steps": [step.clone(), step],
            });
            let key = format!("sequence-{round}");
            let (status, answer) = post(stack, "/v1/sequences", &key, &body).await?;
            if status >= 300 {
                return Err(format!("{status}: {answer}").into());
            }
            accepted += 2;
        }
        // One a minute: each of the first two kinds slows or holds the lane for half a minute or
        // more, and a lane that cannot keep up would prove nothing but that.
        if dice.random_ratio(1, 200) {
            let (status, code, reset_s) = match dice.random_range(0..4) {
                0 => (429, 5002, Some(1)),
                1 => (400, 3010, None),
                2 => (500, 9000, None),
                _ => (400, 3002, None),
            };
            bed.simulator.fail_next(Fault { status, code, reset_s });
            faults += 1;
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..600))).await;
    }
    Ok((accepted, faults))
}

fn one(phone: &str, priority: u16) -> Value {
    json!({
        "template": "consultation-start",
        "to": { "id": "teacher-1", "phone": phone },
        "variables": variables(),
        "priority": priority,
    })
}

fn variables() -> Value {
    json!({ "name": "김하나", "date": "3월 2일", "code": "a1" })
}
