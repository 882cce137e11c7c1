//! The text of a notification, as the person sees it.

use alimi::domain::{Address, Content, NotificationId};
use alimi::use_cases::Inspected;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct TextView<'a> {
    id: &'a NotificationId,
    channel: &'a str,
    template: &'a str,
    template_revision: u64,
    recipient: RecipientView<'a>,
    /// As it is sent, with its variables filled in.
    content: Option<&'a Content>,
    /// Why there is no content.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_missing: Option<String>,
}

#[derive(Serialize)]
struct RecipientView<'a> {
    id: &'a str,
    phone: String,
}

impl<'a> TextView<'a> {
    pub(crate) fn of(inspected: &'a Inspected) -> Self {
        let Inspected { notification, content } = inspected;
        // This masks the number.
        let Address::Phone(phone) = &notification.to;
        Self {
            id: &notification.id,
            channel: &notification.channel,
            template: &notification.template,
            template_revision: notification.template_revision,
            recipient: RecipientView { id: &notification.recipient.id, phone: phone.to_string() },
            content: content.as_ref().ok(),
            content_missing: content.as_ref().err().map(ToString::to_string),
        }
    }
}
