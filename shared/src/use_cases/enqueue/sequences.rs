//! Sequences: their row and all of their notifications are stored in one transaction.

use super::allowances::NotHeld;
use super::day_lease::Fate;
use super::draft::{Draft, ProducerRequest, SequenceDraft};
use super::steps::{check_delays, steps_of};
use super::{Enqueue, NotEnqueued};
use crate::domain::duration::millis;
use crate::domain::{Sequence, SequenceId, SequenceStep, Status, UnknownAttributes};
use crate::ports::{PortError, Saved};
use crate::use_cases::apply::Apply;
use crate::use_cases::stored_sequence::{StoredSequence, cancel, with_notifications};

/// A sequence that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnqueuedSequence {
    pub stored: StoredSequence,
    /// False when an earlier request with the same key stored it.
    pub is_new: bool,
}

impl Enqueue {
    /// Stores a sequence: the notifications of its first step ready, the others blocked.
    ///
    /// # Errors
    /// [`NotEnqueued`]: nothing was stored.
    pub async fn sequence(
        &self,
        request: ProducerRequest<'_>,
        draft: SequenceDraft,
    ) -> Result<EnqueuedSequence, NotEnqueued> {
        let id = request.key().sequence_id();
        let composed = match self.compose_sequence(request, &id, draft).await {
            Ok(composed) => composed,
            Err(NotEnqueued::Invalid(invalid)) => {
                // The catalog may have changed since the first request: a repeated request is
                // answered with the sequence that the first one stored.
                return match self.known_sequence(&id, request.digest).await? {
                    Some(known) => Ok(known),
                    None => Err(invalid.into()),
                };
            }
            Err(error) => return Err(error),
        };
        let ids: Vec<_> = composed.notifications.iter().map(|found| &found.id).collect();
        let hold = match self.allowances.hold(request.producer, &ids).await {
            Ok(hold) => hold,
            Err(NotHeld::Port(error)) => return Err(error.into()),
            // A repeated request is answered, also when the quota is used up.
            Err(refused @ (NotHeld::OverQuota(_) | NotHeld::Never(_))) => {
                let known = self.known_sequence(&id, request.digest).await?;
                return known.ok_or_else(|| refused.into());
            }
        };
        let created_at_ms = composed.sequence.created_at_ms;
        let stored = self.store_sequence(request, composed).await;
        let fate = match &stored {
            Ok(EnqueuedSequence { stored, is_new }) => {
                Fate::of_stored(*is_new, stored.sequence.created_at_ms == created_at_ms)
            }
            Err(error) => error.fate(),
        };
        self.allowances.settle(request.producer, hold, |_| fate).await;
        if let Ok(enqueued) = &stored {
            self.wake_lanes(&enqueued.stored.notifications).await;
        }
        stored
    }

    /// Stores a sequence, or finds the one that an earlier request with the same key stored.
    async fn store_sequence(
        &self,
        request: ProducerRequest<'_>,
        composed: StoredSequence,
    ) -> Result<EnqueuedSequence, NotEnqueued> {
        let StoredSequence { sequence, notifications } = &composed;
        for notification in notifications {
            self.add_class(notification).await?;
        }
        match self.sequences.create_sequence(sequence, notifications).await? {
            Saved::Done => Ok(EnqueuedSequence { stored: composed, is_new: true }),
            Saved::Conflict => {
                let known = self.known_sequence(&sequence.id, request.digest).await?;
                let known = known.ok_or_else(|| PortError::Unavailable {
                    what: "the sequence",
                    detail: "another request is storing it".into(),
                })?;
                Ok(known)
            }
        }
    }

    /// A sequence of this owner; `None` when there is none with this id.
    pub async fn find_sequence(
        &self,
        id: &SequenceId,
        owner: &str,
    ) -> Result<Option<StoredSequence>, PortError> {
        match self.own_sequence(id, owner).await? {
            Some(sequence) => Ok(Some(with_notifications(&*self.notifications, sequence).await?)),
            None => Ok(None),
        }
    }

    /// Withdraws every notification of a sequence that has not left; the others stay as they are.
    /// Repeating this changes nothing. `None` when this owner has no sequence with this id.
    ///
    /// # Errors
    /// [`PortError`]: some of the notifications may be withdrawn. Repeating this completes it.
    pub async fn cancel_sequence(
        &self,
        apply: &Apply,
        id: &SequenceId,
        owner: &str,
    ) -> Result<Option<StoredSequence>, PortError> {
        match self.own_sequence(id, owner).await? {
            Some(sequence) => Ok(Some(cancel(apply, sequence, self.clock.now_ms()).await?)),
            None => Ok(None),
        }
    }

