//! A notification after an operator's decision.

use alimi::domain::Notification;
use alimi::use_cases::Description;
use serde::Serialize;

use super::record::RecordView;

#[derive(Serialize)]
pub(crate) struct DecidedView<'a> {
    #[serde(flatten)]
    record: RecordView<'a>,
    /// The decision had been made before, so this request did nothing.
    repeated: bool,
}

impl<'a> DecidedView<'a> {
    pub(crate) fn of(
        notification: &'a Notification,
        description: &Description,
        repeated: bool,
    ) -> Self {
        Self { record: RecordView::of(notification, description), repeated }
    }
}
