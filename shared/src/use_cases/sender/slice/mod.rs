//! Step 3 of a drain: one slice of the lane's work.
//!
//! Each round, top to bottom ([`Slice::go_round`]):
//!
//! 1. `lane.rs`: renew the lease, and read the channel's configuration again.
//! 2. `due.rs`: queue the messages whose time has come.
//! 3. `reading.rs`: read the heads of the queue (`heads.rs`).
//! 4. `review.rs`: move messages of closed window classes whose hours have changed.
//! 5. `asking.rs`: ask about a message whose receipt has not come.
//! 6. `claiming.rs`: claim the heads whose slots are near, once the provider is prepared for messages
//!    (`preparing.rs`). Just before each claim, real-time messages are read again (`real_time.rs`).
//! 7. Wait for the next event in flight, or for the next upkeep.
//!
//! While the circuit is open, step 1 is followed by `probing.rs` instead.
//!
//! Claimed messages depart in their slots whatever the slice waits for: see `in_flight`.

mod asking;
mod claiming;
mod due;
mod ending;
mod heads;
mod lane;
mod preparing;
mod probe_progress;
mod probing;
mod reading;
mod real_time;
mod reclassify;
mod review;
mod review_progress;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use self::asking::Asking;
use self::claiming::Claiming;
use self::due::DueMessages;
pub(super) use self::ending::Ending;
use self::ending::Stop;
use self::heads::Heads;
use self::lane::Lane;
use self::probe_progress::Probing;
use self::real_time::RealTimeRead;
use self::review_progress::Review;
use super::dependencies::Sender;
use super::in_flight::InFlight;
use super::lease::HeldLease;
use super::retry::PAUSE_AFTER_FAILURE;
use crate::domain::agenda::agenda_key;
use crate::domain::duration::{duration_of_us, millis, timestamp_of_us};
use crate::domain::{Channel, Event};
use crate::ports::{PortError, Provider};
use crate::use_cases::apply::Apply;
use crate::use_cases::catalog_cache::CatalogCache;
use crate::use_cases::current_hours::CurrentHours;

/// How long a template, or the stack's hours, count as present after they were read.
const PRESENT_FOR: Duration = Duration::from_secs(1);
/// Due messages that are queued before the slice claims again.
const QUEUED_AT_ONCE: usize = 16;

