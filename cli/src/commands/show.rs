//! `alimi show`.

use serde_json::{Value, json};

use crate::arguments::ShowArguments;
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::{Session, path_of};
use crate::tables;
use crate::terminal::Terminal;

/// The fields that the table above the attempts does not repeat.
const SHOWN_APART: [&str; 6] = ["id", "status", "status_since", "attempts", "receipts", "text"];

pub(super) async fn run(
    arguments: &ShowArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let path = path_of(&arguments.one, session);
    let mut record = session.api.get(&path).await?;
    if arguments.text {
        if session.api.target.is_producer() {
            return Err(Failure::usage("--text is for operators: an API key does not show texts"));
        }
        let text = session.api.get(&format!("{path}/text")).await?;
        record["text"] = json!({
            "content": text["content"],
            "content_missing": text.get("content_missing").cloned().unwrap_or(Value::Null),
        });
    }
    if session.json {
        return session.terminal.json(&record);
    }
    let korean = session.korean;
    show(&record, korean, session.terminal)
}

fn show(record: &Value, korean: bool, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let text = |field: &str| printable(record[field].as_str().unwrap_or_default());
    let since = terminal.time(record["status_since"].as_str().unwrap_or_default());
    terminal.line(&format!("{}  {} since {since}", text("id"), text("status")))?;
    let mut table = tables::table(&[]);
    let fields = record.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| !SHOWN_APART.contains(&name.as_str())) {
        let label = format!("  {}", printable(name).replace('_', " "));
        table.add_row([label, in_words(name, value, korean, terminal)]);
    }
    terminal.line(&tables::text(&table))?;
    for (title, field, columns) in [
        (
            "Attempts",
            "attempts",
            &["number", "claimed_at", "request_sent_at", "response_received_at", "outcome", "code"]
                [..],
        ),
        ("Receipts", "receipts", &["attempt", "received_at", "medium", "code"][..]),
    ] {
        history(title, &record[field], columns, korean, terminal)?;
    }
    if let Some(text) = record.get("text") {
        content(text, terminal)?;
    }
    Ok(())
}

/// A field's value for people.
fn in_words(name: &str, value: &Value, korean: bool, terminal: &Terminal<'_>) -> String {
    match (name, value) {
        ("recipient", recipient) => {
            let parts = ["id", "phone"].iter().filter_map(|part| recipient[*part].as_str());
            printable(&parts.collect::<Vec<_>>().join("  "))
        }
        ("reason", reason) => explained(reason, &["name", "code"], korean),
        ("waiting_for", hold) => printable(hold["detail"].as_str().unwrap_or_default()),
        ("sequence", place) => {
            let text = |part: &str| place[part].as_str().unwrap_or_default();
            let (step, of) = (&place["step"], &place["of"]);
            printable(&format!("{}, step {step} of {of} {}", text("id"), text("status")))
        }
        (_, Value::String(text)) if name.ends_with("_at") || name.ends_with("_by") => {
            terminal.time(text)
        }
        ("not_before", Value::String(text)) => terminal.time(text),
        (_, other) => plain(other),
    }
}

/// A text as it is, and everything else as JSON.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) => printable(text),
        None => printable(&value.to_string()),
    }
}

/// A code with its meaning and what to do, in the person's language.
fn explained(value: &Value, names: &[&str], korean: bool) -> String {
    let language = if korean { "ko" } else { "en" };
    let subject =
        names.iter().filter_map(|name| value[*name].as_str()).collect::<Vec<_>>().join(" ");
    let meaning = value["meaning"][language].as_str().map(|text| format!(": {text}"));
    let advice = value["what_to_do"][language].as_str().map(|text| format!(" → {text}"));
    printable(&[subject, meaning.unwrap_or_default(), advice.unwrap_or_default()].concat())
}

fn history(
    title: &str,
    entries: &Value,
    columns: &[&str],
    korean: bool,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let entries = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return Ok(());
    }
    let headings: Vec<String> = columns.iter().map(|column| column.replace('_', " ")).collect();
    let mut table = tables::table(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for entry in entries {
        table.add_row(columns.iter().map(|column| cell(entry, column, korean, terminal)));
    }
    terminal.line(&format!("{title}:"))?;
    terminal.line(&tables::text(&table))
}

/// A field of an attempt or of a receipt. A code comes with its words, so its column is the last one.
fn cell(entry: &Value, column: &str, korean: bool, terminal: &Terminal<'_>) -> String {
    let value = &entry[column];
    match value.as_str() {
        Some(_) if column == "code" => explained(entry, &["code"], korean),
        Some(text) if column.ends_with("_at") => terminal.time(text),
        None if value.is_null() => String::new(),
        Some(_) | None => plain(value),
    }
}

/// The text as the person sees it, in its own lines.
fn content(text: &Value, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    terminal.line("Text:")?;
    let Value::Object(parts) = &text["content"] else {
        let why = text["content_missing"].as_str().unwrap_or("it is not there");
        return terminal.line(&format!("  cannot be shown: {}", printable(why)));
    };
    for (name, part) in parts.iter().filter(|(_, part)| !part.is_null()) {
        let (name, text) = (printable(name), part.as_str().unwrap_or_default());
        if text.contains('\n') {
            terminal.line(&format!("  {name}:"))?;
            for line in text.lines() {
                terminal.line(&format!("    {}", printable(line)))?;
            }
        } else {
            terminal.line(&format!("  {name}: {}", plain(part)))?;
        }
    }
    Ok(())
}
