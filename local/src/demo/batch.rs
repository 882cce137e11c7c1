//! The scheduled batch: an audience and a schedule, created over HTTP as by an operator.

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::run::{RunCounts, RunStatus};
use alimi::domain::{Group, HoursConfig, Notification, NotificationId, RunKey, hours};
use alimi::ports::Clock;
use alimi::time::SystemClock;
use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::DemoError;

const AUDIENCE: &str = "teachers";
const SCHEDULE: &str = "reminder";
const TEMPLATE: &str = "photo-and-video";
/// The time zone of the schedule's expression.
const ZONE: &str = "Asia/Seoul";
/// The shortest time from the schedule's creation to its time: the planner has to reach the
/// scheduler first.
const AHEAD: SignedDuration = SignedDuration::from_secs(3);

/// Permits the whole day, so that the demo can run at any hour.
pub(super) fn all_day() -> Result<HoursConfig, hours::BadWindow> {
    let day = hours::Window::new("00:00", "24:00")?;
    Ok(HoursConfig { scheduled: day, advertising: day })
}

/// The API that operators use.
pub(super) struct Operator {
    client: Client,
    api_url: String,
}

/// A run in the answer of `GET /v1/schedules/{name}/runs`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RunView {
    pub(super) scheduled_at: Timestamp,
    pub(super) status: RunStatus,
    pub(super) started_at: Timestamp,
    pub(super) stored_at: Option<Timestamp>,
    pub(super) counts: RunCounts,
}

#[derive(Deserialize)]
struct RunsView {
    items: Vec<RunView>,
}

/// The requested batch.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// The number of uploaded members.
    pub(super) members: usize,
    /// The schedule's only time.
    pub(super) at: Timestamp,
}

impl Batch {
    /// The run for the schedule's only time.
    pub(super) fn key(&self) -> RunKey {
        RunKey::new(SCHEDULE, self.at)
    }

    /// The batch's messages.
    pub(super) fn messages<'a>(
        &self,
        stored: &'a BTreeMap<NotificationId, Notification>,
    ) -> impl Iterator<Item = &'a Notification> + use<'a> {
        let group = Some(Group::run(&self.key()));
        stored.values().filter(move |notification| notification.group == group)
    }

    /// How the runs differ from one finished run that stored one notification for each member.
    pub(super) fn differences(&self, runs: &[RunView]) -> Vec<String> {
        let [run] = runs else {
            return vec![format!("the schedule has {} runs, not one", runs.len())];
        };
        let members = u64::try_from(self.members).unwrap_or(u64::MAX);
        let counts = RunCounts { members, stored: members, ..RunCounts::default() };
        let mut differences = Vec::new();
        if run.scheduled_at != self.at {
            differences.push(format!("the run is for {}, not for {}", run.scheduled_at, self.at));
        }
        if run.started_at < self.at {
            differences.push(format!("the run started at {}, before its time", run.started_at));
        }
        if run.status != RunStatus::Finished {
            differences.push(format!("the run is {:?}, not finished", run.status));
        }
        if run.counts != counts {
            differences.push(format!("the run's counts are {:?}, not {counts:?}", run.counts));
        }
        differences
    }
}

impl Operator {
    pub(super) fn new(api_url: &str) -> Self {
        Self { client: Client::new(), api_url: api_url.to_owned() }
    }

    /// Uploads a CSV file as an audience, and creates a schedule for it that fires a few seconds
    /// later.
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
    pub(super) async fn runs(&self) -> Result<Vec<RunView>, DemoError> {
        let path = format!("/v1/schedules/{SCHEDULE}/runs");
        let answer = answer(&path, self.request(Method::GET, &path)).await?;
        let body = answer.to_string();
        serde_json::from_value::<RunsView>(answer)
            .map(|runs| runs.items)
            .map_err(|_| DemoError::UnexpectedAnswer { path, status: 200, body })
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

/// Sends a request that must succeed.
async fn answer(path: &str, request: RequestBuilder) -> Result<Value, DemoError> {
    let answer = request.send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    match serde_json::from_slice(&body) {
        Ok(json) if status.is_success() => Ok(json),
        Ok(_) | Err(_) => Err(DemoError::UnexpectedAnswer {
            path: path.to_owned(),
            status: status.as_u16(),
            body: String::from_utf8_lossy(&body).into_owned(),
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
    fn the_schedules_time_is_rounded_up_to_a_whole_second() {
        let whole = time("2026-03-02T10:00:01+09:00");
        assert_eq!(a_whole_second_after(time("2026-03-02T10:00:00.001+09:00")), whole);
        assert_eq!(a_whole_second_after(whole), whole);
    }

    #[test]
    fn a_run_that_differs_from_the_request_is_reported() {
        let batch = Batch { members: 2, at: time("2026-03-02T10:00:00+09:00") };
        let run = |status, stored| RunView {
            scheduled_at: batch.at,
            status,
            started_at: batch.at,
            stored_at: None,
            counts: RunCounts { members: 2, stored, ..RunCounts::default() },
        };
        assert!(batch.differences(&[run(RunStatus::Finished, 2)]).is_empty());
        assert_eq!(batch.differences(&[]), ["the schedule has 0 runs, not one"]);
        assert_eq!(batch.differences(&[run(RunStatus::Sending, 1)]).len(), 2);
        let early = RunView {
            scheduled_at: time("2026-03-02T09:59:00+09:00"),
            started_at: time("2026-03-02T09:59:00+09:00"),
            ..run(RunStatus::Finished, 2)
        };
        assert_eq!(batch.differences(&[early]).len(), 2);
    }

    #[test]
    fn the_demo_permits_the_whole_day() {
        let hours = all_day().expect("a window");
        assert_eq!(hours.scheduled.to_string(), "00:00–24:00");
    }
}
