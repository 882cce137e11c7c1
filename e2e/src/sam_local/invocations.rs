//! Every sample event, by the Invoke API of `sam local start-lambda`, and the ones of docs/local.md
//! by `sam local invoke` too.
//!
//! Each event has a test bed of its own, in which the functions in this process handle the events
//! before it. Only the event's own function runs in a container. `start-lambda` keeps one container
//! for each function, as Lambda does, so a function handles many events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alimi::domain::Status;
use alimi_local::aws::embedded;
use alimi_local::testing::sample_bed::{AWS_PORT, SampleBed};
use alimi_local::testing::sample_case::Case;
use alimi_local::testing::{sample_cases, sample_events};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::line::Line;
use super::runner::Runner;
use super::service::Service;
use crate::result::{Result, StoryResult, ensure};

/// Longer than the time-out of any function.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);

/// The events that docs/local.md sends by `sam local invoke`. Every such command costs seconds of
/// processor time, so the other events only take the other way.
const DOCUMENTED: [&str; 2] = ["sweeper/tick", "enqueue/sequence-with-fallback"];

/// The way that an event takes to its function.
enum Way<'a> {
    /// A command of its own, which starts a container and removes it.
    Invoke,
    /// A request to a running `start-lambda`.
    StartLambda { service: &'a Service, client: reqwest::Client },
}

/// Sends one case of each event whose name contains `only`.
pub(super) async fn invoke_events(runner: &Runner, only: Option<&str>) -> Vec<Line> {
    let mut cases = cases();
    cases.retain(|case| only.is_none_or(|part| case.event.contains(part)));
    let documented: Vec<&Case> =
        cases.iter().filter(|case| DOCUMENTED.contains(&case.event)).collect();
    let mut lines = invoke_all(runner, &Way::Invoke, documented).await;
    let start = Instant::now();
    match through_start_lambda(runner, &cases).await {
        Ok(more) => lines.extend(more),
        Err(error) => lines.push(Line {
            name: "sam local start-lambda".to_owned(),
            after: String::new(),
            result: Err(error.to_string()),
            took: start.elapsed(),
        }),
    }
    lines
}

async fn through_start_lambda(runner: &Runner, cases: &[Case]) -> Result<Vec<Line>> {
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
    let service = Service::start(runner, "start-lambda").await?;
    let way = Way::StartLambda { service: &service, client };
    let lines = invoke_all(runner, &way, cases).await;
    service.end().await?;
    Ok(lines)
}

/// One case for each event: the one after the most other events.
fn cases() -> Vec<Case> {
    let mut chosen: BTreeMap<&str, Case> = BTreeMap::new();
    for case in sample_cases::cases() {
        // On the machine's clock, no time can be skipped.
        if !case.pause.is_zero() {
            continue;
        }
        let rank = |case: &Case| (case.is_timeless, case.before.len());
        if chosen.get(case.event).is_none_or(|other| rank(other) < rank(&case)) {
            chosen.insert(case.event, case);
        }
    }
    chosen.into_values().collect()
}

/// Sends the events one after the other, because all test beds have the same address.
async fn invoke_all<'a>(
    runner: &Runner,
    way: &Way<'_>,
    cases: impl IntoIterator<Item = &'a Case>,
) -> Vec<Line> {
    let mut lines = vec![];
    for case in cases {
        let start = Instant::now();
        let result = Box::pin(invoke(runner, way, case)).await.map_err(|error| error.to_string());
        let took = start.elapsed();
        let prefix = match way {
            Way::Invoke => "invoke ",
            Way::StartLambda { .. } => "",
        };
        let name = format!("{prefix}{} {}", function_of(case.event), case.event);
        let line = Line { name, after: case.before.join(", "), result, took };
        line.print();
        lines.push(line);
    }
    lines
}

async fn invoke(runner: &Runner, way: &Way<'_>, case: &Case) -> StoryResult {
    let bed = SampleBed::start(runner.address, AWS_PORT).await?;
    let result = invoke_on(&bed, runner, way, case).await;
    bed.end().await;
    result
}

