//! `sam local invoke` with every sample event.
//!
//! Each event has a test bed of its own, in which the functions in this process handle the events
//! before it. Only the event's own function runs in a container.

use std::collections::{BTreeMap, BTreeSet};

use alimi::domain::Status;
use alimi_local::aws::embedded;
use alimi_local::testing::sample_bed::{AWS_PORT, SampleBed};
use alimi_local::testing::sample_case::Case;
use alimi_local::testing::{sample_cases, sample_events};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::line::Line;
use super::runner::Runner;
use crate::result::{StoryResult, ensure};

/// Events that run at the same time. Most of the time, their containers wait.
const WORKERS: u16 = 3;

/// Runs one case of each event whose name contains `only`.
pub(super) async fn invoke_events(runner: &Runner, only: Option<&str>) -> Vec<Line> {
    let mut cases = cases();
    cases.retain(|case| only.is_none_or(|part| case.event.contains(part)));
    // The first invocation makes the image that the other ones use too.
    let rest = cases.split_off(1.min(cases.len()));
    let mut lines = invoke_all(runner, cases.into_iter(), 0).await;
    let rest = std::sync::Mutex::new(rest.into_iter());
    let next = || rest.lock().ok()?.next();
    let workers = (0..WORKERS).map(|worker| invoke_all(runner, std::iter::from_fn(next), worker));
    lines.extend(futures::future::join_all(workers).await.into_iter().flatten());
    lines.sort_by(|one, other| one.name.cmp(&other.name));
    lines
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

async fn invoke_all(runner: &Runner, cases: impl Iterator<Item = Case>, worker: u16) -> Vec<Line> {
    let mut lines = vec![];
    for case in cases {
        let start = Instant::now();
        let result = invoke(runner, &case, worker).await.map_err(|error| error.to_string());
        let took = start.elapsed();
        let name = format!("{} {}", function_of(case.event), case.event);
        let line = Line { name, after: case.before.join(", "), result, took };
        line.print();
        lines.push(line);
    }
    lines
}

async fn invoke(runner: &Runner, case: &Case, worker: u16) -> StoryResult {
    let port = AWS_PORT + worker;
    let bed = SampleBed::start(runner.address, port).await?;
    let result = invoke_on(&bed, runner, case, port).await;
    bed.end().await;
    result
}

async fn invoke_on(bed: &SampleBed, runner: &Runner, case: &Case, port: u16) -> StoryResult {
    for event in &case.before {
        sample_events::invoke(&bed.stack, event).await;
    }
    let function = function_of(case.event);
    let mut invoke = runner.command("invoke", port);
    invoke.arg(&function).arg("--event").arg(format!("events/{}.json", case.event));
    let log = runner.folder.join(format!("{}.log", case.event.replace('/', "-")));
    // The SAM CLI prints only the answer to its standard output.
    let output = runner.run(invoke, &log).await?;
    let answer: Value = serde_json::from_str(output.trim())
        .map_err(|_| format!("{function} answered with no JSON: {output:?}; {}", log.display()))?;
    let answer = sample_events::with_body_read(answer);
    let expected = if case.is_timeless {
        case.answer.clone()
    } else {
        json!({ "statusCode": case.answer["statusCode"] })
    };
    let log = log.display();
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
    fn every_function_of_the_template_has_events() {
        let template = include_str!("../../../template.yaml");
        let count = template.matches("Type: AWS::Serverless::Function").count();
        assert_eq!(functions().len(), count);
        assert!(functions().contains("SweeperFunction"));
    }
}
