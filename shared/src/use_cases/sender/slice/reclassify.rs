//! A message waits in the window class of the hours that it had when it was queued. When its hours
//! have changed since, it moves to its present class.

use crate::domain::{Channel, Event};
use crate::ports::{AgendaEntry, PortError};
use crate::use_cases::apply::{Applied, Apply};
use crate::use_cases::sender::dependencies::Sender;
use crate::use_cases::sender::hours::CurrentHours;

/// Moves a message to its present window class, or ends it if it has expired. Returns whether
/// anything changed.
pub(super) async fn reclassify(
    entry: &AgendaEntry,
    channel: &Channel,
    sender: &Sender,
    hours: &CurrentHours,
    apply: &Apply,
) -> Result<bool, PortError> {
    let notification = match sender.notifications.load(&entry.id).await {
        Ok(Some(notification)) => notification,
        Ok(None) => return Ok(false),
        // The messages behind it must not wait for it.
        Err(PortError::Unusable { what, detail }) => {
            tracing::error!(
                notification = %entry.id,
                what,
                detail,
                "the message cannot be read: it stays in its window class"
            );
            return Ok(false);
        }
        Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
            return Err(error);
        }
    };
    let at_ms = sender.clock.now_ms();
    let class = match hours.class_of(&notification, channel).await {
        Ok(class) => class,
        Err(PortError::Unusable { what, detail }) => {
            tracing::error!(
                notification = %entry.id,
                what,
                detail,
                "the message's hours cannot be read: it stays in its window class"
            );
            return Ok(false);
        }
        Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
            return Err(error);
        }
    };
    let event = match class {
        // An expired message need not wait for its window to open.
        _ if notification.is_expired_at(at_ms) => Event::ExpiryChecked { at_ms },
        Some(class) if class != notification.window_class => Event::Reclassified { class, at_ms },
        Some(_) | None => return Ok(false),
    };
    match apply.apply_to(notification, &event).await {
        Ok(applied) => Ok(matches!(applied, Applied::Moved(_))),
        // A newer version of the code has written it, or a step behind it cannot be read.
        Err(PortError::Unusable { what, detail }) => {
            tracing::error!(
                notification = %entry.id,
                what,
                detail,
                "the message cannot be saved: it stays in its window class"
            );
            Ok(false)
        }
        Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => Err(error),
    }
}