async fn invoke_on(bed: &SampleBed, runner: &Runner, way: &Way<'_>, case: &Case) -> StoryResult {
    for event in &case.before {
        sample_events::invoke(&bed.stack, event).await;
    }
    let (output, log) = match way {
        Way::Invoke => by_command(runner, case.event).await?,
        Way::StartLambda { service, client } => by_request(service, client, case.event).await?,
    };
    let answer: Value = serde_json::from_str(output.trim())
        .map_err(|_| format!("the function answered with no JSON: {output:?}; {log}"))?;
    let answer = sample_events::with_body_read(answer);
    let expected = if case.is_timeless {
        case.answer.clone()
    } else {
        json!({ "statusCode": case.answer["statusCode"] })
    };
    ensure(sample_events::has_members(&answer, &expected), || {
        format!("answered with {answer}, not {expected}; {log}")
    })?;
    if case.is_timeless {
        let stored = embedded::notifications(&bed.database)?;
        let stored: Vec<_> =
            stored.values().map(|found| (found.id.as_str(), at_any_hour(found.status))).collect();
        let mut expected: Vec<_> =
            case.stored.iter().map(|&(id, status)| (id, at_any_hour(status))).collect();
        expected.sort_unstable_by_key(|&(id, _)| id);
        ensure(stored == expected, || format!("stored {stored:?}, not {expected:?}; {log}"))?;
    }
    Ok(summary(&expected))
}

/// The function's answer, and the log's path.
async fn by_command(runner: &Runner, event: &str) -> Result<(String, String)> {
    let mut invoke = runner.command("invoke");
    invoke.arg(function_of(event)).arg("--event").arg(format!("events/{event}.json"));
    let log = runner.folder.join(format!("{}.log", event.replace('/', "-")));
    // The SAM CLI prints only the answer to its standard output.
    let output = runner.run(invoke, &log).await?;
    Ok((output, log.display().to_string()))
}

/// The function's answer, and the log's path.
async fn by_request(
    service: &Service,
    client: &reqwest::Client,
    event: &str,
) -> Result<(String, String)> {
    let path = format!("/2015-03-31/functions/{}/invocations", function_of(event));
    let text = std::fs::read_to_string(sample_events::path(event))?;
    let answer = client.post(service.url(&path)).body(text).send().await?;
    let status = answer.status();
    let output = answer.text().await?;
    let log = service.log.display().to_string();
    ensure(status == reqwest::StatusCode::OK, || {
        format!("start-lambda answered with {status}: {output}; {log}")
    })?;
    Ok((output, log))
}

/// The hour of the test decides whether a message is queued or deferred.
fn at_any_hour(status: Status) -> Status {
    if status == Status::Deferred { Status::Queued } else { status }
}

fn summary(expected: &Value) -> String {
    match (&expected["statusCode"], expected) {
        (Value::Number(status), _) => status.to_string(),
        (_, other) => other.to_string(),
    }
}

/// The logical id of an event's function, from the event's folder.
fn function_of(event: &str) -> String {
    let folder = event.split('/').next().unwrap_or_default();
    let mut letters = folder.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    format!("{}{}Function", first.map(String::from).unwrap_or_default(), letters.as_str())
}

/// The logical ids of all functions, each of which has events.
pub(super) fn functions() -> BTreeSet<String> {
    sample_cases::cases().iter().map(|case| function_of(case.event)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_one_case_that_can_run_on_the_machines_clock() {
        let run: BTreeSet<String> = cases().iter().map(|case| case.event.to_owned()).collect();
        assert_eq!(run, sample_events::sample_events());
    }

    #[test]
    fn the_commands_of_the_guide_are_run() {
        let guide = include_str!("../../../docs/local.md");
        let commands = guide.lines().filter(|line| line.starts_with("sam local invoke "));
        let documented: Vec<&str> = commands
            .filter_map(|line| line.split_once("--event events/"))
            .filter_map(|(_, event)| event.strip_suffix(".json"))
            .collect();
        assert_eq!(documented, DOCUMENTED);
    }

    #[test]
    fn every_function_of_the_template_has_events() {
        let template = include_str!("../../../template.yaml");
        let count = template.matches("Type: AWS::Serverless::Function").count();
        assert_eq!(functions().len(), count);
        assert!(functions().contains("SweeperFunction"));
    }
}
