//! Who paused a channel.

use serde_json::Value;

use crate::domain::hold::Pause;
use crate::ports::{Document, Documents, Kind, PortError};

/// So many revisions of a channel are looked through. A channel is rarely changed while it is paused.
const REVISIONS_MAX: usize = 100;

/// The change that paused a channel, which is paused now. Later changes to the paused channel do not
/// count. `None` when the history does not go back so far.
pub(super) async fn pause_of(
    documents: &dyn Documents,
    channel: &str,
) -> Result<Option<Pause>, PortError> {
    let history = documents.history(Kind::Channel, channel, REVISIONS_MAX).await?;
    let paused = history.iter().take_while(|revision| is_paused(revision)).count();
    // Behind it there must be a revision that was not paused, or nothing at all.
    if paused == REVISIONS_MAX {
        return Ok(None);
    }
    let first = paused.checked_sub(1).and_then(|last| history.get(last));
    Ok(first.map(|first| Pause { by: first.changed_by.clone(), since_ms: first.changed_at_ms }))
}

fn is_paused(revision: &Document) -> bool {
    let paused = revision.body.as_ref().and_then(|body| body.get("paused"));
    paused.and_then(Value::as_bool) == Some(true)
}
