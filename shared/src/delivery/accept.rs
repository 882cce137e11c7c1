//! Takes notifications and sequences in: checks them, renders them, stores each once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::SignedDuration;

use super::apply::wake_for_producer;
use super::compose::{Order, compose};
use crate::domain::channel::millis;
use crate::domain::{
    Channel, HoursConfig, Message, Notification, NotificationId, Priority, Recipient, RequestKey,
    SequenceId, SequencePlace, Status, Template,
};
use crate::ports::{
    Catalog, Clock, Created, Notifications, PortError, Requests, Saved, UnsendableMessage, Waker,
    WindowClasses,
};

/// Puts under way at once for one bulk request.
const CONCURRENCY: usize = 16;

/// One notification as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The template's name.
    pub template: String,
    /// Who receives it.
    pub to: Recipient,
    /// What fills the template's gaps.
    pub variables: BTreeMap<String, String>,
    /// Its place in the lane's order.
    pub priority: Priority,
    /// Not to leave before this.
    pub not_before_ms: Option<i64>,
    /// Not to leave at or after this.
    pub expires_at_ms: Option<i64>,
}

/// One step of a sequence.
#[derive(Clone, PartialEq, Eq)]
pub struct StepDraft {
    /// The template's name.
    pub template: String,
    /// What fills the template's gaps.
    pub variables: BTreeMap<String, String>,
}

/// A sequence as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct SequenceDraft {
    /// Who receives all of it.
    pub to: Recipient,
    /// What, in this order. 1 to 25.
    pub steps: Vec<StepDraft>,
    /// How long to wait for each step's receipt, where it is not the channel's time.
    pub confirm_within: Option<SignedDuration>,
    /// The steps' place in their lanes' order.
    pub priority: Priority,
    /// The first step is not to leave before this.
    pub not_before_ms: Option<i64>,
    /// No step is to leave at or after this.
    pub expires_at_ms: Option<i64>,
}

/// What is wrong with a request, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct FieldError {
    /// The field, as a path into the request: `to.phone`, `steps[1].template`.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

impl FieldError {
    /// An error in a field.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }

    /// The same error in a field of the field `outer`.
    #[must_use]
    fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), ..self }
    }
}

/// Why a request made nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// Its producer has to change it.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used for a different request")]
    KeyReused,
    /// It may work another time; asking again under the same key is safe.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A notification that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// As it stands.
    pub notification: Notification,
    /// This request made it; otherwise an earlier one with the same key did.
    pub is_new: bool,
}

/// A sequence that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedSequence {
    /// Its id.
    pub id: SequenceId,
    /// Its steps as they stand.
    pub steps: Vec<Notification>,
    /// This request made it; otherwise an earlier one with the same key did.
    pub is_new: bool,
}

/// Checks a message against its provider's rules.
pub type CheckMessage = fn(&Channel, &Message, &Recipient) -> Result<(), UnsendableMessage>;

/// Takes notifications in.
#[derive(Clone)]
pub struct Accept {
    /// Templates and channels.
    pub catalog: Arc<dyn Catalog>,
    /// Where they are stored.
    pub notifications: Arc<dyn Notifications>,
    /// What bulk requests are remembered by.
    pub requests: Arc<dyn Requests>,
    /// Which window classes each lane has.
    pub classes: Arc<dyn WindowClasses>,
    /// Wakes senders.
    pub waker: Arc<dyn Waker>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The providers' rules.
    pub check: CheckMessage,
}

impl Accept {
    /// Takes one notification in. Its id follows from the key alone, so a second request with the
    /// same key meets the first one's notification.
    ///
    /// # Errors
    /// [`NotAccepted`]; nothing is stored then.
    pub async fn one(
        &self,
        key: RequestKey<'_>,
        digest: &str,
        draft: Draft,
    ) -> Result<Accepted, NotAccepted> {
        // The key may stand for a bulk request, which is another body whatever it holds.
        let known = self.requests.recall(&key.request_id()).await?;
        if known.is_some_and(|known| known != digest) {
            return Err(NotAccepted::KeyReused);
        }
        let accepted = self.item(key.notification_id(0), digest, draft, &self.memo()).await?;
        self.wake(std::slice::from_ref(&accepted.notification)).await;
        Ok(accepted)
    }

