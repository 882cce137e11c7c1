//! What a message says. Its texts are not stored: they are rendered here, from the revision of the
//! template that the message was accepted with.

use crate::domain::{Channel, Content, Notification, Reason};
use crate::ports::PortError;
use crate::use_cases::catalog_cache::CatalogCache;

/// The message's content, or why the message cannot be sent.
pub(super) type Sendable = Result<Content, Reason>;

/// Renders the message. Checks once more that the channel permits the message's address, because
/// the channel may have changed since the message was accepted.
///
/// # Errors
/// [`PortError`]: the message must not be claimed. If the revision of its template cannot be read,
/// newer code may have written the revision, so the message waits for that code.
pub(super) async fn sendable(
    notification: &Notification,
    channel: &Channel,
    catalog: &CatalogCache,
) -> Result<Sendable, PortError> {
    let permitted = channel.only_to.as_deref();
    if permitted.is_some_and(|permitted| !notification.to.is_in(permitted)) {
        tracing::warn!(
            channel = %channel.name,
            notification = %notification.id,
            "the message cannot be sent: its address is not in the channel's only_to"
        );
        return Ok(Err(Reason::AddressNotPermitted));
    }
    let Notification { template: name, template_revision: revision, .. } = notification;
    let Some(template) = catalog.template_revision(name, *revision).await? else {
        return Ok(unwritable(notification, "this revision of it is not stored"));
    };
    let rendered = template
        .variant(Some(&notification.channel))
        .and_then(|variant| variant.render(&notification.variables));
    Ok(rendered.or_else(|error| unwritable(notification, &error.to_string())))
}

/// Logs why the message cannot be written. `cause` holds no text of the message.
fn unwritable(notification: &Notification, cause: &str) -> Sendable {
    tracing::error!(
        notification = %notification.id,
        template = notification.template,
        revision = notification.template_revision,
        cause,
        "the message cannot be sent: its texts cannot be written from its template"
    );
    Err(Reason::Unwritable)
}
