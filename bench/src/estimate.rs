//! How far off the estimates of `GET …/why` are, over a mixed day on a simulated clock.

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::{Notification, Outcome};
use alimi::ports::{Clock, NoResponse};
use alimi_local::simulator::Fault;
use alimi_local::testing::world::{World, WorldSettings};
use indicatif::ProgressBar;
use jiff::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::program::Failure;
use crate::statistics::percentile;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 3_600;
/// From 10:00 in Seoul, when the window of scheduled messages opens, until 11:00 on the next day.
const DAY_S: u64 = 25 * HOUR_S;
/// Of a batch, so many estimates are asked for as soon as it is stored.
const ASKED_OF_A_BATCH: usize = 25;
/// Once a minute, so many messages are asked for that still wait.
const ASKED_A_MINUTE: usize = 2;
const SEOUL: &str = "Asia/Seoul";
const PHONE: &str = "010-1234-5678";

/// What happens in the day.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// A batch of one priority, to persons in one zone.
    Batch {
        count: usize,
        priority: u16,
        zone: &'static str,
    },
    /// One real-time message.
    RealTime,
    /// One message that must not leave before so many seconds have passed.
    Planned {
        after_s: u64,
    },
    /// Two steps, the second one 20 minutes after the receipt of the first.
    Sequence,
    Pause,
    Resume,
    /// The provider refuses connections.
    Refuse,
    Accept,
    /// The provider answers one request with 429, and asks for a pause of a minute.
    Throttle,
    /// Asks for messages that still wait.
    Ask,
}

