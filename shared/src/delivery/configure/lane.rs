//! What a channel's lane still holds.
//!
//! Steps that are blocked are on no agenda. They wait behind a step that is, and are found by that,
//! or behind an exception: those wait for a person, who has a channel's last word before it goes.

use crate::domain::WindowClass;
use crate::domain::agenda::{confirm_partition, due_partition, ready_partition};
use crate::ports::{Agenda, PortError, WindowClasses};

/// What a lane holds, in words, if it holds anything. The index is eventually consistent: what was
/// taken in within the last second may be missed.
pub(super) async fn held(
    agenda: &dyn Agenda,
    classes: &dyn WindowClasses,
    channel: &str,
) -> Result<Option<&'static str>, PortError> {
    let mut partitions: Vec<(String, &'static str)> = classes
        .classes(channel)
        .await?
        .iter()
        .chain([&WindowClass::EXEMPT])
        .map(|class| (ready_partition(channel, class), "messages that wait for their turn"))
        .collect();
    partitions.push((due_partition(channel), "messages that wait for their time"));
    partitions.push((confirm_partition(channel), "messages that wait for the provider's word"));
    for (partition, what) in partitions {
        if !agenda.entries(&partition, None, None, 1).await?.is_empty() {
            return Ok(Some(what));
        }
    }
    Ok(None)
}
