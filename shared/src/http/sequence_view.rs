//! What producers and operators see of a sequence.

use jiff::SignedDuration;
use serde::Serialize;

use super::notification_view::NotificationView;
use crate::domain::sequence::{After, OnFailure, OnUnconfirmed, Step};
use crate::domain::{Notification, NotificationId, SequenceId};
use crate::use_cases::StoredSequence;

#[derive(Serialize)]
pub struct SequenceView<'a> {
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

impl<'a> SequenceView<'a> {
    #[must_use]
    pub fn of(stored: &'a StoredSequence) -> Self {
        let StoredSequence { sequence, notifications } = stored;
        let steps = sequence.steps.iter().enumerate();
        Self {
            id: &sequence.id,
            on_failure: sequence.on_failure,
            on_unconfirmed: sequence.on_unconfirmed,
            steps: steps.map(|(index, step)| StepView::of(index, step, notifications)).collect(),
        }
    }
}

impl<'a> StepView<'a> {
    /// `notifications` are those of the whole sequence.
    fn of(index: usize, step: &'a Step, notifications: &'a [Notification]) -> Self {
        let wait =
            WaitView { after: step.after, delay: SignedDuration::from_millis(step.delay_ms) };
        let own = notifications.iter().filter(|found| step.notifications.contains(&found.id));
        Self {
            // The first step waits for nothing.
            wait: (index > 0).then_some(wait),
            gate: step.gate(),
            notifications: own.map(NotificationView::of).collect(),
        }
    }
}
