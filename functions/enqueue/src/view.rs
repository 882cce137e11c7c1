//! What producers see of bulk requests.

use alimi::domain::{NotificationId, Status};
use alimi::http::Problem;
use alimi::use_cases::{Enqueued, NotEnqueued};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct BulkView {
    pub(crate) items: Vec<BulkItem>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum BulkItem {
    Enqueued { index: usize, id: NotificationId, status: Status, new: bool },
    Refused { index: usize, problem: Problem },
}

impl BulkItem {
    pub(crate) fn of(index: usize, result: Result<Enqueued, NotEnqueued>) -> Self {
        match result {
            Ok(enqueued) => Self::Enqueued {
                index,
                id: enqueued.notification.id,
                status: enqueued.notification.status,
                new: enqueued.is_new,
            },
            Err(error) => Self::Refused { index, problem: Problem::from(error).of_item(index) },
        }
    }
}
