//! The review of closed window classes. A message waits in the class of the hours that it had when
//! it was queued. When its hours have changed since, it moves to its present class.
//!
//! - *Look*: four times a minute, the first messages of each closed class are checked. This finds
//!   most changes, because the messages of a class usually have the same template.
//! - *Walk*: in each slice, all messages of the classes that have more are checked, page by page. A
//!   lane that is busy checks one page a second, and an idle one checks some thousands at once. What
//!   a slice leaves, the next one goes on with: the row of the lane's classes has the place.
//!
//! Where messages move, the walk goes on at once: the messages behind them probably move too.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::Slice;
use super::ending::Stop;
use super::heads::{CLASSES_AT_ONCE, ClosedClass};
use super::reclassify::reclassify;
use super::review_progress::Stretch;
use crate::domain::agenda::just_after;
use crate::ports::AgendaEntry;
use crate::use_cases::sender::in_flight::InFlight;

/// How often the first messages of all closed classes are checked.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How soon a look goes on while it has not covered all closed classes.
const CONTINUE_LOOK_AFTER: Duration = Duration::from_millis(100);
/// How soon a walk goes on while there are messages to send: it takes processor time from them.
const CONTINUE_WALK_AFTER: Duration = Duration::from_secs(1);
/// Messages that are read at a time from one class.
const PAGE: usize = 32;
/// Messages that are moved before the slice does its other upkeep.
const MOVED_AT_ONCE: usize = 16;

impl Slice<'_> {
    /// Goes on with the review when it is time.
    pub(super) async fn review_closed_classes(
        &mut self,
        in_flight: &mut InFlight,
    ) -> Result<(), Stop> {
        let at = Instant::now();
        let is_look_due = at >= self.review.next_look_at;
        let is_walk_due = self.review.may_walk() && at >= self.review.next_walk_at;
        if is_walk_due && (self.review.is_moving || !is_look_due) {
            self.walk_on(in_flight).await
        } else if is_look_due {
            self.look_on(in_flight).await
        } else {
            Ok(())
        }
    }

    /// Stores how far the walk has come, for the next slice.
    pub(super) async fn save_review_position(&mut self, in_flight: &mut InFlight) {
        let position = self.review.position();
        if !self.review.is_planned || position == self.review.stored {
            return;
        }
        let channel = &self.lane.channel.name;
        let saving = self.sender.classes.save_review_position(channel, position.as_ref());
        if let Err(error) = in_flight.drive_until(saving).await {
            tracing::warn!(
                %channel,
                %error,
                "the next review of closed window classes repeats a part of this one"
            );
        }
    }

    /// Checks the first messages of the next closed classes.
    async fn look_on(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        let (now, next_class) = (self.now(), self.review.next_class);
        let agenda = &*self.sender.agenda;
        let looking = self.heads.first_of_closed(agenda, now, next_class, PAGE);
        let Some(classes) = in_flight.drive_until(looking).await? else {
            if !self.review.is_planned {
                self.plan_walk(in_flight).await?;
            }
            self.review.next_class = 0;
            self.review.has_looked_at_all = true;
            self.review.next_look_at = Instant::now() + LOOK_EVERY;
            return Ok(());
        };
        self.review.next_class = next_class + CLASSES_AT_ONCE;
        self.review.next_look_at = Instant::now() + CONTINUE_LOOK_AFTER;
        let entries: Vec<&AgendaEntry> = classes.iter().flat_map(|class| &class.first).collect();
        let mut moved = self.move_messages(&entries, in_flight).await?.into_iter();
        for ClosedClass { class, partition, first } in classes {
            let has_moved = moved.by_ref().take(first.len()).filter(|has_moved| *has_moved).count();
            if has_moved > 0 && first.len() >= PAGE {
                self.review.walk_at_once(class, partition);
            }
        }
        Ok(())
    }

    async fn plan_walk(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        let long = self.heads.long_closed(self.now());
        if !long.is_empty() {
            let reading = self.sender.classes.review_position(&self.lane.channel.name);
            self.review.stored = in_flight.drive_until(reading).await?;
        }
        self.review.plan(long);
        Ok(())
    }

    /// Checks the next page of the walk. After a failure, the same page is checked again.
    async fn walk_on(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        let Some(stretch) = self.review.walk.pop_front() else { return Ok(()) };
        match self.walk_page(&stretch, in_flight).await {
            Ok(rest) => {
                if let Some(rest) = rest {
                    self.review.walk.push_front(rest);
                }
                Ok(())
            }
            Err(stop) => {
                self.review.walk.push_front(stretch);
                Err(stop)
            }
        }
    }

    /// Checks the first page of a stretch. Returns the rest of the stretch.
    async fn walk_page(
        &mut self,
        stretch: &Stretch,
        in_flight: &mut InFlight,
    ) -> Result<Option<Stretch>, Stop> {
        let (from, until) = (stretch.from.as_deref(), stretch.until.as_deref());
        let reading = self.sender.agenda.entries(&stretch.partition, from, until, PAGE);
        let page = in_flight.drive_until(reading).await?;
        let entries: Vec<&AgendaEntry> = page.iter().collect();
        let moved = self.move_messages(&entries, in_flight).await?;
        self.review.is_moving = moved.contains(&true);
        let is_urgent = self.review.is_moving || !self.has_messages_to_send(in_flight);
        let pause = if is_urgent { Duration::ZERO } else { CONTINUE_WALK_AFTER };
        self.review.next_walk_at = Instant::now() + pause;
        self.review.unmoved =
            if self.review.is_moving { 0 } else { self.review.unmoved + page.len() };
        let last = page.last().filter(|_| page.len() >= PAGE);
        Ok(last.map(|last| Stretch { from: Some(just_after(&last.sort)), ..stretch.clone() }))
    }

    /// Checks messages, and moves those whose hours have changed. Returns of each whether it moved.
    async fn move_messages(
        &mut self,
        entries: &[&AgendaEntry],
        in_flight: &mut InFlight,
    ) -> Result<Vec<bool>, Stop> {
        let mut moved = Vec::new();
        for messages in entries.chunks(MOVED_AT_ONCE) {
            // There may be hundreds of messages. The lease, or a pause of the channel, cannot wait
            // for all of them.
            self.renew_lease_and_reread_channel(in_flight).await?;
            let (sender, channel) = (self.sender, &self.lane.channel);
            let (hours, apply) = (&*self.hours, &self.apply);
            let moving = join_all(
                messages.iter().map(|entry| reclassify(entry, channel, sender, hours, apply)),
            );
            for has_moved in in_flight.drive_until(moving).await {
                moved.push(has_moved?);
            }
            self.keep_claiming(in_flight);
        }
        let count = moved.iter().filter(|has_moved| **has_moved).count();
        if count > 0 {
            tracing::info!(
                channel = %self.lane.channel.name,
                moved = count,
                "messages of closed window classes were moved: their hours have changed"
            );
            // Their new class may not be known yet.
            self.next_classes_read_at = Instant::now();
            self.heads.read_all_next();
        }
        Ok(moved)
    }
}
