//! Moves a notification, and with it whatever the same transaction has to move.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::domain::{Effect, Event, Notification, NotificationId, Refused, Transition, transition};
use crate::ports::{AgendaEntry, Clock, Notifications, PortError, Saved, WakeGroup, Waker};

/// How often a lost race is run again before it counts as an outage.
const TRIES: u32 = 8;
/// Notifications moved at a time by [`Apply::apply_all`].
const CONCURRENCY: usize = 16;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The notification moved, to this.
    Moved(Box<Notification>),
    /// It stays as it is.
    Refused(Box<Notification>, Refused),
    /// There is no such notification.
    Missing,
}

/// Applies events to notifications.
#[derive(Clone)]
pub struct Apply {
    notifications: Arc<dyn Notifications>,
    waker: Arc<dyn Waker>,
    clock: Arc<dyn Clock>,
    /// The lane that this very process drains, which needs no waking.
    awake: Option<String>,
}

impl Apply {
    /// Applies events, and wakes the lanes that have work afterwards.
    #[must_use]
    pub fn new(
        notifications: Arc<dyn Notifications>,
        waker: Arc<dyn Waker>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { notifications, waker, clock, awake: None }
    }

    /// The same, on behalf of the sender that drains `channel`.
    #[must_use]
    pub fn within_lane(&self, channel: &str) -> Self {
        Self { awake: Some(channel.to_owned()), ..self.clone() }
    }

    /// Loads a notification and applies an event to it.
    ///
    /// # Errors
    /// [`PortError`]; whether the event was applied is not known then. Applying it again is safe.
    pub async fn apply(&self, id: &NotificationId, event: &Event) -> Result<Applied, PortError> {
        match self.notifications.load(id).await? {
            Some(notification) => self.apply_to(notification, event).await,
            None => Ok(Applied::Missing),
        }
    }

    /// Applies an event to a notification that was loaded before. It is loaded again when
    /// somebody else has moved it since.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn apply_to(
        &self,
        mut notification: Notification,
        event: &Event,
    ) -> Result<Applied, PortError> {
        for attempt in 0..TRIES {
            let moved = match transition(&notification, event) {
                Ok(moved) => moved,
                Err(refused) => return Ok(Applied::Refused(Box::new(notification), refused)),
            };
            let followers = self.followers(&moved.notification, &moved.effects).await?;
            let mut lanes = lanes_to_wake(std::iter::once(&moved).chain(&followers));
            let mut writes = vec![moved.notification];
            writes.extend(followers.into_iter().map(|follower| follower.notification));
            match self.notifications.save(&mut writes).await? {
                Saved::Done => {
                    let after = writes.swap_remove(0);
                    report(&after, &moved.effects);
                    lanes.retain(|lane| self.awake.as_ref() != Some(lane));
                    for lane in lanes {
                        wake_for_producer(&*self.waker, &*self.clock, &lane).await;
                    }
                    return Ok(Applied::Moved(Box::new(after)));
                }
                Saved::Lost => {
                    // The others are at work on the same sequence: give them room.
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
            detail: format!("{} lost {TRIES} races", notification.id),
        })
    }

    /// Applies one event to many notifications, several at a time. Adds those that moved to
    /// `moved`, also when it fails: they are not met again.
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
            let mut under_way = FuturesUnordered::new();
            for entry in page {
                under_way.push(self.apply(&entry.id, event));
            }
            let mut failed = None;
            while let Some(applied) = under_way.next().await {
                match applied {
                    Ok(Applied::Moved(notification)) => moved.push(*notification),
                    Ok(Applied::Refused(..) | Applied::Missing) => {}
                    // Trying again would not help, and the others must not wait for it.
                    Err(error @ PortError::Corrupt { .. }) => {
                        tracing::error!(%error, "a notification cannot be moved");
                    }
                    Err(error @ PortError::Unavailable { .. }) => failed = failed.or(Some(error)),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The moves of other steps that belong into the same transaction.
    async fn followers(
        &self,
        moved: &Notification,
        effects: &[Effect],
    ) -> Result<Vec<Transition>, PortError> {
        let Some(place) = &moved.place else { return Ok(vec![]) };
        let at_ms = moved.status_since_ms;
        let mut followers = Vec::new();
        for effect in effects {
            match effect {
                Effect::ReleaseNext => {
                    let next = place.next();
                    followers.extend(self.follow(next, &Event::Released { at_ms }).await?);
                }
                Effect::CancelRest => {
                    for id in place.rest() {
                        let event = Event::PredecessorStopped { at_ms };
                        followers.extend(self.follow(Some(id), &event).await?);
                    }
                }
                Effect::WakeLane | Effect::ReportStop | Effect::ReportStall => {}
            }
        }
        Ok(followers)
    }

    async fn follow(
        &self,
        id: Option<NotificationId>,
        event: &Event,
    ) -> Result<Option<Transition>, PortError> {
        let Some(id) = id else { return Ok(None) };
        let Some(follower) = self.notifications.load(&id).await? else {
            // Its record outlived its retention, or it was never stored with the others.
            tracing::error!(notification = %id, "a step of the sequence is missing");
            return Ok(None);
        };
        // Refused: it was cancelled by itself, or released before.
        Ok(transition(&follower, event).ok())
    }
}

/// The lanes that have work after these moves, each once.
fn lanes_to_wake<'a>(moves: impl Iterator<Item = &'a Transition>) -> Vec<String> {
    let mut lanes: Vec<String> = moves
        .filter(|moved| moved.effects.contains(&Effect::WakeLane))
        .map(|moved| moved.notification.channel.clone())
        .collect();
    lanes.sort_unstable();
    lanes.dedup();
    lanes
}

/// Wakes a lane because something was queued. Producers' wakes collapse to one a second; a drain
/// goes on for longer than that after its last message, so none is missed.
pub(super) async fn wake_for_producer(waker: &dyn Waker, clock: &dyn Clock, channel: &str) {
    let deduplication = format!("{channel}-0-{}", clock.now_ms() / 1000);
    if let Err(error) = waker.wake(channel, WakeGroup::Zero, &deduplication).await {
        tracing::warn!(%channel, %error, "a lane was not woken; the sweeper will do it");
    }
}

fn report(notification: &Notification, effects: &[Effect]) {
    let Some(place) = &notification.place else { return };
    let reason = notification.reason.as_ref();
    for effect in effects {
        let message = match effect {
            Effect::ReportStop => "a sequence stopped",
            Effect::ReportStall => "a sequence waits for a receipt that may never come",
            Effect::WakeLane | Effect::ReleaseNext | Effect::CancelRest => continue,
        };
        tracing::warn!(
            sequence = %place.sequence,
            notification = %notification.id,
            step = place.step,
            steps = place.steps,
            channel = %notification.channel,
            status = notification.status.as_str(),
            reason = reason.map(crate::domain::Reason::name),
            code = reason.and_then(crate::domain::Reason::code),
            "{message}"
        );
    }
}