    async fn own_sequence(
        &self,
        id: &SequenceId,
        owner: &str,
    ) -> Result<Option<Sequence>, PortError> {
        Ok(self.sequences.sequence(id).await?.filter(|sequence| sequence.owner == owner))
    }

    /// The sequence that an earlier request with the same key has stored.
    async fn known_sequence(
        &self,
        id: &SequenceId,
        digest: &str,
    ) -> Result<Option<EnqueuedSequence>, NotEnqueued> {
        let Some(sequence) = self.sequences.sequence(id).await? else { return Ok(None) };
        if sequence.request_digest != digest {
            return Err(NotEnqueued::KeyReused);
        }
        let stored = with_notifications(&*self.notifications, sequence).await?;
        Ok(Some(EnqueuedSequence { stored, is_new: false }))
    }

    async fn compose_sequence(
        &self,
        request: ProducerRequest<'_>,
        id: &SequenceId,
        draft: SequenceDraft,
    ) -> Result<StoredSequence, NotEnqueued> {
        let steps = steps_of(id, &draft.steps)?;
        let count = u8::try_from(steps.len()).unwrap_or(u8::MAX);
        let catalog = self.catalog_cache();
        let mut notifications = Vec::new();
        for (number, (step, step_draft)) in (0_u8..).zip(steps.iter().zip(draft.steps)) {
            let drafts = step.notifications.iter().zip(step_draft.notifications);
            for (place, (notification_id, part)) in drafts.enumerate() {
                let notification_draft = Draft {
                    template: part.template,
                    channel: part.channel,
                    recipient: draft.recipient.clone(),
                    addresses: draft.addresses.clone(),
                    variables: part.variables,
                    tag: None,
                    data: part.data,
                    priority: draft.priority,
                    // Every step gets it: a sequence with `not_before` is scheduled as a whole.
                    not_before_ms: draft.not_before_ms,
                    delay_ms: step.delay_ms,
                    expires_at_ms: draft.expires_at_ms,
                };
                let mut notification = self
                    .compose(request, notification_id.clone(), notification_draft, &catalog)
                    .await
                    .map_err(|error| at_step(error, &part.path))?;
                notification.sequence_step = Some(SequenceStep {
                    sequence: id.clone(),
                    step: number,
                    steps: count,
                    is_gate: place == step.gate,
                    is_planned: SequenceStep::is_planned_by(step.delay_ms),
                });
                notification.confirm_within_ms = draft.confirm_within.map(millis);
                if number > 0 {
                    notification.status = Status::Blocked;
                }
                notifications.push(notification);
            }
        }
        let now_ms = self.clock.now_ms();
        let starts_at_ms = draft.not_before_ms.unwrap_or(now_ms).max(now_ms);
        check_delays(&steps, starts_at_ms, draft.expires_at_ms)?;
        let sequence = Sequence {
            id: id.clone(),
            schema: Sequence::SCHEMA,
            request_digest: request.digest.to_owned(),
            owner: request.producer.name.clone(),
            on_failure: draft.on_failure,
            on_unconfirmed: draft.on_unconfirmed,
            steps,
            created_at_ms: now_ms,
            unknown: UnknownAttributes::default(),
        };
        Ok(StoredSequence { sequence, notifications })
    }
}

/// The error of a step's notification in the fields of the sequence's request.
fn at_step(error: NotEnqueued, path: &str) -> NotEnqueued {
    match error {
        NotEnqueued::Invalid(invalid) if is_in_step(&invalid.field) => invalid.within(path).into(),
        other @ (NotEnqueued::Invalid(_)
        | NotEnqueued::KeyReused
        | NotEnqueued::Busy { .. }
        | NotEnqueued::OverQuota(_)
        | NotEnqueued::Port(_)) => other,
    }
}

/// Whether a field is one of the step's. The recipient, the priority and the times are fields of
/// the whole request.
fn is_in_step(field: &str) -> bool {
    let first = field.split('.').next();
    first.is_some_and(|first| ["template", "channel", "variables", "data"].contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FieldError;

    #[test]
    fn an_error_of_a_step_names_the_field_where_the_request_has_it() {
        for (field, expected) in [
            ("template", "steps[1].notifications[0].template"),
            ("channel", "steps[1].notifications[0].channel"),
            ("variables", "steps[1].notifications[0].variables"),
            ("variables.name", "steps[1].notifications[0].variables.name"),
            ("data", "steps[1].notifications[0].data"),
            ("to.phone", "to.phone"),
            ("to.timezone", "to.timezone"),
            ("priority", "priority"),
            ("not_before", "not_before"),
            ("expires_at", "expires_at"),
        ] {
            let error = NotEnqueued::Invalid(FieldError::new(field, "is wrong"));
            let shown = at_step(error, "steps[1].notifications[0]").to_string();
            assert_eq!(shown, format!("{expected}: is wrong"));
        }
    }
}
