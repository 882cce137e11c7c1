//! A decision about all of a channel's notifications that need a person: count them, ask, begin the job,
//! and follow it to its end.

use std::pin::pin;
use std::time::Duration;

use serde_json::{Map, Value};

use super::agreement::agree;
use super::decision::Decision;
use crate::api::{Api, encoded};
use crate::arguments::{Agreement, Filter};
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;
use crate::tables;

/// The time from one look at the job to the next. It doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// How often the request that begins the job is sent at most. The same request is the same job.
const TRIES: u32 = 3;

pub(super) async fn run(
    channel: String,
    filter: Filter,
    decision: &Decision,
    agreement: &Agreement,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let route = format!("/v1/ops/{}", decision.route);
    let counted = count(&route, channel, filter, decision, session).await?;
    let total = counted["total"].as_u64().unwrap_or_default();
    if !session.json {
        show_counts(&counted, session)?;
    }
    if counted["is_minimum"] == true {
        return Err(Failure::usage(format!(
            "there are more than {total}; narrow them down, such as by --status, --cause or --since"
        )));
    }
    if total == 0 {
        return if session.json { session.terminal.json(&counted) } else { Ok(()) };
    }
    agree(agreement, total, decision.in_words, session)?;
    let mut wish = decision.body.clone();
    wish["filter"] = counted["filter"].clone();
    wish["expected"] = total.into();
    let job = follow(&route, &wish, total, session).await?;
    finish(&job, session)
}

/// Counts what the filter takes. The answer's filter has an end, so that nothing is added later.
async fn count(
    route: &str,
    channel: String,
    filter: Filter,
    decision: &Decision,
    session: &Session<'_, '_>,
) -> Result<Value, Failure> {
    let Filter { status, cause, template, since, until } = filter;
    let parts = [
        ("channel", Some(channel)),
        ("status", status),
        ("reason", cause),
        ("template", template),
        ("since", since),
        ("until", until),
    ];
    let filter: Map<String, Value> = parts
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))))
        .collect();
    let mut wish = decision.body.clone();
    // A dry run has no reason.
    if let Some(wish) = wish.as_object_mut() {
        wish.remove("reason");
    }
    wish["filter"] = filter.into();
    wish["dry_run"] = true.into();
    session.api.post(route, Some(&wish)).await
}

fn show_counts(counted: &Value, session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let mut table = tables::table(&["status", "count"]);
    for (status, count) in counted["counts"].as_object().into_iter().flatten() {
        table.add_row([printable(status), count.to_string()]);
    }
    table.add_row(["all".to_owned(), counted["total"].to_string()]);
    let text = tables::text(&table);
    session.terminal.note(&text)
}

/// Begins the job and follows it. Ctrl-C stops it.
async fn follow(
    route: &str,
    wish: &Value,
    total: u64,
    session: &mut Session<'_, '_>,
) -> Result<Value, Failure> {
    let Session { api, json, terminal, .. } = session;
    let mut is_stopping = false;
    let mut job = {
        let mut beginning = pin!(async {
            let mut pause = FIRST_PAUSE;
            for _ in 1..TRIES {
                match api.post(route, Some(wish)).await {
                    Err(failure) if failure.try_again_after().is_some_and(|after| after <= 5) => {
                        tokio::time::sleep(pause).await;
                        pause *= 4;
                    }
                    result => return result,
                }
            }
            api.post(route, Some(wish)).await
        });
        tokio::select! {
            job = &mut beginning => job?,
            () = terminal.stopped.as_mut() => {
                is_stopping = true;
                writeln!(terminal.notes, "Stopping…").map_err(Failure::Output)?;
                // Whether the job exists shows in the answer.
                beginning.await?
            }
        }
    };
    let path = format!("{route}/{}", encoded(job["id"].as_str().unwrap_or_default()));
    if is_stopping && job["status"] == "running" {
        job = stop(api, &path).await?;
    }
    let mut pause = FIRST_PAUSE;
    while job["status"] == "running" {
        if !*json {
            terminal.note(&progress(&job, total))?;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        if is_stopping {
            tokio::time::sleep(pause).await;
            job = api.get(&path).await?;
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => job = api.get(&path).await?,
            () = terminal.stopped.as_mut() => {
                is_stopping = true;
                terminal.note("Stopping…")?;
                job = stop(api, &path).await?;
            }
        }
    }
    Ok(job)
}

/// Stops the job. One that has ended meanwhile stays as it ended.
async fn stop(api: &Api, path: &str) -> Result<Value, Failure> {
    match api.post(&format!("{path}/stop"), None).await {
        Err(Failure::Refused(refusal)) if refusal.status == 409 => api.get(path).await,
        result => result,
    }
}

fn progress(job: &Value, total: u64) -> String {
    let counts = job["counts"].as_object();
    let read: u64 = counts.into_iter().flat_map(Map::values).filter_map(Value::as_u64).sum();
    format!("{read} of {total}")
}

/// Shows what became of them.
fn finish(job: &Value, session: &mut Session<'_, '_>) -> Result<(), Failure> {
    if session.json {
        session.terminal.json(job)?;
    } else {
        let count = |name: &str| job["counts"][name].as_u64().unwrap_or_default();
        let id = printable(job["id"].as_str().unwrap_or_default());
        session.terminal.line(&format!("job {id}: {} done", count("done")))?;
        for (name, why) in [
            ("gone", "needed nobody any more: a receipt or somebody else was faster"),
            (
                "refused",
                "not possible now: `alimi list` shows them, and `alimi resend ID` says why",
            ),
            ("unreadable", "cannot be read; the console's log has the cause"),
        ] {
            if count(name) > 0 {
                session.terminal.line(&format!("  {} {why}", count(name)))?;
            }
        }
    }
    if job["status"] == "stopped" { Err(Failure::Stopped) } else { Ok(()) }
}
