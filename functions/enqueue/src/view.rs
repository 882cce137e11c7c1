//! What producers see of sequences and of bulk requests.

use std::collections::HashMap;

use alimi::domain::sequence::{After, OnFailure, OnUnconfirmed, Step};
use alimi::domain::{Notification, NotificationId, SequenceId, Status};
use alimi::http::{NotificationView, Problem, ShownTo};
use alimi::use_cases::{Description, Enqueued, NotEnqueued, StoredSequence};
use jiff::SignedDuration;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct SequenceView<'a> {
    id: &'a SequenceId,
    on_failure: OnFailure,
    on_unconfirmed: OnUnconfirmed,
    steps: Vec<StepView<'a>>,
}

#[derive(Serialize)]
struct StepView<'a> {
    #[serde(flatten)]
    wait: Option<WaitView>,
    /// The id of the notification whose end is the end of the step.
    gate: Option<&'a NotificationId>,
    /// Those that are still stored.
    notifications: Vec<NotificationView<'a>>,
}

/// What a later step waits for.
#[derive(Serialize)]
struct WaitView {
    after: After,
    delay: SignedDuration,
}

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

/// What is known of notifications besides their records, by id.
pub(crate) type Descriptions = HashMap<NotificationId, Description>;

impl<'a> SequenceView<'a> {
    /// The records alone.
    pub(crate) fn of(stored: &'a StoredSequence) -> Self {
        Self::described(stored, &Descriptions::new())
    }

    /// The records, with what their notifications wait for.
    pub(crate) fn described(stored: &'a StoredSequence, descriptions: &Descriptions) -> Self {
        let StoredSequence { sequence, notifications } = stored;
        let steps = sequence.steps.iter().enumerate();
        let step = |(index, step)| StepView::of(index, step, notifications, descriptions);
        Self {
            id: &sequence.id,
            on_failure: sequence.on_failure,
            on_unconfirmed: sequence.on_unconfirmed,
            steps: steps.map(step).collect(),
        }
    }
}

impl<'a> StepView<'a> {
    /// `notifications` are those of the whole sequence.
    fn of(
        index: usize,
        step: &'a Step,
        notifications: &'a [Notification],
        descriptions: &Descriptions,
    ) -> Self {
        let wait =
            WaitView { after: step.after, delay: SignedDuration::from_millis(step.delay_ms) };
        let own = notifications.iter().filter(|found| step.notifications.contains(&found.id));
        Self {
            // The first step waits for nothing.
            wait: (index > 0).then_some(wait),
            gate: step.gate(),
            notifications: own.map(|own| view(own, descriptions)).collect(),
        }
    }
}

fn view<'a>(notification: &'a Notification, descriptions: &Descriptions) -> NotificationView<'a> {
    match descriptions.get(&notification.id) {
        Some(found) => NotificationView::described(notification, found, ShownTo::Producer),
        None => NotificationView::of(notification),
    }
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