impl Act {
    /// Whether it delays messages in a way that no estimate can know before.
    fn is_unforeseen(self) -> bool {
        match self {
            Self::Pause | Self::Refuse | Self::Throttle => true,
            Self::Batch { .. }
            | Self::RealTime
            | Self::Planned { .. }
            | Self::Sequence
            | Self::Resume
            | Self::Accept
            | Self::Ask => false,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EstimateResults {
    pub messages: usize,
    pub rows: Vec<EstimateRow>,
    /// Answers without a time, because that depended on an event, by what the message waited for.
    pub without_time: BTreeMap<String, usize>,
}

/// The estimates of the messages that waited for the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EstimateRow {
    /// The `kind` of `waiting_for`.
    pub waited_for: String,
    /// An event came between the answer and the departure that no estimate can know: an outage, a
    /// pause, or a 429.
    pub unforeseen: bool,
    pub estimates: usize,
    /// How long before the departure the answer was given.
    pub ahead_median_s: f64,
    /// The distance between the estimate and the departure.
    pub error_median_s: f64,
    pub error_p95_s: f64,
    pub error_longest_s: f64,
    /// The share of the messages that left after the estimate.
    pub later_share: f64,
}

/// One answer of `why`.
struct Answer {
    id: String,
    waited_for: String,
    at_ms: i64,
    estimate_ms: i64,
}

pub fn measure(bar: &ProgressBar) -> Result<EstimateResults, Failure> {
    bar.set_length(DAY_S);
    // The clock moves only while every task waits.
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(Day::new().run(bar))
}

/// What happens, in the order of time (seconds since the beginning).
fn plan(randomness: &mut SmallRng) -> Vec<(u64, Act)> {
    let at = |hours: u64, minutes: u64| hours * HOUR_S + minutes * MINUTE_S - 10 * HOUR_S;
    let batch = |count, priority, zone| Act::Batch { count, priority, zone };
    let mut plan = vec![
        (at(10, 30), batch(2_000, 600, SEOUL)),
        (at(10, 45), batch(300, 600, "Europe/London")),
        (at(11, 0), batch(1_000, 300, SEOUL)),
        (at(11, 0), batch(1_500, 600, SEOUL)),
        (at(13, 0), Act::Pause),
        (at(13, 5), batch(500, 100, SEOUL)),
        (at(13, 10), Act::Resume),
        (at(14, 59), batch(1_000, 600, SEOUL)),
        (at(15, 0), Act::Refuse),
        (at(15, 10), batch(1_000, 500, SEOUL)),
        (at(15, 25), Act::Accept),
        (at(16, 29), batch(1_500, 600, SEOUL)),
        (at(16, 29) + 20, Act::Throttle),
        // More than the window has time for: the rest leaves on the next day.
        (at(18, 59), batch(3_000, 600, SEOUL)),
        (at(20, 0), batch(300, 600, "America/New_York")),
        (at(22, 0), batch(500, 600, SEOUL)),
        (at(22, 30), batch(500, 300, SEOUL)),
    ];
    let mut at_s = 0;
    while at_s < DAY_S - HOUR_S {
        at_s += randomness.random_range(5..75);
        plan.push((at_s, Act::RealTime));
    }
    for _ in 0..300 {
        let at_s = randomness.random_range(0..8 * HOUR_S);
        plan.push((at_s, Act::Planned { after_s: randomness.random_range(60..2 * HOUR_S) }));
    }
    for _ in 0..100 {
        plan.push((randomness.random_range(0..8 * HOUR_S), Act::Sequence));
    }
    plan.extend((1..DAY_S / MINUTE_S).map(|minute| (minute * MINUTE_S, Act::Ask)));
    plan.sort_by_key(|(at_s, _)| *at_s);
    plan
}

struct Day {
    randomness: SmallRng,
    /// Messages that may still wait.
    waiting: Vec<String>,
    answers: Vec<Answer>,
    without_time: BTreeMap<String, usize>,
    /// When something unforeseen happened, in Unix milliseconds.
    unforeseen_ms: Vec<i64>,
    requests: usize,
}

impl Day {
    fn new() -> Self {
        Self {
            randomness: SmallRng::seed_from_u64(11),
            waiting: vec![],
            answers: vec![],
            without_time: BTreeMap::new(),
            unforeseen_ms: vec![],
            requests: 0,
        }
    }

    async fn run(mut self, bar: &ProgressBar) -> Result<EstimateResults, Failure> {
        let world = World::new(WorldSettings::default()).await;
        world.start_senders();
        world.start_sweeps();
        let mut now_s = 0;
        for (at_s, act) in plan(&mut self.randomness) {
            tokio::time::sleep(Duration::from_secs(at_s - now_s)).await;
            now_s = at_s;
            bar.set_position(now_s);
            if act.is_unforeseen() {
                self.unforeseen_ms.push(world.clock.now_ms());
            }
            self.act(&world, act).await?;
        }
        tokio::time::sleep(Duration::from_secs(DAY_S - now_s)).await;
        self.score(&world)
    }

    async fn act(&mut self, world: &World, act: Act) -> Result<(), Failure> {
        match act {
            Act::Batch { count, priority, zone } => {
                let mut stored = vec![];
                for page in vec![(); count].chunks(500) {
                    let one = message(priority, Some(zone));
                    let body = Value::Array(vec![one; page.len()]);
                    stored.extend(self.post(world, "/v1/notifications", body).await?);
                }
                for _ in 0..ASKED_OF_A_BATCH {
                    let index = self.randomness.random_range(0..stored.len());
                    self.ask(world, &stored[index]).await?;
                }
                self.waiting.extend(stored);
            }
            Act::RealTime => {
                let stored = self.post(world, "/v1/notifications", message(0, None)).await?;
                for id in &stored {
                    self.ask(world, id).await?;
                }
            }
            Act::Planned { after_s } => {
                let at_ms = world.clock.now_ms() + i64::try_from(1_000 * after_s)?;
                let mut body = message(0, None);
                body["not_before"] = json!(Timestamp::from_millisecond(at_ms)?);
                let stored = self.post(world, "/v1/notifications", body).await?;
                self.waiting.extend(stored);
            }
            Act::Sequence => {
                let step = |delay: Value| {
                    let mut step = message(0, None);
                    let fields = step.as_object_mut().map(|step| (step.remove("to"), step));
                    if let Some((_, step)) = fields {
                        step.remove("priority");
                        if !delay.is_null() {
                            step.insert("delay".into(), delay);
                        }
                    }
                    step
                };
                let body = json!({
                    "to": message(0, None)["to"], "steps": [step(Value::Null), step(json!("20m"))],
                });
                let stored = self.post(world, "/v1/sequences", body).await?;
                self.waiting.extend(stored);
            }
            Act::Pause => operate(world, "pause").await?,
            Act::Resume => operate(world, "resume").await?,
            Act::Refuse => {
                world.http.fail_from_now(Some(NoResponse::NotSent("refused".into())));
            }
            Act::Accept => world.http.fail_from_now(None),
            Act::Throttle => {
                world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(60) });
            }
            Act::Ask => {
                let mut asked = 0;
                while asked < ASKED_A_MINUTE && !self.waiting.is_empty() {
                    let index = self.randomness.random_range(0..self.waiting.len());
                    let id = self.waiting[index].clone();
                    if self.ask(world, &id).await? {
                        asked += 1;
                    } else {
                        self.waiting.swap_remove(index);
                    }
                }
            }
        }
        Ok(())
    }

    /// Stores something, and returns the ids of its notifications.
    async fn post(
        &mut self,
        world: &World,
        path: &str,
        body: Value,
    ) -> Result<Vec<String>, Failure> {
        self.requests += 1;
        let key = self.requests.to_string();
        let (status, answer) = world.produce("POST", path, Some(&key), body).await;
        if !status.is_success() {
            return Err(format!("{path}: {answer}").into());
        }
        let id = |found: &Value| found["id"].as_str().map(str::to_owned);
        let ids: Vec<String> = match (answer["items"].as_array(), answer["steps"].as_array()) {
            (Some(items), _) => items.iter().filter_map(id).collect(),
            (None, Some(steps)) => {
                let of_steps = steps.iter().filter_map(|step| step["notifications"].as_array());
                of_steps.flatten().filter_map(id).collect()
            }
            (None, None) => id(&answer).into_iter().collect(),
        };
        if ids.is_empty() {
            return Err(format!("{path} has stored nothing: {answer}").into());
        }
        Ok(ids)
    }

