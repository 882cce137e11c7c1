//! `alimi cancel`.

use serde_json::json;

use crate::arguments::{CancelArguments, OneArguments};
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::{Session, path_of};

/// A notification that cannot be cancelled keeps no other one from it. The first failure is the result.
pub(super) async fn run(
    arguments: CancelArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let CancelArguments { ids, reason, own } = arguments;
    let is_producer = own || session.api.target.is_producer();
    if reason.is_none() && !is_producer {
        return Err(Failure::usage(
            "--reason is missing: it says why the producer is overruled. To cancel your own \
             notifications as a producer, give --own instead",
        ));
    }
    // Producers give no reason for what is theirs.
    let reason = reason.filter(|_| !session.api.target.is_producer());
    let body = reason.map(|reason| json!({ "reason": reason }));
    let (mut cancelled, mut failed) = (vec![], None);
    for id in ids {
        let one = OneArguments { id, own };
        let path = format!("{}/cancel", path_of(&one, session));
        match session.api.post(&path, body.as_ref()).await {
            Ok(notification) if session.json => cancelled.push(notification),
            Ok(_) => session.terminal.line(&format!("{} cancelled", printable(&one.id)))?,
            Err(failure) if failed.is_none() => failed = Some(failure),
            Err(failure) => session.terminal.note(&format!("error: {failure}"))?,
        }
    }
    if session.json {
        session.terminal.json(&json!({ "items": cancelled }))?;
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}
