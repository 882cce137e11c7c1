//! Sequences: all steps are stored in one transaction.

use super::{Draft, Enqueue, EnqueuedSequence, NotEnqueued, SequenceDraft};
use crate::domain::duration::millis;
use crate::domain::{FieldError, Notification, RequestKey, SequenceId, SequenceStep, Status};
use crate::ports::{PortError, Saved};

impl Enqueue {
    /// Stores a sequence: the first step ready, the others blocked.
    ///
    /// # Errors
    /// [`NotEnqueued`]: nothing was stored.
    pub async fn sequence(
        &self,
        key: RequestKey<'_>,
        digest: &str,
        draft: SequenceDraft,
    ) -> Result<EnqueuedSequence, NotEnqueued> {
        let id = key.sequence_id();
        let steps = match self.compose_steps(&id, digest, &draft).await {
            Ok(steps) => steps,
            Err(NotEnqueued::Invalid(invalid)) => {
                // The catalog may have changed since the first request: a repeated request is
                // answered with the sequence that the first one stored.
                return match self.known_sequence(&id, digest).await? {
                    Some(known) => Ok(known),
                    None => Err(invalid.into()),
                };
            }
            Err(error) => return Err(error),
        };
        for step in &steps {
            self.add_class(step).await?;
        }
        let enqueued = match self.notifications.create_all(&steps).await? {
            Saved::Done => EnqueuedSequence { id, steps, is_new: true },
            Saved::Conflict => {
                let known = self.known_sequence(&id, digest).await?;
                known.ok_or_else(|| PortError::Unavailable {
                    what: "the sequence",
                    detail: "another request is storing one of its steps".into(),
                })?
            }
        };
        self.wake_lanes(&enqueued.steps).await;
        Ok(enqueued)
    }

    /// The steps of a sequence, in order; `None` when there is no such sequence.
    pub async fn find_sequence(
        &self,
        id: &SequenceId,
    ) -> Result<Option<Vec<Notification>>, PortError> {
        let Some(first) = self.notifications.load(&id.step_id(0)).await? else { return Ok(None) };
        let rest: Vec<_> = match &first.sequence_step {
            Some(step) => step.rest().collect(),
            None => vec![],
        };
        let mut steps = vec![first];
        for step in rest {
            // A step is missing once its retention is over.
            steps.extend(self.notifications.load(&step).await?);
        }
        Ok(Some(steps))
    }

    async fn known_sequence(
        &self,
        id: &SequenceId,
        digest: &str,
    ) -> Result<Option<EnqueuedSequence>, NotEnqueued> {
        let Some(steps) = self.find_sequence(id).await? else { return Ok(None) };
        if steps.iter().any(|step| step.request_digest != digest) {
            return Err(NotEnqueued::KeyReused);
        }
        Ok(Some(EnqueuedSequence { id: id.clone(), steps, is_new: false }))
    }

    async fn compose_steps(
        &self,
        id: &SequenceId,
        digest: &str,
        draft: &SequenceDraft,
    ) -> Result<Vec<Notification>, NotEnqueued> {
        let count = draft.steps.len();
        let steps = u8::try_from(count)
            .ok()
            .filter(|_| (1..=SequenceStep::STEPS_MAX).contains(&count))
            .ok_or_else(|| {
                let must = format!("must hold 1 to {} steps, not {count}", SequenceStep::STEPS_MAX);
                FieldError::new("steps", must)
            })?;
        let catalog = self.catalog_cache();
        let mut notifications = Vec::with_capacity(count);
        for (step, step_draft) in (0..steps).zip(&draft.steps) {
            let path = format!("steps[{step}]");
            let step_draft = Draft {
                template: step_draft.template.clone(),
                to: draft.to.clone(),
                variables: step_draft.variables.clone(),
                priority: draft.priority,
                // Every step gets it: a sequence with `not_before` is scheduled as a whole.
                not_before_ms: draft.not_before_ms,
                expires_at_ms: draft.expires_at_ms,
            };
            let mut notification = match self
                .compose(id.step_id(step), digest, step_draft, &catalog)
                .await
            {
                Ok(notification) => notification,
                // The template and the variables are fields of the step, the others of the request.
                Err(NotEnqueued::Invalid(error))
                    if ["template", "variables"].iter().any(|own| error.field.starts_with(own)) =>
                {
                    return Err(error.within(&path).into());
                }
                Err(error) => return Err(error),
            };
            notification.sequence_step = Some(SequenceStep { sequence: id.clone(), step, steps });
            notification.confirm_within_ms = draft.confirm_within.map(millis);
            if step > 0 {
                notification.status = Status::Blocked;
            }
            notifications.push(notification);
        }
        Ok(notifications)
    }
}
