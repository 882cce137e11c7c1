//! `alimi resend` and `alimi settle`: an operator's decisions about single notifications.

use http::Method;
use serde_json::{Value, json};

use super::bulk;
use super::decision::Decision;
use crate::api::{Call, encoded};
use crate::arguments::{Agreement, Filter, ResendArguments, SettleArguments, Settlement, Which};
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;

pub(super) async fn resend(
    arguments: ResendArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let ResendArguments { which, filter, reason, may_double, force, agreement } = arguments;
    let mut body = json!({ "reason": reason });
    // Older functions refuse members that they do not know.
    for (name, is_given) in [("may_double", may_double), ("force", force)] {
        if is_given {
            body[name] = true.into();
        }
    }
    let decision = Decision { route: "resend", body, in_words: "Send them again" };
    decide(which, filter, &decision, &agreement, session).await
}

pub(super) async fn settle(
    arguments: SettleArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let SettleArguments { which, filter, settlement, reason, agreement } = arguments;
    let (settled, in_words) = match settlement {
        Settlement::Delivered => ("delivered", "Settle them as delivered"),
        Settlement::GivenUp => ("given_up", "Give them up"),
    };
    let body = json!({ "as": settled, "reason": reason });
    let decision = Decision { route: "settle", body, in_words };
    decide(which, filter, &decision, &agreement, session).await
}

async fn decide(
    which: Which,
    filter: Filter,
    decision: &Decision,
    agreement: &Agreement,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    match which.exception {
        Some(channel) => bulk::run(channel, filter, decision, agreement, session).await,
        None if agreement.yes => {
            Err(Failure::usage("--yes and --expected are for --exception; leave them out"))
        }
        None => one_by_one(&which.ids, decision, session).await,
    }
}

/// A notification that is refused keeps no other one from its decision. The first failure is the
/// result.
async fn one_by_one(
    ids: &[String],
    decision: &Decision,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let (mut decided, mut failed) = (vec![], None);
    for id in ids {
        match one(id, decision, session).await {
            Ok((before, after)) => {
                if !session.json {
                    let status = after["status"].as_str().unwrap_or_default();
                    let again = if after["repeated"] == true { ", decided before" } else { "" };
                    let line = format!("{id}  {before} → {status}{again}");
                    session.terminal.line(&printable(&line))?;
                }
                decided.push(after);
            }
            Err(failure) if failed.is_none() => failed = Some(failure),
            Err(failure) => session.terminal.note(&format!("error: {failure}"))?,
        }
    }
    if session.json {
        session.terminal.json(&json!({ "items": decided }))?;
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Decides about a notification as it is now, and not about one that changes meanwhile. Returns its
/// status before, and the answer.
async fn one(
    id: &str,
    decision: &Decision,
    session: &Session<'_, '_>,
) -> Result<(String, Value), Failure> {
    let path = format!("/v1/ops/notifications/{}", encoded(id));
    let answer = session.api.send(&Call::new(Method::GET, &path)).await?;
    let etag = answer.headers.get("etag").and_then(|etag| etag.to_str().ok()).ok_or_else(|| {
        Failure::NotUnderstood("this stack cannot decide about messages; upgrade it".to_owned())
    })?;
    let before = answer.json()?["status"].as_str().unwrap_or_default().to_owned();
    let call = Call::new(Method::POST, format!("{path}/{}", decision.route));
    let call = call.json(&decision.body).header("if-match", etag);
    // The API recognises the same decision about the same ETag. After a lost answer, the person would
    // repeat the command instead, which reads the notification anew and could send it a second time.
    Ok((before, session.api.send_repeatedly(&call).await?.json()?))
}
