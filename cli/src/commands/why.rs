//! `alimi why`.

use serde_json::Value;

use crate::api::encoded;
use crate::arguments::WhyArguments;
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;
use crate::tables;
use crate::terminal::Terminal;

pub(super) async fn run(
    arguments: &WhyArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    if session.api.target.is_producer() {
        return Err(Failure::usage(
            "`why` is for operators; `alimi show` has what your own notification waits for",
        ));
    }
    let path = format!("/v1/ops/notifications/{}/why", encoded(&arguments.id));
    let why = session.api.get(&path).await?;
    if session.json { session.terminal.json(&why) } else { show(&why, session.terminal) }
}

fn show(why: &Value, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let text = |field: &str| printable(why[field].as_str().unwrap_or_default());
    let time = |field: &str| why[field].as_str().map(|text| terminal.time(text));
    let (since, leaves_at, expires_at) =
        (time("status_since"), time("leaves_at"), time("expires_first_at"));
    let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
    let (id, status, channel) = (text("id"), text("status"), text("channel"));
    terminal.line(&format!("{id}  {status}{since}, over {channel}"))?;
    match why["waiting_for"]["detail"].as_str() {
        Some(detail) => terminal.line(&format!("Decides:  {}", printable(detail)))?,
        None => terminal.line("It waits for nothing.")?,
    }
    if let Some(at) = leaves_at {
        terminal.line(&format!("Leaves:   {at}"))?;
    } else if let Some(at) = expires_at {
        terminal.line(&format!("Expires:  {at}, before it could leave"))?;
    } else if why["waiting_for"].is_object() {
        terminal.line("Leaves:   depends on an event, so no time is known")?;
    }
    let holds = why["holds"].as_array().map(Vec::as_slice).unwrap_or_default();
    if holds.is_empty() {
        return Ok(());
    }
    let mut table = tables::table(&["rule", "until", "in words"]);
    for hold in holds {
        let until = hold["until"].as_str().map(|until| terminal.time(until));
        table.add_row([
            printable(hold["kind"].as_str().unwrap_or_default()),
            until.unwrap_or_default(),
            printable(hold["detail"].as_str().unwrap_or_default()),
        ]);
    }
    terminal.line(&tables::text(&table))
}
