//! A notification as operators see it.

use alimi::domain::Notification;
use alimi::http::{NotificationView, ShownTo};
use alimi::use_cases::Description;
use serde::Serialize;

use super::decision::DecisionView;

#[derive(Serialize)]
pub(crate) struct RecordView<'a> {
    #[serde(flatten)]
    notification: NotificationView<'a>,
    owner: &'a str,
    template_revision: u64,
    /// A person has settled it as given up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    settled: bool,
    /// What operators and policies have decided, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decisions: Vec<DecisionView<'a>>,
}

impl<'a> RecordView<'a> {
    pub(crate) fn of(notification: &'a Notification, description: &Description) -> Self {
        Self {
            notification: NotificationView::described(notification, description, ShownTo::Operator),
            owner: &notification.owner,
            template_revision: notification.template_revision,
            settled: notification.is_settled,
            decisions: notification.decisions.iter().map(DecisionView::of).collect(),
        }
    }
}
