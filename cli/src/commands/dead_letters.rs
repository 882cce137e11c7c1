//! `alimi dead-letters`.

use serde_json::{Value, json};

use super::agreement::agree;
use super::pages;
use crate::api::{encoded, with_query};
use crate::arguments::{DeadLetterAction, DeadLetterArguments, RedriveArguments};
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;
use crate::tables;
use crate::terminal::Terminal;

pub(super) async fn run(
    arguments: DeadLetterArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    if let Some(DeadLetterAction::Redrive(redrive)) = arguments.action {
        return match &redrive.edge {
            Some(edge) => redrive_edge(edge, &redrive, session).await,
            None => redrive_each(&redrive, session).await,
        };
    }
    let limit = if arguments.all { None } else { usize::try_from(arguments.limit).ok() };
    let path = |cursor: Option<&str>, limit: usize| {
        let limit = limit.to_string();
        let parameters = [
            ("cursor", cursor),
            ("edge", arguments.edge.as_deref()),
            ("limit", Some(limit.as_str())),
            ("state", arguments.state.as_deref()),
        ];
        with_query("/v1/ops/dead-letters", &parameters)
    };
    let pages = pages::read(&session.api, None, limit, path).await?;
    if session.json {
        return session.terminal.json(&pages.as_json());
    }
    if pages.items.is_empty() {
        return session.terminal.note("There are none.");
    }
    let mut table = tables::table(&["id", "state", "cause", "sent", "about"]);
    for letter in &pages.items {
        table.add_row(cells(letter, session.terminal));
    }
    session.terminal.line(&tables::text(&table))?;
    if pages.next.is_some() { session.terminal.note("There are more: --all") } else { Ok(()) }
}

fn cells(letter: &Value, terminal: &Terminal<'_>) -> [String; 5] {
    let text = |field: &str| printable(letter[field].as_str().unwrap_or_default());
    let about = letter["about"].as_object().into_iter().flatten();
    let about = about.map(|(name, value)| format!("{name} {}", value.as_str().unwrap_or_default()));
    [
        text("id"),
        text("state"),
        text("cause"),
        terminal.time(letter["sent_at"].as_str().unwrap_or_default()),
        printable(&about.collect::<Vec<_>>().join(", ")),
    ]
}

/// A letter that cannot be sent again keeps no other one from it. The first failure is the result.
async fn redrive_each(
    redrive: &RedriveArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    if redrive.agreement.yes {
        return Err(Failure::usage("--yes and --expected are for --edge; leave them out"));
    }
    let body = json!({ "reason": redrive.reason });
    let (mut sent, mut failed) = (vec![], None);
    for id in &redrive.ids {
        let path = format!("/v1/ops/dead-letters/{}/redrive", encoded(id));
        match session.api.post(&path, Some(&body)).await {
            Ok(letter) if session.json => sent.push(letter),
            Ok(letter) => {
                let state = letter["state"].as_str().unwrap_or_default();
                session.terminal.line(&printable(&format!("{id} {state}")))?;
            }
            Err(failure) if failed.is_none() => failed = Some(failure),
            Err(failure) => session.terminal.note(&format!("error: {failure}"))?,
        }
    }
    if session.json {
        session.terminal.json(&json!({ "items": sent }))?;
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Sends all letters of a kind again. One request does not always suffice.
async fn redrive_edge(
    edge: &str,
    redrive: &RedriveArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    const ROUTE: &str = "/v1/ops/dead-letters/redrive";
    let counted = session.api.post(ROUTE, Some(&json!({ "edge": edge, "dry_run": true }))).await?;
    let total = counted["count"].as_u64().unwrap_or_default();
    if total == 0 {
        return if session.json {
            session.terminal.json(&counted)
        } else {
            session.terminal.note("There are none.")
        };
    }
    agree(&redrive.agreement, total, "Send these dead letters again", session)?;
    let (mut done, mut left) = (0, total);
    while left > 0 {
        let body = json!({ "edge": edge, "expected": left, "reason": redrive.reason });
        let answer = session.api.post(ROUTE, Some(&body)).await?;
        let redriven = answer["redriven"].as_u64().unwrap_or_default();
        done += redriven;
        left = answer["left"].as_u64().unwrap_or_default();
        if redriven == 0 {
            break;
        }
        if !session.json && left > 0 {
            session.terminal.note(&format!("{done} of {total}"))?;
        }
    }
    if session.json {
        session.terminal.json(&json!({ "redriven": done, "left": left }))
    } else {
        session.terminal.line(&format!("{done} sent again, {left} left"))
    }
}
