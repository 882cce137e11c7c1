//! Applies events to notifications. Everything that an event changes is saved in one transaction.

mod followers;
mod reopening;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use self::followers::{Followers, followers};
use self::reopening::{Reopened, reopened};
use super::wake::{SWEEPER_ROUND_MS, wake_lane};
use crate::domain::{
    Effect, Event, Notification, NotificationId, Refused, Status, Transition, Undecided, transition,
};
use crate::ports::{
    AgendaEntry, Clock, Notifications, PortError, Saved, Sequences, Waker, WindowClasses,
};

/// More conflicting saves than this in a row count as an outage.
const TRIES_MAX: u32 = 8;
/// How many notifications [`Apply::apply_all`] changes at a time.
const CONCURRENCY: usize = 16;

/// What an event did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The notification moved; this is its new state.
    Moved(Box<Notification>),
    /// The notification stays as it is.
    Refused(Box<Notification>, Refused),
    /// There is no such notification.
    Missing,
}

/// Applies events to notifications, and then wakes the lanes that have work.
#[derive(Clone)]
pub struct Apply {
    notifications: Arc<dyn Notifications>,
    sequences: Arc<dyn Sequences>,
    /// The window classes in which senders look for messages.
    classes: Arc<dyn WindowClasses>,
    waker: Arc<dyn Waker>,
    clock: Arc<dyn Clock>,
    /// The lane that this process is draining: it needs no wake.
    own_lane: Option<String>,
}

impl Apply {
    #[must_use]
    pub fn new(
        notifications: Arc<dyn Notifications>,
        sequences: Arc<dyn Sequences>,
        classes: Arc<dyn WindowClasses>,
        waker: Arc<dyn Waker>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { notifications, sequences, classes, waker, clock, own_lane: None }
    }

    /// The same, for the sender that drains `channel`: it does not wake its own lane.
    #[must_use]
    pub fn within_lane(&self, channel: &str) -> Self {
        Self { own_lane: Some(channel.to_owned()), ..self.clone() }
    }

    /// Loads a notification and applies an event to it.
    ///
    /// # Errors
    /// [`PortError`]: the event may or may not have been applied. Applying it again is safe.
    pub async fn apply(&self, id: &NotificationId, event: &Event) -> Result<Applied, PortError> {
        match self.notifications.load(id).await? {
            Some(notification) => self.apply_to(notification, event).await,
            None => Ok(Applied::Missing),
        }
    }

    /// Applies an event to a notification that the caller has loaded. When another process has
    /// changed the notification since, it is loaded again.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn apply_to(
        &self,
        mut notification: Notification,
        event: &Event,
    ) -> Result<Applied, PortError> {
        for attempt in 0..TRIES_MAX {
            let moved = match transition(&notification, event) {
                Ok(moved) => moved,
                Err(refused) => return Ok(Applied::Refused(Box::new(notification), refused)),
            };
            let (rows, sequences) = (&*self.notifications, &*self.sequences);
            let Followers { mut moves, news } = followers(rows, sequences, &moved).await?;
            let unchanged = match reopened(rows, sequences, &moved).await? {
                Ok(Reopened { fallback_left: true, .. }) if !accepts_doubling(event) => {
                    let undecided = Undecided::MayDouble;
                    return Ok(Applied::Refused(Box::new(notification), undecided.into()));
                }
                Ok(Reopened { moves: reinstated, unchanged, .. }) => {
                    moves.extend(reinstated);
                    unchanged
                }
                Err(undecided) => {
                    return Ok(Applied::Refused(Box::new(notification), undecided.into()));
                }
            };
            let mut lanes = lanes_to_wake(std::iter::once(&moved).chain(&moves));
            let mut writes = vec![moved.notification];
            writes.extend(moves.into_iter().map(|follower| follower.notification));
            self.add_classes(&writes).await?;
            writes.extend(unchanged);
            match self.notifications.save(&mut writes).await? {
                Saved::Done => {
                    let after = writes.swap_remove(0);
                    if let Some(news) = news {
                        news.log(&after);
                    }
                    lanes.retain(|lane| self.own_lane.as_ref() != Some(lane));
                    for lane in lanes {
                        wake_lane(&*self.waker, &*self.clock, &lane).await;
                    }
                    return Ok(Applied::Moved(Box::new(after)));
                }
                Saved::Conflict => {
                    // Several processes change the same sequence: the pause lets one of them
                    // finish.
                    tokio::time::sleep(Duration::from_millis(5 << attempt)).await;
                    match self.notifications.load(&notification.id).await? {
                        Some(newer) => notification = newer,
                        None => return Ok(Applied::Missing),
                    }
                }
            }
        }
        Err(PortError::Unavailable {
            what: "the notification",
            detail: format!("{TRIES_MAX} conflicting saves of {}", notification.id),
        })
    }

    /// Adds the window classes of the notifications that become `queued`. A class may have been
    /// retired while its messages waited for a time, a step or an answer.
    async fn add_classes(&self, writes: &[Notification]) -> Result<(), PortError> {
        for queued in writes.iter().filter(|write| write.status == Status::Queued) {
            self.classes.add_class(&queued.channel, &queued.window_class).await?;
        }
        Ok(())
    }

    /// Applies one event to many notifications, several at a time. Notifications that moved are
    /// added to `moved`, also when this fails: a second call does not find them again.
    ///
    /// # Errors
    /// The first [`PortError`].
    pub async fn apply_all(
        &self,
        entries: &[AgendaEntry],
        event: &Event,
        moved: &mut Vec<Notification>,
    ) -> Result<(), PortError> {
        for page in entries.chunks(CONCURRENCY) {
            let mut in_flight = FuturesUnordered::new();
            for AgendaEntry { id, .. } in page {
                in_flight.push(async move { (id, self.apply(id, event).await) });
            }
            let mut failed = None;
            while let Some((id, applied)) = in_flight.next().await {
                match applied {
                    Ok(Applied::Moved(notification)) => moved.push(*notification),
                    Ok(Applied::Refused(..) | Applied::Missing) => {}
                    // A retry would fail as well, and must not hold up the other notifications.
                    Err(error @ PortError::Unusable { .. }) => {
                        tracing::error!(
                            notification = %id,
                            %error,
                            "a notification's record cannot be read; it stays as it is"
                        );
                    }
                    Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                        failed = failed.or(Some(error));
                    }
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Whether whoever decided has accepted that the person may get the message twice.
fn accepts_doubling(event: &Event) -> bool {
    matches!(event, Event::ResendRequested { terms, .. } if terms.may_double)
}

/// The lanes that have work after these moves, each once: messages that may leave now, and steps
/// that become due before the sweeper's next round.
fn lanes_to_wake<'a>(moves: impl Iterator<Item = &'a Transition>) -> Vec<String> {
    let is_due_soon = |moved: &Transition| {
        let Notification { status, ready_at_ms, status_since_ms, .. } = &moved.notification;
        let is_step = moved.notification.sequence_step.is_some();
        is_step
            && *status == Status::Deferred
            && *ready_at_ms <= status_since_ms.saturating_add(SWEEPER_ROUND_MS)
    };
    let mut lanes: Vec<String> = moves
        .filter(|moved| moved.effects.contains(&Effect::WakeLane) || is_due_soon(moved))
        .map(|moved| moved.notification.channel.clone())
        .collect();
    lanes.sort_unstable();
    lanes.dedup();
    lanes
}
