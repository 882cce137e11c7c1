//! Step 3 of a drain: one slice of the lane's work.
//!
//! Each round, top to bottom ([`Slice::go_round`]):
//!
//! 1. `lane.rs`: renew the lease, and read the channel's configuration again.
//! 2. `due.rs`: queue the messages whose time has come.
//! 3. `heads.rs`: read the heads of the queue.
//! 4. `reclassify.rs`: move messages of closed window classes whose hours have changed.
//! 5. `claiming.rs`: claim the heads whose slots are near.
//! 6. Wait for the next event in flight, or for the next upkeep.
//!
//! Claimed messages depart in their slots whatever the slice waits for: see `in_flight`.

mod claiming;
mod due;
mod ending;
mod heads;
mod lane;
mod reclassify;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use self::claiming::{Claiming, claim_ahead, departures_within};
use self::due::DueMessages;
pub(super) use self::ending::Ending;
use self::ending::Stop;
use self::heads::Heads;
use self::lane::Lane;
use self::reclassify::reclassify;
use super::dependencies::Sender;
use super::hours::CurrentHours;
use super::in_flight::InFlight;
use super::lease::HeldLease;
use super::retry::PAUSE_AFTER_FAILURE;
use crate::domain::duration::{duration_of_us, millis, timestamp_of_us};
use crate::domain::{Channel, Event};
use crate::ports::{PortError, Provider, Readiness};
use crate::use_cases::apply::Apply;
use crate::use_cases::catalog_cache::CatalogCache;

/// How long a template, or the stack's hours, count as present after they were read.
const PRESENT_FOR: Duration = Duration::from_secs(1);
/// How often the lane's window classes are read again.
const READ_CLASSES_EVERY: Duration = Duration::from_secs(1);
/// How often the messages of all closed classes are reviewed.
const REVIEW_EVERY: Duration = Duration::from_secs(15);
/// How soon a review goes on while it has not covered all closed classes.
const CONTINUE_REVIEW_AFTER: Duration = Duration::from_millis(100);
/// Messages of each closed class that one review looks at.
const REVIEW_PAGE: usize = 32;
/// Messages that are moved before the slice does its other upkeep.
const MOVED_AT_ONCE: usize = 16;
/// Added to each page of heads: the index may still show messages that have departed.
const PAGE_MARGIN: usize = 5;

/// One slice of one lane.
pub(super) struct Slice<'a> {
    sender: &'a Sender,
    apply: Apply,
    provider: Arc<dyn Provider>,
    hours: Arc<CurrentHours>,
    lane: Lane<'a>,
    due: DueMessages,
    heads: Heads,
    claiming: Claiming<'a>,
    ends_at: Instant,
    next_classes_read_at: Instant,
    next_review_at: Instant,
    last_work_at: Instant,
}

impl<'a> Slice<'a> {
    pub(super) fn new(
        sender: &'a Sender,
        channel: Channel,
        held: HeldLease,
        provider: Arc<dyn Provider>,
        ends_at: Instant,
    ) -> Self {
        let now = Instant::now();
        let apply = sender.apply_within_lane(&channel.name);
        let catalog = CatalogCache::limited(Arc::clone(&sender.catalog), PRESENT_FOR);
        let catalog = Arc::new(catalog);
        let hours = Arc::new(CurrentHours::new(Arc::clone(&catalog)));
        Self {
            sender,
            due: DueMessages::new(&channel.name, now),
            heads: Heads::new(&channel.name),
            claiming: Claiming {
                sender,
                apply: apply.clone(),
                hours: Arc::clone(&hours),
                catalog,
                provider: Arc::clone(&provider),
                fence: held.lease.fence,
            },
            lane: Lane::new(sender, channel, held, now),
            apply,
            provider,
            hours,
            ends_at,
            next_classes_read_at: now,
            next_review_at: now,
            last_work_at: now,
        }
    }

    /// Works until the slice ends. Claimed messages that have not departed by then are put back.
    pub(super) async fn run(mut self, in_flight: &mut InFlight) -> Result<Ending, PortError> {
        let ended = self.run_rounds(in_flight).await;
        in_flight.put_back_ready();
        ended
    }