/// One slice of one lane.
pub(super) struct Slice<'a> {
    sender: &'a Sender,
    apply: Apply,
    provider: Arc<dyn Provider>,
    hours: Arc<CurrentHours>,
    lane: Lane<'a>,
    due: DueMessages,
    heads: Heads,
    real_time: RealTimeRead,
    review: Review,
    claiming: Claiming<'a>,
    asking: Asking,
    probing: Probing,
    ends_at: Instant,
    next_classes_read_at: Instant,
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
            real_time: RealTimeRead::new(&channel.name),
            review: Review::new(now),
            claiming: Claiming {
                sender,
                apply: apply.clone(),
                hours: Arc::clone(&hours),
                catalog,
                provider: Arc::clone(&provider),
                fence: held.lease.fence,
            },
            asking: Asking::new(&channel.name, now),
            probing: Probing::default(),
            lane: Lane::new(sender, channel, held, now),
            apply,
            provider,
            hours,
            ends_at,
            next_classes_read_at: now,
            last_work_at: now,
        }
    }

    /// Works until the slice ends. Claimed messages that have not departed by then are put back.
    pub(super) async fn run(mut self, in_flight: &mut InFlight) -> Result<Ending, PortError> {
        let ended = self.run_rounds(in_flight).await;
        in_flight.put_back_ready();
        if ended.is_ok() {
            self.save_review_position(in_flight).await;
        }
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
                Err(Stop::Failed(
                    error @ (PortError::Unavailable { .. } | PortError::Throttled { .. }),
                )) if self.lane.may_hold_lease() => {
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
        self.add_real_time();
        self.renew_lease_and_reread_channel(in_flight).await?;
        if in_flight.pacing.is_circuit_open() {
            return self.probe_when_due(in_flight).await;
        }
        end_if_paused(in_flight)?;
        self.keep_claiming(in_flight);
        self.queue_due_messages(in_flight).await?;
        self.keep_claiming(in_flight);
        self.read_classes(in_flight).await?;
        self.read_heads(in_flight).await?;
        self.review_closed_classes(in_flight).await?;
        self.ask_when_due(in_flight).await?;
        let wake_at = if self.has_messages_to_send(in_flight) {
            self.claim_heads_when_prepared(in_flight).await?
        } else {
            self.end_if_idle(in_flight)?;
            self.next_upkeep_at()
        };
        let timer = tokio::time::sleep_until(wake_at);
        in_flight.next_event_or(self.real_time.ended_or(timer)).await;
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
        let is_open = in_flight.pacing.is_circuit_open();
        // While the circuit is open, the successor has to know how the last requests ended.
        if Instant::now() < self.ends_at || (is_open && !in_flight.is_empty()) {
            return Ok(());
        }
        let goes_on =
            is_open || self.has_work(in_flight) || !self.heads.were_read_just_now(self.now());
        Err(Stop::Ended(if goes_on { Ending::SliceOver } else { Ending::Idle }))
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
            self.review.restart();
        }
        Ok(())
    }

    async fn queue_due_messages(&mut self, in_flight: &mut InFlight) -> Result<(), PortError> {
        let Some(page) = self.due.read(self.sender, in_flight).await? else { return Ok(()) };
        let event = Event::DueChecked { at_ms: page.read_at_ms };
        for messages in page.due().chunks(QUEUED_AT_ONCE) {
            let mut moved = Vec::new();
            let queueing = self.apply.apply_all(messages, &event, &mut moved);
            let queued = in_flight.drive_until(queueing).await;
            for key in moved.iter().filter_map(agenda_key) {
                self.heads.requeued(&key);
            }
            queued?;
            self.keep_claiming(in_flight);
        }
        self.due.queued(&page);
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
        let next_read_at =
            next_claim_at.and_then(|claim_at| self.read_real_time_before(claim_at, in_flight));
        let next = next_claim_at.into_iter().chain(next_read_at);
        Ok(next.fold(self.next_upkeep_at(), Instant::min))
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

    /// Ends the slice when it has had no work for a while, and a last look at every open class has
    /// found none.
    fn end_if_idle(&mut self, in_flight: &InFlight) -> Result<(), Stop> {
        let is_idle = !self.has_work(in_flight)
            && self.review.has_ended()
            && self.last_work_at.elapsed() >= self.sender.settings.idle_timeout;
        if is_idle && self.heads.were_read_just_now(self.now()) {
            return Err(Stop::Ended(Ending::Idle));
        }
        if is_idle {
            self.heads.read_stale_next();
        }
        Ok(())
    }

    /// Whether messages are queued or in flight, or [`Self::work_comes_soon`]. Soon means within this
    /// slice. At its end it means what a successor would wait for.
    fn has_work(&self, in_flight: &InFlight) -> bool {
        !self.heads.is_empty(self.now())
            || in_flight.not_departed_count() > 0
            || in_flight.unrecorded_count() > 0
            || self.work_comes_soon()
    }

    /// Whether messages come due soon, or are in a class that opens soon.
    fn work_comes_soon(&self) -> bool {
        let now = self.now();
        let left = self.ends_at.saturating_duration_since(Instant::now());
        let soon_ms = now.as_millisecond() + millis(left.max(self.sender.settings.idle_timeout));
        let opening = self.heads.next_opening(now);
        self.due.is_due_by(soon_ms) || opening.is_some_and(|at| at.as_millisecond() <= soon_ms)
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
            self.review.next_at(),
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

/// Ends the drain during a long pause that the provider asked for, once nothing is in flight. No
/// sender has to wait for the pause's end.
fn end_if_paused(in_flight: &InFlight) -> Result<(), Stop> {
    let is_paused = in_flight.pacing.pause().is_some();
    if is_paused && in_flight.is_empty() { Err(Stop::Ended(Ending::MustWait)) } else { Ok(()) }
}
