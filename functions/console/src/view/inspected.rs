//! A notification as operators see it: with its owner and its text.

use alimi::domain::Content;
use alimi::http::NotificationView;
use alimi::use_cases::Inspected;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct InspectedView<'a> {
    #[serde(flatten)]
    notification: NotificationView<'a>,
    owner: &'a str,
    template_revision: u64,
    /// As it is sent, with its variables filled in.
    content: Option<&'a Content>,
    /// Why there is no content.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_missing: Option<String>,
}

impl<'a> InspectedView<'a> {
    pub(crate) fn of(inspected: &'a Inspected) -> Self {
        let Inspected { notification, content } = inspected;
        Self {
            notification: NotificationView::of(notification),
            owner: &notification.owner,
            template_revision: notification.template_revision,
            content: content.as_ref().ok(),
            content_missing: content.as_ref().err().map(ToString::to_string),
        }
    }
}
