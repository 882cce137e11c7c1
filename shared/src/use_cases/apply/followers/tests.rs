use std::collections::BTreeMap;

use async_trait::async_trait;

use super::*;
use crate::domain::sequence::{After, OnFailure};
use crate::domain::{RequestKey, SequenceId, UnknownAttributes};
use crate::ports::{Created, Saved};

const NOW_MS: i64 = 1_772_413_200_000;

/// One sequence and its notifications.
struct Stored {
    sequence: Sequence,
    notifications: BTreeMap<NotificationId, Notification>,
}

impl Stored {
    /// A sequence whose steps wait for these ends of the steps before them, and hold so many
    /// notifications. The first of each is the gate. The first step is queued.
    fn with(steps: &[(After, usize)]) -> Self {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
        let id = key.sequence_id();
        let count = u8::try_from(steps.len()).expect("a few steps");
        let mut notifications = BTreeMap::new();
        let mut stored_steps = Vec::new();
        for (step, &(after, size)) in (0..count).zip(steps) {
            let ids: Vec<_> = (0..size).map(|index| id.notification_id(step, index)).collect();
            for (index, own_id) in ids.iter().enumerate() {
                let is_gate = index == 0;
                let place = SequenceStep {
                    sequence: id.clone(),
                    step,
                    steps: count,
                    is_gate,
                    is_planned: false,
                };
                let notification = Notification {
                    sequence_step: Some(place),
                    status: if step == 0 { Status::Queued } else { Status::Blocked },
                    ..Notification::sample(own_id.clone(), NOW_MS)
                };
                notifications.insert(own_id.clone(), notification);
            }
            stored_steps.push(Step { after, delay_ms: 0, notifications: ids, gate: 0 });
        }
        let sequence = Sequence {
            id,
            schema: Sequence::SCHEMA,
            request_digest: "d".into(),
            owner: "p".into(),
            on_failure: OnFailure::Halt,
            on_unconfirmed: OnUnconfirmed::Wait,
            steps: stored_steps,
            created_at_ms: NOW_MS,
            unknown: UnknownAttributes::default(),
        };
        Self { sequence, notifications }
    }

    fn on(mut self, on_failure: OnFailure, on_unconfirmed: OnUnconfirmed) -> Self {
        self.sequence.on_failure = on_failure;
        self.sequence.on_unconfirmed = on_unconfirmed;
        self
    }

    fn set(&mut self, step: u8, index: usize, status: Status) {
        let id = self.sequence.id.notification_id(step, index);
        self.notifications.get_mut(&id).expect("a notification").status = status;
    }

    /// What follows when the gate of a step moves with these effects: for each notification that
    /// moves its step, its index and its new status, and the news.
    async fn after(
        &self,
        step: u8,
        effects: Vec<Effect>,
    ) -> (Vec<(u8, usize, Status)>, Option<SequenceNews>) {
        let gate = &self.notifications[&self.sequence.id.notification_id(step, 0)];
        let moved = Transition { notification: gate.clone(), effects };
        let found = followers(self, self, &moved).await.expect("followers");
        let places = found.moves.into_iter().map(|moved| {
            let id = moved.notification.id;
            let steps = self.sequence.steps.iter().zip(0..);
            let place = steps.flat_map(|(step, number)| {
                step.notifications.iter().enumerate().map(move |(index, id)| (number, index, id))
            });
            let mut found_at = place.filter(|(_, _, known)| **known == id);
            let (number, index, _) = found_at.next().expect("a place");
            (number, index, moved.notification.status)
        });
        let mut taken: Vec<_> = places.collect();
        taken.sort_unstable();
        (taken, found.news)
    }

    async fn after_end(
        &self,
        step: u8,
        end: StepEnd,
    ) -> (Vec<(u8, usize, Status)>, Option<SequenceNews>) {
        self.after(step, vec![Effect::EndStep(end)]).await
    }
}

#[async_trait]
impl Notifications for Stored {
    async fn create(&self, _: &Notification) -> Result<Created, PortError> {
        Ok(Created::New)
    }

    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError> {
        Ok(self.notifications.get(id).cloned())
    }

    async fn save(&self, _: &mut [Notification]) -> Result<Saved, PortError> {
        Ok(Saved::Done)
    }
}

#[async_trait]
impl Sequences for Stored {
    async fn create_sequence(&self, _: &Sequence, _: &[Notification]) -> Result<Saved, PortError> {
        Ok(Saved::Done)
    }

    async fn sequence(&self, id: &SequenceId) -> Result<Option<Sequence>, PortError> {
        Ok((*id == self.sequence.id).then(|| self.sequence.clone()))
    }
}

#[tokio::test]
async fn a_delivery_releases_all_notifications_of_the_next_step_and_no_later_one() {
    let stored =
        Stored::with(&[(After::Delivered, 1), (After::Delivered, 2), (After::Delivered, 1)]);
    let (moves, news) = stored.after_end(0, StepEnd::Delivered).await;
    assert_eq!(moves, [(1, 0, Status::Queued), (1, 1, Status::Queued)]);
    assert_eq!(news, None);
}

