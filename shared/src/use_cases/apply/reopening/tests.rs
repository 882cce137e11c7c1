use std::collections::BTreeMap;

use async_trait::async_trait;

use super::*;
use crate::domain::sequence::OnFailure;
use crate::domain::{RequestKey, SequenceId, UnknownAttributes};
use crate::ports::{Created, Saved};

const NOW_MS: i64 = 1_772_413_200_000;

/// One sequence and its notifications.
struct Stored {
    sequence: Sequence,
    notifications: BTreeMap<NotificationId, Notification>,
}

fn cancelled(reason: Reason) -> (Status, Option<Reason>) {
    (Status::Cancelled, Some(reason))
}

fn stopped() -> (Status, Option<Reason>) {
    cancelled(Reason::PredecessorStopped)
}

impl Stored {
    /// A sequence whose steps hold these notifications. The first of each is the gate. Every step but
    /// the first waits for the delivery of the step before it.
    fn with(steps: Vec<Vec<(Status, Option<Reason>)>>) -> Self {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
        let id = key.sequence_id();
        let count = u8::try_from(steps.len()).expect("a few steps");
        let mut notifications = BTreeMap::new();
        let mut stored_steps = Vec::new();
        for (number, members) in (0..count).zip(steps) {
            let mut ids = vec![];
            for (index, (status, reason)) in members.into_iter().enumerate() {
                let own_id = id.notification_id(number, index);
                let place = SequenceStep {
                    sequence: id.clone(),
                    step: number,
                    steps: count,
                    is_gate: index == 0,
                    is_planned: false,
                };
                let notification = Notification {
                    sequence_step: Some(place),
                    status,
                    reason,
                    ..Notification::sample(own_id.clone(), NOW_MS)
                };
                notifications.insert(own_id.clone(), notification);
                ids.push(own_id);
            }
            let step = Step { after: After::Delivered, delay_ms: 0, notifications: ids, gate: 0 };
            stored_steps.push(step);
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

    /// What follows when a notification is sent again: for each other one that moves its step, its
    /// index and its new status. And how many must not change.
    async fn reopen(
        &self,
        step: u8,
        index: usize,
    ) -> Result<(Vec<(u8, usize, Status)>, usize), Undecided> {
        let own = &self.notifications[&self.sequence.id.notification_id(step, index)];
        let moved = Transition {
            notification: Notification { status: Status::Queued, ..own.clone() },
            effects: vec![Effect::WakeLane, Effect::ReopenStep],
        };
        let found = reopened(self, self, &moved).await.expect("read")?;
        let mut places: Vec<_> = found
            .moves
            .into_iter()
            .map(|moved| {
                let place = moved.notification.sequence_step.expect("a step");
                let members = &self.sequence.steps[usize::from(place.step)].notifications;
                let index = members.iter().position(|id| *id == moved.notification.id);
                (place.step, index.expect("an index"), moved.notification.status)
            })
            .collect();
        places.sort_unstable();
        Ok((places, found.unchanged.len()))
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

const FAILED: (Status, Option<Reason>) = (Status::Failed, None);
const DELIVERED: (Status, Option<Reason>) = (Status::Delivered, None);

#[tokio::test]
async fn all_steps_that_a_failure_had_cancelled_wait_again() {
    let stored = Stored::with(vec![
        vec![DELIVERED],
        vec![FAILED],
        vec![stopped(), stopped()],
        vec![stopped()],
    ]);
    let (moves, unchanged) = stored.reopen(1, 0).await.expect("reopened");
    let blocked = Status::Blocked;
    assert_eq!(moves, [(2, 0, blocked), (2, 1, blocked), (3, 0, blocked)]);
    assert_eq!(unchanged, 1, "the first step must not be sent again meanwhile");
}

#[tokio::test]
async fn a_step_that_has_left_goes_on_and_so_do_those_behind_it() {
    for left in [Status::Sending, Status::Accepted, Status::Delivered, Status::Failed] {
        let stored = Stored::with(vec![vec![FAILED], vec![(left, None)], vec![stopped()]]);
        assert_eq!(stored.reopen(0, 0).await, Ok((vec![], 0)), "{left:?}");
    }
    // A fallback that still waits is held back.
    let waiting = vec![vec![FAILED], vec![stopped()], vec![(Status::Queued, None)]];
    let (moves, _) = Stored::with(waiting).reopen(0, 0).await.expect("reopened");
    assert_eq!(moves, [(1, 0, Status::Blocked), (2, 0, Status::Blocked)]);
}

#[tokio::test]
async fn what_a_producer_withdrew_stays_withdrawn() {
    let withdrawn = cancelled(Reason::Requested);
    let stored = Stored::with(vec![vec![FAILED], vec![withdrawn.clone()], vec![stopped()]]);
    assert_eq!(stored.reopen(0, 0).await, Ok((vec![], 0)), "the rest was cancelled with the gate");
    let stored = Stored::with(vec![vec![FAILED], vec![stopped(), withdrawn]]);
    let (moves, _) = stored.reopen(0, 0).await.expect("reopened");
    assert_eq!(moves, [(1, 0, Status::Blocked)]);
}

#[tokio::test]
async fn a_step_is_not_sent_again_while_the_step_before_it_is_open_or_ended_otherwise() {
    let expired = || vec![(Status::Expired, Some(Reason::Expired))];
    for before in [
        Status::Blocked,
        Status::Queued,
        Status::Sending,
        Status::Accepted,
        Status::Unknown,
        Status::Unconfirmed,
        Status::Failed,
    ] {
        let stored = Stored::with(vec![vec![(before, None)], expired()]);
        assert_eq!(stored.reopen(1, 0).await, Err(Undecided::StepBefore), "{before:?}");
    }
    let withdrawn = Stored::with(vec![vec![cancelled(Reason::Requested)], expired()]);
    assert_eq!(withdrawn.reopen(1, 0).await, Err(Undecided::StepBefore));
    // A step that is passed over counts as the one before it.
    let not_needed = vec![cancelled(Reason::NotNeeded)];
    let stored = Stored::with(vec![vec![DELIVERED], not_needed, expired()]);
    assert_eq!(stored.reopen(2, 0).await, Ok((vec![], 1)));
}

#[tokio::test]
async fn a_step_that_may_go_on_unconfirmed_is_enough_for_the_next() {
    let unconfirmed = vec![(Status::Unconfirmed, Some(Reason::NoReceipt))];
    let mut stored = Stored::with(vec![unconfirmed, vec![FAILED]]);
    assert_eq!(stored.reopen(1, 0).await, Err(Undecided::StepBefore));
    stored.sequence.on_unconfirmed = OnUnconfirmed::Continue;
    assert_eq!(stored.reopen(1, 0).await, Ok((vec![], 1)));
}

#[tokio::test]
async fn a_notification_that_is_no_gate_is_sent_again_alone() {
    let stored = Stored::with(vec![vec![FAILED, FAILED], vec![stopped()]]);
    assert_eq!(stored.reopen(0, 1).await, Ok((vec![], 0)));
}

#[tokio::test]
async fn the_others_of_a_step_whose_gate_expired_before_its_release_leave_with_it() {
    let expired = (Status::Expired, Some(Reason::Expired));
    let stored = Stored::with(vec![vec![DELIVERED], vec![expired, stopped()], vec![stopped()]]);
    let (moves, _) = stored.reopen(1, 0).await.expect("reopened");
    assert_eq!(moves, [(1, 1, Status::Queued), (2, 0, Status::Blocked)]);
}
