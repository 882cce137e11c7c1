//! The requests of the demo's producer.

use std::time::Duration;

use alimi::domain::SequenceId;

use super::error::DemoError;
use super::flow::{Flow, Person};
use super::progress::Progress;

/// Of this many sequences one is posted twice, as by a producer whose first request timed out.
const REPEATED_EVERY: usize = 20;

pub(super) struct Posted<'a> {
    pub(super) sequences: Vec<(SequenceId, &'a Person)>,
    /// How many sequences were posted twice.
    pub(super) repeated: usize,
    /// Unexpected answers, as text.
    pub(super) faults: Vec<String>,
}

/// Posts one sequence for each person, one every `pace`.
pub(super) async fn post_sequences<'a>(
    api_url: &str,
    flow: &Flow,
    people: &'a [Person],
    pace: Duration,
    progress: &Progress,
) -> Result<Posted<'a>, DemoError> {
    let client = reqwest::Client::new();
    let mut posted = Posted { sequences: vec![], repeated: 0, faults: vec![] };
    progress.stage("posting", people.len());
    let mut ticks = tokio::time::interval(pace);
    for (index, person) in people.iter().enumerate() {
        ticks.tick().await;
        let body = flow.sequence(person).to_string();
        let post = || {
            client
                .post(format!("{api_url}/v1/sequences"))
                .header("content-type", "application/json")
                .header("idempotency-key", format!("onboarding-{}", person.id))
                .body(body.clone())
                .send()
        };
        let answer = post().await?;
        let status = answer.status().as_u16();
        let created: serde_json::Value =
            serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        let id = created["id"].as_str().and_then(|id| id.parse().ok());
        match id {
            Some(id) if status == 202 => posted.sequences.push((id, person)),
            _ => posted.faults.push(format!(
                "the sequence for {} was answered with {status}: {created}",
                person.id
            )),
        }
        if index % REPEATED_EVERY == 0 {
            posted.repeated += 1;
            let again = post().await?;
            let status = again.status().as_u16();
            let repeated: serde_json::Value =
                serde_json::from_slice(&again.bytes().await?).unwrap_or_default();
            if status != 200 || repeated["id"] != created["id"] {
                posted.faults.push(format!(
                    "the repeated sequence for {} was answered with {status}: {repeated}",
                    person.id
                ));
            }
        }
        progress.done(index + 1);
    }
    Ok(posted)
}