    /// Asks why a message waits. Returns whether it does.
    async fn ask(&mut self, world: &World, id: &str) -> Result<bool, Failure> {
        let path = format!("/v1/ops/notifications/{id}/why");
        let answer = world.operate("GET", &path, &[], "").await;
        if answer.status != 200 {
            return Err(format!("{path}: {}", answer.body).into());
        }
        let why = answer.body;
        if !["blocked", "deferred", "queued"].contains(&why["status"].as_str().unwrap_or_default())
        {
            return Ok(false);
        }
        let waited_for = why["waiting_for"]["kind"].as_str().unwrap_or("turn").to_owned();
        match why["leaves_at"].as_str() {
            None => *self.without_time.entry(waited_for).or_default() += 1,
            Some(leaves_at) => self.answers.push(Answer {
                id: id.to_owned(),
                waited_for,
                at_ms: world.clock.now_ms(),
                estimate_ms: leaves_at.parse::<Timestamp>()?.as_millisecond(),
            }),
        }
        Ok(true)
    }

    fn score(self, world: &World) -> Result<EstimateResults, Failure> {
        let stored = world.notifications();
        let left: BTreeMap<&str, i64> = stored
            .values()
            .filter_map(|found| Some((found.id.as_str(), left_ms(found)?)))
            .collect();
        let mut groups: BTreeMap<(bool, String), Vec<(f64, f64)>> = BTreeMap::new();
        for answer in self.answers {
            let Answer { id, waited_for, at_ms, estimate_ms } = answer;
            let left_ms = *left.get(id.as_str()).ok_or("a message has not left")?;
            let is_between = |event_ms: &i64| at_ms < *event_ms && *event_ms <= left_ms;
            let unforeseen = self.unforeseen_ms.iter().any(is_between);
            let ahead_s = (left_ms - at_ms) as f64 / 1e3;
            let error_s = (left_ms - estimate_ms) as f64 / 1e3;
            groups.entry((unforeseen, waited_for)).or_default().push((ahead_s, error_s));
        }
        let all = |unforeseen: bool| {
            let of = groups.iter().filter(|((group, _), _)| *group == unforeseen);
            let all: Vec<_> = of.flat_map(|(_, samples)| samples.iter().copied()).collect();
            row("all", unforeseen, &all)
        };
        let all = [all(false), all(true)];
        let rows =
            groups.iter().map(|((unforeseen, kind), samples)| row(kind, *unforeseen, samples));
        let rows = rows.chain(all).filter(|row| row.estimates > 0).collect();
        Ok(EstimateResults { messages: stored.len(), rows, without_time: self.without_time })
    }
}

fn row(waited_for: &str, unforeseen: bool, samples: &[(f64, f64)]) -> EstimateRow {
    let mut ahead: Vec<f64> = samples.iter().map(|(ahead_s, _)| *ahead_s).collect();
    let mut errors: Vec<f64> = samples.iter().map(|(_, error_s)| error_s.abs()).collect();
    let later = samples.iter().filter(|(_, error_s)| *error_s > 0.0).count();
    EstimateRow {
        waited_for: waited_for.to_owned(),
        unforeseen,
        estimates: samples.len(),
        ahead_median_s: percentile(&mut ahead, 0.5),
        error_median_s: percentile(&mut errors, 0.5),
        error_p95_s: percentile(&mut errors, 0.95),
        error_longest_s: percentile(&mut errors, 1.0),
        later_share: later as f64 / samples.len().max(1) as f64,
    }
}

fn message(priority: u16, zone: Option<&str>) -> Value {
    let mut to = json!({ "id": "t", "phone": PHONE });
    if let Some(zone) = zone {
        to["timezone"] = json!(zone);
    }
    json!({
        "template": "photo-and-video", "to": to, "priority": priority,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    })
}

/// When the request left that the provider took.
fn left_ms(notification: &Notification) -> Option<i64> {
    let taken = |attempt: &&alimi::domain::Attempt| attempt.outcome == Some(Outcome::Accepted);
    notification.attempts.iter().find(taken)?.request_sent_at_ms
}

async fn operate(world: &World, action: &str) -> Result<(), Failure> {
    let path = format!("/v1/channels/alimtalk-main/{action}");
    let answer = world.operate("POST", &path, &[], "").await;
    if answer.status == 200 { Ok(()) } else { Err(format!("{path}: {}", answer.body).into()) }
}
