//! `alimi diff`.

use serde_json::Value;

use crate::arguments::DiffArguments;
use crate::catalog::file::read_catalog;
use crate::catalog::plan::{Change, Plan};
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;
use crate::terminal::Terminal;

/// A longer value is cut in the table.
const VALUE_CHARS_MAX: usize = 100;

pub(super) async fn run(
    arguments: &DiffArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let is_remote = session.api.target.is_remote();
    let catalog = read_catalog(&arguments.file, is_remote, session.terminal)?;
    let plan = Plan::make(&catalog, &session.api).await?;
    if session.json {
        session.terminal.json(&plan.as_json())?;
    } else {
        show(&plan, session.terminal)?;
    }
    if arguments.check && plan.needed().next().is_some() {
        return Err(Failure::Differs);
    }
    Ok(())
}

/// Shows what would change.
pub(super) fn show(plan: &Plan, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    for planned in plan.needed() {
        let path = planned.path();
        if planned.revision.is_none() {
            terminal.line(&format!("+ {path}"))?;
            continue;
        }
        terminal.line(&format!("~ {path}"))?;
        for Change { path, stored, file } in &planned.changes {
            let (stored, file) = (shortened(stored.as_ref()), shortened(file.as_ref()));
            terminal.line(&format!("    {}: {stored} → {file}", printable(path)))?;
        }
    }
    let (needed, all) = (plan.needed().count(), plan.documents.len());
    if needed == 0 {
        terminal.line(&format!("The stack has all {all} documents as they are in the file."))?;
    } else {
        terminal.line(&format!("{needed} of {all} documents differ (+ new, ~ changed)."))?;
    }
    if !plan.only_stored.is_empty() {
        let names =
            plan.only_stored.iter().map(|(kind, name)| format!("{}/{name}", kind.segment()));
        let names = names.collect::<Vec<_>>().join(", ");
        terminal.note(&format!("Not in the file, and left as they are: {}", printable(&names)))?;
    }
    Ok(())
}

fn shortened(value: Option<&Value>) -> String {
    let Some(value) = value else { return "none".to_owned() };
    let text = printable(&value.to_string());
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text;
    }
    let start: String = text.chars().take(VALUE_CHARS_MAX).collect();
    format!("{start}…")
}