    /// A failing database costs no more than the time for which it fails. Claimed messages depart
    /// as long as the lease lets them, and everything else is tried again.
    async fn run_rounds(&mut self, in_flight: &mut InFlight) -> Result<Ending, PortError> {
        loop {
            self.apply_completions(in_flight);
            match self.go_round(in_flight).await {
                Ok(()) => {}
                Err(Stop::Ended(ending)) => return Ok(ending),
                Err(Stop::Failed(error @ PortError::Unavailable { .. }))
                    if self.lane.may_hold_lease() =>
                {
                    tracing::warn!(
                        channel = %self.lane.channel.name,
                        %error,
                        "a request failed: the slice continues after a pause"
                    );
                    self.last_work_at = Instant::now();
                    in_flight.drive_until(tokio::time::sleep(PAUSE_AFTER_FAILURE)).await;
                }
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
    }

    async fn go_round(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        self.end_if_over(in_flight)?;
        self.renew_lease_and_reread_channel(in_flight).await?;
        self.queue_due_messages(in_flight).await?;
        self.read_heads(in_flight).await?;
        self.review_closed_classes(in_flight).await?;
        let wake_at = if self.has_messages_to_send(in_flight) {
            self.claim_heads_when_prepared(in_flight).await?
        } else {
            self.end_if_idle(in_flight)?;
            self.next_upkeep_at()
        };
        in_flight.next_event_or(tokio::time::sleep_until(wake_at)).await;
        Ok(())
    }

    /// Messages that are in the agenda again are read again; a new pause is saved with the lease.
    fn apply_completions(&mut self, in_flight: &mut InFlight) {
        if in_flight.pacing.take_new_pause() {
            // Saved now, a crash of this sender cannot lose the pause.
            self.lane.renew_soon();
        }
        for completion in in_flight.take_completions() {
            self.last_work_at = Instant::now();
            if let Some(key) = completion.requeued {
                self.heads.requeued(&key);
            }
            if let Some(due_ms) = completion.due_ms {
                self.due.expect(due_ms);
            }
        }
    }

    fn end_if_over(&self, in_flight: &InFlight) -> Result<(), Stop> {
        if Instant::now() < self.ends_at {
            return Ok(());
        }
        let ending = if self.has_work(in_flight) { Ending::SliceOver } else { Ending::Idle };
        Err(Stop::Ended(ending))
    }

    /// Keeps the lease, and follows changes that operators make to the channel.
    async fn renew_lease_and_reread_channel(
        &mut self,
        in_flight: &mut InFlight,
    ) -> Result<(), Stop> {
        self.lane.keep_lease(in_flight).await?;
        let now = Instant::now();
        let hours_changed = self.lane.follow_channel(now, in_flight).await?;
        if hours_changed {
            self.heads.restart_review();
            self.next_review_at = now;
        }
        Ok(())
    }

    async fn queue_due_messages(&mut self, in_flight: &mut InFlight) -> Result<(), PortError> {
        let Some(page) = self.due.read(self.sender, in_flight).await? else { return Ok(()) };
        let event = Event::DueChecked { at_ms: page.read_at_ms };
        for messages in page.due().chunks(MOVED_AT_ONCE) {
            let mut moved = Vec::new();
            in_flight.drive_until(self.apply.apply_all(messages, &event, &mut moved)).await?;
            self.keep_claiming(in_flight);
        }
        if !page.due().is_empty() {
            self.heads.read_all_next();
        }
        self.due.queued(&page);
        Ok(())
    }

    /// Reads the heads of the queue again when it is time: a real-time message must not wait behind
    /// a page that was read before it was queued.
    async fn read_heads(&mut self, in_flight: &mut InFlight) -> Result<(), PortError> {
        let sender = self.sender;
        let channel = &self.lane.channel;
        let at = Instant::now();
        if at >= self.next_classes_read_at {
            self.next_classes_read_at = at + READ_CLASSES_EVERY;
            let classes = in_flight.drive_until(sender.classes.classes(&channel.name)).await?;
            self.heads.add_classes(classes);
        }
        let now = self.now();
        if self.heads.next_read_at(now).is_none_or(|read_at| read_at > Instant::now()) {
            return Ok(());
        }
        // A page holds the messages that can be claimed before the next read.
        let ahead = claim_ahead(in_flight);
        let page_size = |every: Duration| departures_within(every + ahead, channel) + PAGE_MARGIN;
        let read_every = sender.settings.read_heads_every;
        let reading = self.heads.read(&*sender.agenda, now, read_every, page_size);
        in_flight.drive_until(reading).await
    }

    /// Looks at the messages of closed window classes when it is time, and moves those whose hours
    /// have changed.
    async fn review_closed_classes(&mut self, in_flight: &mut InFlight) -> Result<(), Stop> {
        let at = Instant::now();
        if at < self.next_review_at {
            return Ok(());
        }
        let now = self.now();
        let reviewing = self.heads.review_closed(&*self.sender.agenda, now, REVIEW_PAGE);
        let Some(entries) = in_flight.drive_until(reviewing).await? else {
            self.next_review_at = at + REVIEW_EVERY;
            return Ok(());
        };
        self.next_review_at = at + CONTINUE_REVIEW_AFTER;
        let mut moved = 0;
        // Every message is checked: messages of several templates may be in one class.
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
                moved += usize::from(has_moved?);
            }
            self.keep_claiming(in_flight);
        }
        if moved > 0 {
            tracing::info!(
                channel = %self.lane.channel.name,
                moved,
                "messages of closed window classes were moved: their hours have changed"
            );
            self.heads.repeat_review();
            self.next_classes_read_at = at;
            self.heads.read_all_next();
        }
        Ok(())
    }

