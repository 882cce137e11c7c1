//! A long run on the real clock. Real-time messages, sequences and batches compete, the provider
//! fails now and then, and senders are killed. At the end every accepted notification must be
//! delivered or reported.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alimi::domain::{Confirmation, RateLimit, Status};
use alimi::time::SystemClock;
use alimi::use_cases::SenderSettings;
use alimi_local::aws::embedded;
use alimi_local::aws::queue::LocalQueue;
use alimi_local::aws::secrets::WEBHOOK_SECRET;
use alimi_local::simulator::{Arrival, Fault, SimulatorSettings, TOO_MANY};
use alimi_local::stack::Stack;
use alimi_local::testing::audit::Audit;
use alimi_local::testing::database_usage::DatabaseUsage;
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

use crate::bed::{Bed, CHANNEL};
use crate::program::Failure;
use crate::requests::{create, post};
use crate::statistics::{over_limit, percentile, times};

const PER_SECOND: u32 = 50;
const BATCH: usize = 8_000;
const BATCH_EVERY: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SoakResults {
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
    /// The busiest sliding second of departures, as the senders recorded them in answered attempts.
    pub busiest_second_departing: usize,
    /// The longest and the median time from departure to arrival. The jitter allowance covers their
    /// difference.
    pub longest_transit_ms: f64,
    pub median_transit_ms: f64,
    pub senders_killed: usize,
    pub provider_faults: usize,
    pub violations: Vec<String>,
}

/// Sends requests for some minutes, and then waits until every notification is settled.
pub fn measure(bar: &ProgressBar, minutes: u64) -> Result<SoakResults, Failure> {
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
    let stack = bed.stack(queue.clone(), &DatabaseUsage::default(), SenderSettings::default());
    deliver_receipts_to(&bed, &stack);
    let killed = Arc::new(AtomicUsize::new(0));
    let _senders = start_senders(&bed, queue, killed.clone());
    bed.runtime.spawn(sweep(stack.clone()));

    let (accepted, faults) =
        bed.runtime.block_on(produce(&bed, &stack, bar, Duration::from_secs(60 * minutes)))?;
    bar.set_message("waiting until everything is settled");
    let audit = bed.runtime.block_on(async {
        let give_up_at = Instant::now() + Duration::from_secs(1200);
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // The audit reads every notification, on the thread that serves the database. The cheap
            // check avoids most audits.
            let is_over = Instant::now() > give_up_at;
            if !is_over && !embedded::is_agenda_empty(&bed.database)? {
                continue;
            }
            let audit = Audit::of(&bed.simulator, &embedded::stored(&bed.database)?);
            if audit.unsettled.is_empty() && bed.simulator.pending_receipts() == 0 {
                return Ok::<_, Failure>(audit);
            }
            if is_over {
                let mut left: BTreeMap<Status, usize> = BTreeMap::new();
                for (_, status) in &audit.unsettled {
                    *left.entry(*status).or_default() += 1;
                }
                return Err(format!("not settled, by status: {left:?}").into());
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
    let transit_ms = |arrival: &Arrival| {
        let reference = arrival.reference.as_ref()?;
        let departed_us = departed.get(&(&reference.id, reference.attempt))?;
        Some((arrival.at_us - departed_us) as f64 / 1000.0)
    };
    let mut times_ms: Vec<f64> = arrivals.iter().filter_map(transit_ms).collect();
    let (seconds_over, busiest_second) = over_limit(&times(&arrivals), PER_SECOND as usize);
    Ok(SoakResults {
        minutes,
        accepted,
        by_status,
        delivered,
        // Every settled notification is delivered or reported.
        reported: stored.len() - delivered,
        requests: arrivals.len(),
        sent_twice: audit.sent_twice.len(),
        out_of_order: audit.out_of_order.len(),
        seconds_over,
        busiest_second,
        busiest_second_departing,
        longest_transit_ms: percentile(&mut times_ms, 1.0),
        median_transit_ms: percentile(&mut times_ms, 0.5),
        senders_killed: killed.load(Ordering::Relaxed),
        provider_faults: faults,
        violations: audit.violations(PER_SECOND as usize),
    })
}

fn deliver_receipts_to(bed: &Bed, stack: &Stack) {
    let webhook = stack.webhook.clone();
    let runtime = bed.runtime.handle().clone();
    bed.simulator.deliver_receipts_to(Arc::new(move |receipt: Value| {
        let webhook = webhook.clone();
        let answer = runtime.spawn(async move {
            let request = Request::post(format!("/webhooks/{CHANNEL}/{WEBHOOK_SECRET}"))
                .header("content-type", "application/json")
                .body(Body::from(receipt.to_string()));
            let Ok(request) = request else { return 0 };
            let Ok(response) = webhook.oneshot(request).await;
            response.status().as_u16()
        });
        async move { answer.await.unwrap_or(0) }.boxed()
    }));
}

/// Starts senders on a thread of their own. One invocation in eight is killed.
fn start_senders(
    bed: &Bed,
    queue: Arc<LocalQueue>,
    killed: Arc<AtomicUsize>,
) -> std::thread::JoinHandle<()> {
    let stack = bed.stack(queue.clone(), &DatabaseUsage::default(), SenderSettings::default());
    std::thread::spawn(move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        let randomness = Arc::new(std::sync::Mutex::new(SmallRng::seed_from_u64(11)));
        let handler = move |event: SqsEvent| {
            let sender = stack.sender.clone();
            let killed = killed.clone();
            let killed_after_ms = randomness.lock().ok().and_then(|mut randomness| {
                randomness.random_ratio(1, 8).then(|| randomness.random_range(0..25_000))
            });
            async move {
                let invocation = alimi_sender::handle(&sender, event);
                let Some(after_ms) = killed_after_ms else { return Some(invocation.await) };
                let ended = tokio::time::timeout(Duration::from_millis(after_ms), invocation).await;
                if ended.is_err() {
                    killed.fetch_add(1, Ordering::Relaxed);
                }
                ended.ok()
            }
        };
        runtime.block_on(queue.pump(Arc::new(SystemClock), 2, handler));
    })
}

async fn sweep(stack: Stack) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let sweeper = stack.sweeper.clone();
        // A round may last for most of a minute. The next one repeats the work of a round that
        // failed.
        tokio::spawn(async move { alimi_sweeper::handle(&sweeper).await });
    }
}

