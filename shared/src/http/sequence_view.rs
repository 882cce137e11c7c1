//! What producers and operators see of a sequence.

use std::collections::HashMap;

use jiff::SignedDuration;
use serde::Serialize;

use super::notification_view::{NotificationView, ShownTo};
use crate::domain::sequence::{After, OnFailure, OnUnconfirmed, Step};
use crate::domain::{Notification, NotificationId, SequenceId, SequenceStatus};
use crate::use_cases::{Description, StoredSequence};

#[derive(Serialize)]
pub struct SequenceView<'a> {
    id: &'a SequenceId,
    status: SequenceStatus,
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

/// What is known of notifications besides their records, by id.
pub type Descriptions = HashMap<NotificationId, Description>;

impl<'a> SequenceView<'a> {
    /// The records alone.
    #[must_use]
    pub fn of(stored: &'a StoredSequence) -> Self {
        Self::described(stored, &Descriptions::new(), ShownTo::Producer)
    }

    /// The records, with what their notifications wait for.
    #[must_use]
    pub fn described(
        stored: &'a StoredSequence,
        descriptions: &Descriptions,
        shown_to: ShownTo,
    ) -> Self {
        let StoredSequence { sequence, notifications } = stored;
        let view = |notification: &'a Notification| match descriptions.get(&notification.id) {
            Some(found) => NotificationView::described(notification, found, shown_to),
            None => NotificationView::of(notification),
        };
        let steps = sequence.steps.iter().enumerate();
        let step = |(index, step)| StepView::of(index, step, notifications, &view);
        Self {
            id: &sequence.id,
            status: stored.status(),
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
        view: &impl Fn(&'a Notification) -> NotificationView<'a>,
    ) -> Self {
        let wait =
            WaitView { after: step.after, delay: SignedDuration::from_millis(step.delay_ms) };
        let own = notifications.iter().filter(|found| step.notifications.contains(&found.id));
        Self {
            // The first step waits for nothing.
            wait: (index > 0).then_some(wait),
            gate: step.gate(),
            notifications: own.map(view).collect(),
        }
    }
}
