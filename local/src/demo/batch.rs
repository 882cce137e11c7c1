//! The scheduled batch: an audience and a schedule, made over HTTP as an operator makes them.

use std::time::Duration;

use alimi::domain::run::{RunCounts, RunStatus};
use alimi::domain::{HoursConfig, RunKey, hours};
use alimi::ports::Clock;
use alimi::time::SystemClock;
use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::DemoError;

/// The names that the audience and the schedule are given.
const AUDIENCE: &str = "teachers";
const SCHEDULE: &str = "reminder";
/// What the batch sends.
const TEMPLATE: &str = "photo-and-video";
/// The zone that the schedule's time is written in.
const ZONE: &str = "Asia/Seoul";
/// From the schedule's creation to its time, at least: the scheduler has to be told of it.
const AHEAD: SignedDuration = SignedDuration::from_secs(3);

/// The whole day, so that the demonstration can be held at any hour.
pub(super) fn all_day() -> Result<HoursConfig, hours::BadWindow> {
    let day = hours::Window::new("00:00", "24:00")?;
    Ok(HoursConfig { scheduled: day, advertising: day })
}

/// The API, as operators use it.
pub(super) struct Operator {
    client: Client,
    api_url: String,
}

/// A run, as `GET /v1/schedules/{name}/runs` shows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RunSeen {
    pub(super) scheduled_at: Timestamp,
    pub(super) status: RunStatus,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) counts: RunCounts,
}

#[derive(Deserialize)]
struct RunsSeen {
    items: Vec<RunSeen>,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// How many members were uploaded.
    pub(super) members: usize,
    /// When it is to run.
    pub(super) at: Timestamp,
}

impl Batch {
    /// The run that the schedule's only time makes.
    pub(super) fn key(&self) -> RunKey {
        RunKey::new(SCHEDULE, self.at)
    }

    /// What differs from one run that stored one notification for each member.
    pub(super) fn differences(&self, runs: &[RunSeen]) -> Vec<String> {
        let [run] = runs else {
            return vec![format!("the schedule has {} runs, not one", runs.len())];
        };
        let members = u64::try_from(self.members).unwrap_or(u64::MAX);
        let counts = RunCounts { members, stored: members, ..RunCounts::default() };
        let mut differences = Vec::new();
        if run.scheduled_at != self.at {
            differences.push(format!("the run is that of {}, not {}", run.scheduled_at, self.at));
        }
        if run.started_at < self.at {
            differences.push(format!("the run began at {}, before its time", run.started_at));
        }
        if run.status != RunStatus::Finished {
            differences.push(format!("the run is {:?}, not finished", run.status));
        }
        if run.counts != counts {
            differences.push(format!("the run counts {:?}, not {counts:?}", run.counts));
        }
        differences
    }
}

impl Operator {
    pub(super) fn new(api_url: &str) -> Self {
        Self { client: Client::new(), api_url: api_url.to_owned() }
    }

    /// Makes the audience of a CSV file's lines, and a schedule for it a few seconds ahead, which
    /// fires by itself.
    pub(super) async fn schedule(&self, csv: String) -> Result<Batch, DemoError> {
        let audience = json!({ "source": { "kind": "members" } });
        self.create(&format!("/v1/audiences/{AUDIENCE}"), &audience).await?;
        let path = format!("/v1/audiences/{AUDIENCE}/members");
        let upload = self.request(Method::POST, &path).header("content-type", "text/csv").body(csv);
        let uploaded = answer(&path, upload).await?;
        let members = uploaded["members"].as_u64().and_then(|members| members.try_into().ok());

        let at = a_whole_second_after(Timestamp::from_millisecond(SystemClock.now_ms())? + AHEAD);
        let local = at.to_zoned(TimeZone::get(ZONE)?).datetime();
        let schedule = json!({
            "expression": format!("at({local})"),
            "timezone": ZONE,
            "template": TEMPLATE,
            "audience": AUDIENCE,
        });
        self.create(&format!("/v1/schedules/{SCHEDULE}"), &schedule).await?;
        Ok(Batch { members: members.unwrap_or(0), at })
    }

    /// The schedule's runs so far.
    pub(super) async fn runs(&self) -> Result<Vec<RunSeen>, DemoError> {
        let path = format!("/v1/schedules/{SCHEDULE}/runs");
        let seen = answer(&path, self.request(Method::GET, &path)).await?;
        let told = seen.to_string();
        serde_json::from_value::<RunsSeen>(seen)
            .map(|runs| runs.items)
            .map_err(|_| DemoError::Refused { path, status: 200, told })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.api_url);
        self.client.request(method, url).timeout(Duration::from_secs(30))
    }

    async fn create(&self, path: &str, document: &Value) -> Result<(), DemoError> {
        let request = self
            .request(Method::PUT, path)
            .header("content-type", "application/json")
            .header("if-none-match", "*")
            .body(document.to_string());
        answer(path, request).await.map(|_| ())
    }
}

/// Sends a request that has to go well.
async fn answer(path: &str, request: RequestBuilder) -> Result<Value, DemoError> {
    let answer = request.send().await?;
    let status = answer.status();
    let told = answer.bytes().await?;
    match serde_json::from_slice(&told) {
        Ok(told) if status.is_success() => Ok(told),
        Ok(_) | Err(_) => Err(DemoError::Refused {
            path: path.to_owned(),
            status: status.as_u16(),
            told: String::from_utf8_lossy(&told).into_owned(),
        }),
    }
}

fn a_whole_second_after(at: Timestamp) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_time_of_the_schedule_is_a_whole_second_and_never_earlier() {
        let whole = time("2026-03-02T10:00:01+09:00");
        assert_eq!(a_whole_second_after(time("2026-03-02T10:00:00.001+09:00")), whole);
        assert_eq!(a_whole_second_after(whole), whole);
    }

    #[test]
    fn a_run_that_is_not_as_asked_for_is_told() {
        let batch = Batch { members: 2, at: time("2026-03-02T10:00:00+09:00") };
        let run = |status, stored| RunSeen {
            scheduled_at: batch.at,
            status,
            started_at: batch.at,
            ended_at: None,
            counts: RunCounts { members: 2, stored, ..RunCounts::default() },
        };
        assert!(batch.differences(&[run(RunStatus::Finished, 2)]).is_empty());
        assert_eq!(batch.differences(&[]), ["the schedule has 0 runs, not one"]);
        assert_eq!(batch.differences(&[run(RunStatus::Running, 1)]).len(), 2);
        let early = RunSeen {
            scheduled_at: time("2026-03-02T09:59:00+09:00"),
            started_at: time("2026-03-02T09:59:00+09:00"),
            ..run(RunStatus::Finished, 2)
        };
        assert_eq!(batch.differences(&[early]).len(), 2);
    }

    #[test]
    fn the_demonstrations_hours_are_the_whole_day() {
        let hours = all_day().expect("a window");
        assert_eq!(hours.scheduled.to_string(), "00:00–24:00");
    }
}
