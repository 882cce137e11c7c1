//! Which messages a channel's lane still holds.
//!
//! Most blocked steps are not on the agenda. Each of them waits behind a step that is, or behind an
//! exception. Exceptions are not searched: they wait for an operator, who should look at a
//! channel's exceptions before deleting it.

use crate::domain::WindowClass;
use crate::domain::agenda::{confirm_partition, due_partition, ready_partition};
use crate::ports::{Agenda, PortError, WindowClasses};

/// The messages in a lane, in words; `None` when the lane is empty. The index lags, so messages of
/// the last second may be missed.
pub(super) async fn lane_contents(
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
    partitions.push((confirm_partition(channel), "messages that wait for a receipt or a deadline"));
    for (partition, messages) in partitions {
        if !agenda.entries(&partition, None, None, 1).await?.is_empty() {
            return Ok(Some(messages));
        }
    }
    Ok(None)
}