/// A phone number. Nine in a hundred select one of the simulated provider's scenarios of failure.
fn phone(randomness: &mut SmallRng) -> String {
    match randomness.random_range(0..100) {
        scenario @ 1..=9 => {
            format!("010-900{scenario}-{:04}", randomness.random_range(0..10_000))
        }
        _ => format!("010-1234-{:04}", randomness.random_range(0..10_000)),
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
    let mut randomness = SmallRng::seed_from_u64(5);
    let mut batch_at = start;
    let (mut accepted, mut faults, mut round): (usize, usize, usize) = (0, 0, 0);
    while start.elapsed() < time {
        bar.set_position(start.elapsed().as_secs());
        bar.set_message(format!("{accepted} accepted, {} arrived", bed.simulator.arrivals().len()));
        round += 1;
        if Instant::now() >= batch_at {
            batch_at += BATCH_EVERY;
            for page in 0..BATCH / 500 {
                let drafts: Vec<Value> =
                    (0..500).map(|_| one(&phone(&mut randomness), 600)).collect();
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
        create(stack, &key, 0, &phone(&mut randomness)).await?;
        accepted += 1;
        if round.is_multiple_of(3) {
            let step = json!({ "template": "consultation-start", "variables": variables() });
            let body = json!({
                "to": { "id": "teacher-1", "phone": phone(&mut randomness) },
                "steps": [step.clone(), step],
            });
            let key = format!("sequence-{round}");
            let (status, answer) = post(stack, "/v1/sequences", &key, &body).await?;
            if status >= 300 {
                return Err(format!("{status}: {answer}").into());
            }
            accepted += 2;
        }
        // About one fault a minute. A 429 or a refused account slows or stops the lane for half a
        // minute or more, and the run is meant to test a lane that can keep up.
        if randomness.random_ratio(1, 200) {
            let (status, code, reset_s) = match randomness.random_range(0..4) {
                0 => (429, TOO_MANY, Some(1)),
                1 => (400, 3010, None),
                2 => (500, 9000, None),
                _ => (400, 3002, None),
            };
            bed.simulator.fail_next(Fault { status, code, reset_s });
            faults += 1;
        }
        tokio::time::sleep(Duration::from_millis(randomness.random_range(0..600))).await;
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
