//! `alimi apply`.

use http::Method;
use serde_json::{Value, json};

use super::diff;
use crate::api::{Call, encoded};
use crate::arguments::ApplyArguments;
use crate::catalog::file::read_catalog;
use crate::catalog::plan::{Plan, Planned};
use crate::failure::Failure;
use crate::session::Session;

pub(super) async fn run(
    arguments: &ApplyArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let is_remote = session.api.target.is_remote();
    let catalog = read_catalog(&arguments.file, is_remote, session.terminal)?;
    let plan = Plan::make(&catalog, &session.api).await?;
    if !session.json {
        diff::show(&plan, session.terminal)?;
    }
    let needed: Vec<&Planned> = plan.needed().collect();
    if !needed.is_empty() && !arguments.yes {
        let name = &session.api.target.name;
        let question = format!("Store {} documents in {name}?", needed.len());
        session.terminal.confirm(&question, "--yes")?;
    }
    let (stored, result) = store(needed, session).await;
    if session.json {
        session.terminal.json(&json!({ "stored": stored }))?;
    }
    result
}

/// Stores the documents. Where the stack refuses one because of another document, that one may come
/// later in the file, so the refused ones are tried again as long as others succeed.
async fn store(
    mut pending: Vec<&Planned>,
    session: &mut Session<'_, '_>,
) -> (Vec<Value>, Result<(), Failure>) {
    let mut stored = Vec::new();
    loop {
        let (mut refused, mut first) = (Vec::new(), None);
        let count = pending.len();
        for planned in pending {
            match put(planned, session).await {
                Ok(done) => stored.push(done),
                Err(Failure::Refused(refusal)) if refusal.status == 422 => {
                    refused.push(planned);
                    first = first.or(Some(Failure::Refused(refusal)));
                }
                Err(failure) => return (stored, Err(failure)),
            }
        }
        match first {
            None => return (stored, Ok(())),
            Some(failure) if refused.len() == count => return (stored, Err(failure)),
            Some(_) => pending = refused,
        }
    }
}

/// Stores a document, unless somebody has changed it since it was compared.
async fn put(planned: &Planned, session: &mut Session<'_, '_>) -> Result<Value, Failure> {
    let Planned { section, name, revision, document, .. } = planned;
    let path = format!("/v1/{}/{}", section.segment(), encoded(name));
    let call = Call::new(Method::PUT, path).json(document);
    let call = match revision {
        Some(revision) => call.header("if-match", format!("\"{revision}\"")),
        None => call.header("if-none-match", "*"),
    };
    let answer = session.api.send(&call).await?;
    let etag = answer.headers.get("etag").and_then(|etag| etag.to_str().ok());
    let revision: Option<u64> = etag.and_then(|etag| etag.trim_matches('"').parse().ok());
    if !session.json {
        let revision = revision.map(|it| format!(", revision {it}")).unwrap_or_default();
        session.terminal.line(&format!("stored {}{revision}", planned.path()))?;
    }
    Ok(json!({ "kind": section.segment(), "name": name, "revision": revision }))
}