    /// Takes many notifications in, each for itself: those that are wrong do not keep the others
    /// from being stored. A request that was cut short is completed by repeating it.
    ///
    /// # Errors
    /// [`NotAccepted::KeyReused`] or [`NotAccepted::Port`] before anything is stored. Later
    /// failures are those of the items.
    pub async fn bulk(
        &self,
        key: RequestKey<'_>,
        digest: &str,
        drafts: Vec<Result<Draft, FieldError>>,
    ) -> Result<Vec<Result<Accepted, NotAccepted>>, NotAccepted> {
        // Items of two bodies under one key could mix, each losing some races and winning others.
        // One record for the whole request decides which body the key stands for.
        let request_id = key.request_id();
        // The key may stand for a single notification, which keeps its digest itself.
        let first = self.notifications.load(&key.notification_id(0)).await?;
        let known = match first {
            Some(first) => Some(first.request_digest),
            None => self.requests.remember(&request_id, digest, self.clock.now_ms()).await?,
        };
        if known.is_some_and(|known| known != digest) {
            return Err(NotAccepted::KeyReused);
        }
        let memo = self.memo();
        let results: Vec<_> = stream::iter(drafts.into_iter().enumerate())
            .map(|(index, draft)| {
                let memo = &memo;
                async move { self.item(key.notification_id(index), digest, draft?, memo).await }
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let stored: Vec<_> =
            results.iter().flatten().map(|accepted| accepted.notification.clone()).collect();
        self.wake(&stored).await;
        Ok(results)
    }

    /// Takes a sequence in: all of its steps in one transaction, the first one ready and the
    /// others blocked.
    ///
    /// # Errors
    /// [`NotAccepted`]; nothing is stored then.
    pub async fn sequence(
        &self,
        key: RequestKey<'_>,
        digest: &str,
        draft: SequenceDraft,
    ) -> Result<AcceptedSequence, NotAccepted> {
        let id = key.sequence_id();
        let steps = match self.steps(&id, digest, &draft).await {
            Ok(steps) => steps,
            Err(NotAccepted::Invalid(invalid)) => {
                // The catalog may have changed since the first request.
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
        let accepted = match self.notifications.create_all(&steps).await? {
            Saved::Done => AcceptedSequence { id, steps, is_new: true },
            Saved::Lost => self.known_sequence(&id, digest).await?.ok_or_else(|| {
                PortError::Unavailable { what: "the sequence", detail: "it is contended".into() }
            })?,
        };
        self.wake(&accepted.steps).await;
        Ok(accepted)
    }

    /// A sequence by its id, its steps in order.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn find_sequence(
        &self,
        id: &SequenceId,
    ) -> Result<Option<Vec<Notification>>, PortError> {
        let Some(first) = self.notifications.load(&id.step_id(0)).await? else { return Ok(None) };
        let rest: Vec<_> = match &first.place {
            Some(place) => place.rest().collect(),
            None => vec![],
        };
        let mut steps = vec![first];
        for step in rest {
            // One that is missing outlived its retention.
            steps.extend(self.notifications.load(&step).await?);
        }
        Ok(Some(steps))
    }

    async fn known_sequence(
        &self,
        id: &SequenceId,
        digest: &str,
    ) -> Result<Option<AcceptedSequence>, NotAccepted> {
        let Some(steps) = self.find_sequence(id).await? else { return Ok(None) };
        if steps.iter().any(|step| step.request_digest != digest) {
            return Err(NotAccepted::KeyReused);
        }
        Ok(Some(AcceptedSequence { id: id.clone(), steps, is_new: false }))
    }

    async fn steps(
        &self,
        id: &SequenceId,
        digest: &str,
        draft: &SequenceDraft,
    ) -> Result<Vec<Notification>, NotAccepted> {
        let count = draft.steps.len();
        let steps = u8::try_from(count)
            .ok()
            .filter(|_| (1..=SequencePlace::STEPS_MAX).contains(&count))
            .ok_or_else(|| FieldError::new("steps", "must hold 1 to 25 steps"))?;
        let memo = self.memo();
        let mut made = Vec::with_capacity(count);
        for (step, wanted) in (0..steps).zip(&draft.steps) {
            let path = format!("steps[{step}]");
            let item = Draft {
                template: wanted.template.clone(),
                to: draft.to.clone(),
                variables: wanted.variables.clone(),
                priority: draft.priority,
                // Of all steps: the whole sequence was planned.
                not_before_ms: draft.not_before_ms,
                expires_at_ms: draft.expires_at_ms,
            };
            let mut notification = match self
                .notification(id.step_id(step), digest, item, &memo)
                .await
            {
                Ok(made) => made,
                // What concerns the step is in the step; the rest is in the request.
                Err(NotAccepted::Invalid(error))
                    if ["template", "variables"].iter().any(|own| error.field.starts_with(own)) =>
                {
                    return Err(error.within(&path).into());
                }
                Err(error) => return Err(error),
            };
            notification.place = Some(SequencePlace { sequence: id.clone(), step, steps });
            notification.confirm_within_ms = draft.confirm_within.map(millis);
            if step > 0 {
                notification.status = Status::Blocked;
            }
            made.push(notification);
        }
        Ok(made)
    }

    async fn item(
        &self,
        id: NotificationId,
        digest: &str,
        draft: Draft,
        memo: &Memo<'_>,
    ) -> Result<Accepted, NotAccepted> {
        let known = match self.notification(id.clone(), digest, draft, memo).await {
            Ok(notification) => {
                self.add_class(&notification).await?;
                match self.notifications.create(&notification).await? {
                    Created::New => return Ok(Accepted { notification, is_new: true }),
                    Created::Existing(known) => *known,
                }
            }
            // The catalog may have changed since the first request: a replay is answered as such.
            Err(NotAccepted::Invalid(invalid)) => {
                self.notifications.load(&id).await?.ok_or(invalid)?
            }
            Err(error) => return Err(error),
        };
        if known.request_digest == digest {
            Ok(Accepted { notification: known, is_new: false })
        } else {
            Err(NotAccepted::KeyReused)
        }
    }

    /// The lane has to know the class before there is a message of it, or nobody would look there.
    async fn add_class(&self, notification: &Notification) -> Result<(), PortError> {
        self.classes.add_class(&notification.channel, &notification.window_class).await
    }

    /// A notification as it is stored first.
    async fn notification(
        &self,
        id: NotificationId,
        digest: &str,
        draft: Draft,
        memo: &Memo<'_>,
    ) -> Result<Notification, NotAccepted> {
        let template = memo.template(&draft.template).await?.ok_or_else(|| {
            FieldError::new("template", format!("there is no template {:?}", draft.template))
        })?;
        let channel = memo.channel(&template.channel).await?.ok_or_else(|| {
            let detail = format!("the template's channel {:?} is not configured", template.channel);
            FieldError::new("template", detail)
        })?;
        let hours = memo.hours().await?;
        let order = Order {
            id,
            digest: digest.to_owned(),
            template: &template,
            channel: &channel,
            hours: &hours,
            to: draft.to,
            variables: &draft.variables,
            priority: draft.priority,
            not_before_ms: draft.not_before_ms,
            expires_at_ms: draft.expires_at_ms,
            now_ms: self.clock.now_ms(),
        };
        Ok(compose(order, self.check)?)
    }

    async fn wake(&self, stored: &[Notification]) {
        // What comes due later is the sweeper's.
        let soon_ms = self.clock.now_ms() + super::sweep::ROUND_MS;
        let mut channels: Vec<&str> = stored
            .iter()
            .filter(|notification| match notification.status {
                Status::Queued => true,
                Status::Deferred => notification.ready_at_ms <= soon_ms,
                Status::Blocked
                | Status::Sending
                | Status::Accepted
                | Status::Unknown
                | Status::Unconfirmed
                | Status::Failed
                | Status::Cancelled
                | Status::Expired
                | Status::Delivered => false,
            })
            .map(|notification| notification.channel.as_str())
            .collect();
        channels.sort_unstable();
        channels.dedup();
        for channel in channels {
            wake_for_producer(&*self.waker, &*self.clock, channel).await;
        }
    }

    fn memo(&self) -> Memo<'_> {
        Memo { catalog: &*self.catalog, read: tokio::sync::Mutex::default() }
    }
}

/// Reads each template and channel once a request.
struct Memo<'a> {
    catalog: &'a dyn Catalog,
    read: tokio::sync::Mutex<Read>,
}

#[derive(Default)]
struct Read {
    templates: HashMap<String, Option<Arc<Template>>>,
    channels: HashMap<String, Option<Arc<Channel>>>,
    hours: Option<HoursConfig>,
}

impl Memo<'_> {
    async fn template(&self, name: &str) -> Result<Option<Arc<Template>>, PortError> {
        let mut read = self.read.lock().await;
        if let Some(known) = read.templates.get(name) {
            return Ok(known.clone());
        }
        let found = self.catalog.template(name).await?.map(Arc::new);
        read.templates.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    async fn hours(&self) -> Result<HoursConfig, PortError> {
        let mut read = self.read.lock().await;
        if let Some(known) = read.hours {
            return Ok(known);
        }
        let found = self.catalog.hours().await?;
        read.hours = Some(found);
        Ok(found)
    }

    async fn channel(&self, name: &str) -> Result<Option<Arc<Channel>>, PortError> {
        let mut read = self.read.lock().await;
        if let Some(known) = read.channels.get(name) {
            return Ok(known.clone());
        }
        let found = self.catalog.channel(name).await?.map(Arc::new);
        read.channels.insert(name.to_owned(), found.clone());
        Ok(found)
    }
}
