//! A notification as operators see it.

use alimi::domain::Notification;
use alimi::http::{NotificationView, ShownTo};
use alimi::use_cases::Description;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct RecordView<'a> {
    #[serde(flatten)]
    notification: NotificationView<'a>,
    owner: &'a str,
    template_revision: u64,
}

impl<'a> RecordView<'a> {
    pub(crate) fn of(notification: &'a Notification, description: &Description) -> Self {
        Self {
            notification: NotificationView::described(notification, description, ShownTo::Operator),
            owner: &notification.owner,
            template_revision: notification.template_revision,
        }
    }
}