#[tokio::test]
async fn a_step_that_is_not_needed_passes_the_delivery_on() {
    let stored = Stored::with(&[(After::Delivered, 1), (After::Failed, 1), (After::Delivered, 1)]);
    let (moves, news) = stored.after_end(0, StepEnd::Delivered).await;
    assert_eq!(moves, [(1, 0, Status::Cancelled), (2, 0, Status::Queued)]);
    assert_eq!(news, None, "nobody has to hear of it");
}

#[tokio::test]
async fn a_failure_releases_the_fallback() {
    let stored = Stored::with(&[(After::Delivered, 1), (After::Failed, 1), (After::Delivered, 1)]);
    let (moves, news) = stored.after_end(0, StepEnd::Failed).await;
    assert_eq!(moves, [(1, 0, Status::Queued)]);
    assert_eq!(news, None);
}

#[tokio::test]
async fn a_failure_cancels_the_later_steps_but_for_those_that_wait_for_it() {
    let steps = [(After::Delivered, 1), (After::Delivered, 1), (After::Finished, 1)];
    let (moves, news) = Stored::with(&steps).after_end(0, StepEnd::Failed).await;
    assert_eq!(moves, [(1, 0, Status::Cancelled), (2, 0, Status::Queued)]);
    assert_eq!(news, Some(SequenceNews::Stopped));

    let continued = Stored::with(&steps).on(OnFailure::Continue, OnUnconfirmed::Wait);
    let (moves, news) = continued.after_end(0, StepEnd::Failed).await;
    assert_eq!(moves, [(1, 0, Status::Queued)]);
    assert_eq!(news, None);
}

#[tokio::test]
async fn a_withdrawal_cancels_every_later_step() {
    let stored = Stored::with(&[(After::Delivered, 1), (After::Failed, 1), (After::Finished, 2)]);
    let (moves, news) = stored.after_end(0, StepEnd::Withdrawn).await;
    let cancelled = Status::Cancelled;
    assert_eq!(moves, [(1, 0, cancelled), (2, 0, cancelled), (2, 1, cancelled)]);
    assert_eq!(news, Some(SequenceNews::Stopped));
}

#[tokio::test]
async fn the_failure_of_the_last_step_is_reported_and_its_delivery_is_not() {
    let stored = Stored::with(&[(After::Delivered, 1), (After::Delivered, 1)]);
    assert_eq!(stored.after_end(1, StepEnd::Failed).await, (vec![], Some(SequenceNews::Stopped)));
    assert_eq!(stored.after_end(1, StepEnd::Delivered).await, (vec![], None));
}

#[tokio::test]
async fn a_sequence_waits_for_a_receipt_unless_it_says_otherwise() {
    let steps = [(After::Delivered, 1), (After::Delivered, 1)];
    let waiting = Stored::with(&steps);
    let (moves, news) = waiting.after(0, vec![Effect::StallStep]).await;
    assert_eq!((moves, news), (vec![], Some(SequenceNews::Stalled)));

    let mut going_on = Stored::with(&steps).on(OnFailure::Halt, OnUnconfirmed::Continue);
    // The sender may still put this claim back.
    going_on.set(0, 0, Status::Unknown);
    let (moves, news) = going_on.after(0, vec![Effect::StallStep]).await;
    assert_eq!((moves, news), (vec![], Some(SequenceNews::Stalled)));

    going_on.set(0, 0, Status::Unconfirmed);
    let (moves, news) = going_on.after(0, vec![Effect::StallStep]).await;
    assert_eq!((moves, news), (vec![(1, 0, Status::Queued)], None));
}

#[tokio::test]
async fn a_late_end_decides_nothing_that_was_decided_before() {
    let mut stored =
        Stored::with(&[(After::Delivered, 1), (After::Delivered, 2), (After::Delivered, 1)]);
    stored.set(1, 0, Status::Accepted);
    stored.set(1, 1, Status::Queued);
    for end in [StepEnd::Delivered, StepEnd::Failed] {
        assert_eq!(stored.after_end(0, end).await, (vec![], None), "{end:?}");
    }
}

#[tokio::test]
async fn a_gate_that_is_withdrawn_before_its_step_was_released_leaves_nothing_waiting() {
    let stored =
        Stored::with(&[(After::Delivered, 1), (After::Delivered, 2), (After::Delivered, 1)]);
    let (moves, _) = stored.after_end(1, StepEnd::Withdrawn).await;
    assert_eq!(moves, [(1, 1, Status::Cancelled), (2, 0, Status::Cancelled)]);

    // After the release, the step's other notifications leave whatever becomes of the gate.
    let mut released = stored;
    released.set(1, 0, Status::Accepted);
    released.set(1, 1, Status::Queued);
    let (moves, _) = released.after_end(1, StepEnd::Failed).await;
    assert_eq!(moves, [(2, 0, Status::Cancelled)]);
}

#[tokio::test]
async fn a_move_that_ends_no_step_has_no_followers() {
    let stored = Stored::with(&[(After::Delivered, 1), (After::Delivered, 1)]);
    assert_eq!(stored.after(0, vec![]).await, (vec![], None));
    assert_eq!(stored.after(0, vec![Effect::WakeLane]).await, (vec![], None));
}
