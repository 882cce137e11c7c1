//! `alimi list`.

use serde::Deserialize;

use super::pages::{self, Pages};
use crate::api::with_query;
use crate::arguments::{ListArguments, ListBy};
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;
use crate::tables;
use crate::terminal::Terminal;

/// What a table shows of a notification.
#[derive(Deserialize)]
struct Row {
    id: String,
    status: String,
    #[serde(default)]
    status_since: Option<String>,
    channel: String,
    template: String,
    #[serde(default)]
    recipient: Option<Recipient>,
    #[serde(default)]
    reason: Option<Reason>,
}

#[derive(Deserialize)]
struct Recipient {
    id: String,
    #[serde(default)]
    phone: Option<String>,
}

#[derive(Deserialize)]
struct Reason {
    name: String,
    #[serde(default)]
    code: Option<String>,
}

pub(super) async fn run(
    arguments: ListArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let limit = if arguments.all { None } else { usize::try_from(arguments.limit).ok() };
    let path = |cursor: Option<&str>, limit: usize| path(&arguments, cursor, limit);
    let pages = pages::read(&session.api, arguments.cursor.clone(), limit, path).await?;
    if session.json {
        return session.terminal.json(&pages.as_json());
    }
    show(pages, session.terminal)
}

fn path(arguments: &ListArguments, cursor: Option<&str>, limit: usize) -> String {
    let ListArguments { by, status, cause, template, since, until, .. } = arguments;
    let ListBy { recipient, run, event, tag, exception } = by;
    let limit = limit.to_string();
    let route = if exception.is_some() { "/v1/ops/notifications" } else { "/v1/notifications" };
    let parameters = [
        ("cursor", cursor),
        ("event", event.as_deref()),
        ("exception", exception.as_deref()),
        ("limit", Some(limit.as_str())),
        ("reason", cause.as_deref()),
        ("recipient", recipient.as_deref()),
        ("run", run.as_deref()),
        ("since", since.as_deref()),
        ("status", status.as_deref()),
        ("tag", tag.as_deref()),
        ("template", template.as_deref()),
        ("until", until.as_deref()),
    ];
    with_query(route, &parameters)
}

fn show(pages: Pages, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let Pages { items, next } = pages;
    if items.is_empty() {
        terminal.note("There are none.")?;
    } else {
        let headings = ["id", "status", "since", "reason", "channel", "template", "recipient"];
        let mut table = tables::table(&headings);
        for item in items {
            let row: Row = serde_json::from_value(item).map_err(|_| {
                Failure::NotUnderstood("the API lists something unknown; update `alimi`".to_owned())
            })?;
            table.add_row(row.cells(terminal));
        }
        terminal.line(&tables::text(&table))?;
    }
    if let Some(cursor) = next {
        terminal.note(&format!("There are more: --all, or --cursor '{}'", printable(&cursor)))?;
    }
    Ok(())
}

impl Row {
    fn cells(self, terminal: &Terminal<'_>) -> Vec<String> {
        let reason = self.reason.map(|Reason { name, code }| match code {
            Some(code) => format!("{name} {code}"),
            None => name,
        });
        let recipient = self.recipient.map(|Recipient { id, phone }| match phone {
            Some(phone) => format!("{id} {phone}"),
            None => id,
        });
        let since = self.status_since.map(|since| terminal.time(&since));
        let cells = [
            Some(self.id),
            Some(self.status),
            since,
            reason,
            Some(self.channel),
            Some(self.template),
            recipient,
        ];
        cells.into_iter().map(|cell| printable(&cell.unwrap_or_default())).collect()
    }
}