    /// Whether a head can be claimed, or a claimed message waits for its slot.
    fn has_messages_to_send(&self, in_flight: &InFlight) -> bool {
        !self.heads.is_empty(self.now()) || in_flight.not_departed_count() > 0
    }

    /// Claims the heads whose slots are near, once the provider is prepared. Returns when to go on.
    async fn claim_heads_when_prepared(
        &mut self,
        in_flight: &mut InFlight,
    ) -> Result<Instant, PortError> {
        self.last_work_at = Instant::now();
        if self.is_prepared(in_flight).await? {
            in_flight.ready.open();
            self.claim_heads(in_flight);
        } else {
            in_flight.ready.close();
        }
        let next_claim_at = self.claiming.next_claim_at(&self.lane.channel, in_flight);
        let next_upkeep_at = self.next_upkeep_at();
        Ok(next_claim_at.map_or(next_upkeep_at, |claim_at| claim_at.min(next_upkeep_at)))
    }

    /// Whether the provider is ready for messages. If sending needs another request first, such as
    /// fetching a token, makes that request in the next slot, since the provider counts it.
    async fn is_prepared(&self, in_flight: &mut InFlight) -> Result<bool, PortError> {
        let now_ms = self.sender.clock.now_ms();
        match in_flight.drive_until(self.provider.readiness(now_ms)).await? {
            Readiness::Ready => return Ok(true),
            Readiness::NeedsPreparation => {}
        }
        // A process that was frozen meanwhile has to renew its lease first.
        let may_send = !in_flight.ready.is_lease_over();
        if may_send && in_flight.pacing.until_slot().is_some_and(|wait| wait.is_zero()) {
            // Claimed messages wait: they could not be sent.
            in_flight.ready.close();
            let request = self.provider.prepare();
            let (prepared, departure) = in_flight.make_token_request(request).await;
            if let Err(error) = prepared {
                tracing::error!(
                    channel = %self.lane.channel.name,
                    %error,
                    "the channel cannot send for now"
                );
                in_flight.pacing.apply_advice(error.advice, departure);
                in_flight.figures.token_request_failed(error.outcome);
            }
        }
        Ok(false)
    }

    /// Claims heads between two steps of longer work: messages that depart meanwhile need
    /// successors.
    fn keep_claiming(&mut self, in_flight: &mut InFlight) {
        if in_flight.ready.is_open() {
            self.claim_heads(in_flight);
        }
    }

    fn claim_heads(&mut self, in_flight: &mut InFlight) {
        self.claiming.claim_heads(&mut self.heads, &self.lane.channel, in_flight);
    }

    /// Ends the slice when it has had no work for a while.
    fn end_if_idle(&self, in_flight: &InFlight) -> Result<(), Stop> {
        let is_idle = !self.has_work(in_flight)
            && self.heads.has_reviewed_all()
            && self.last_work_at.elapsed() >= self.sender.settings.idle_timeout;
        if is_idle { Err(Stop::Ended(Ending::Idle)) } else { Ok(()) }
    }

    /// Whether messages are queued or in flight, come due soon, or are in a class that opens soon.
    /// Soon means within this slice. At its end it means what a successor would wait for.
    fn has_work(&self, in_flight: &InFlight) -> bool {
        let now = self.now();
        let left = self.ends_at.saturating_duration_since(Instant::now());
        let soon_ms = now.as_millisecond() + millis(left.max(self.sender.settings.idle_timeout));
        let opens_soon =
            self.heads.next_opening(now).is_some_and(|at| at.as_millisecond() <= soon_ms);
        !self.heads.is_empty(now)
            || in_flight.not_departed_count() > 0
            || in_flight.unrecorded_count() > 0
            || self.due.is_due_by(soon_ms)
            || opens_soon
    }

    /// When the slice has something to do besides claiming.
    fn next_upkeep_at(&self) -> Instant {
        let now = self.now();
        let next_heads_read_at = self.heads.next_read_at(now).unwrap_or(self.ends_at);
        let until_opening = self.heads.next_opening(now).map_or(Duration::MAX, |at| {
            duration_of_us(i64::try_from(at.duration_since(now).as_micros()).unwrap_or(0))
        });
        let opens_at = Instant::now().checked_add(until_opening).unwrap_or(self.ends_at);
        [
            self.lane.next_upkeep_at(),
            self.due.next_read_at(),
            self.next_classes_read_at,
            self.next_review_at,
            next_heads_read_at,
            opens_at,
        ]
        .into_iter()
        .fold(self.ends_at, Instant::min)
    }

    fn now(&self) -> Timestamp {
        timestamp_of_us(self.sender.clock.now_us())
    }
}
