//! The loop of one slice.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;

use super::departure::Departure;
use super::in_flight::InFlight;
use super::{Drain, DrainReport, Held, millis};
use crate::delivery::{Applied, Apply};
use crate::domain::agenda::{EXEMPT, due_partition, ready_partition, time_in};
use crate::domain::{Channel, Event, Notification, Pacer, Refused, Status};
use crate::ports::{AgendaEntry, PortError, Provider, Readiness, Saved};

/// How long an entry that is dealt with is remembered, in case the index still shows it.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Claims are made at most this long before their slot, so that they are young when it comes.
const CLAIM_AHEAD: Duration = Duration::from_millis(500);
/// Waiting messages that come due are queued this many at a time.
const DUE_PAGE: usize = 25;

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its time is over, and there may be more to do.
    SliceOver,
    /// There is nothing to do for now.
    Idle,
    /// The channel is paused or gone.
    Stopped,
    /// Somebody else has the lease.
    LeaseLost,
}

/// One slice of one lane.
pub(super) struct Slice<'a> {
    drain: &'a Drain,
    apply: Apply,
    channel: Channel,
    provider: Arc<dyn Provider>,
    held: Held,
    ends_at: Instant,
    renew_at: Instant,
    channel_at: Instant,
    head_at: Instant,
    heads: VecDeque<AgendaEntry>,
    /// Entries that are dealt with, though the index may show them for a while.
    done: HashMap<String, Instant>,
    /// When the next waiting message comes due, if one does.
    next_due_ms: Option<i64>,
    last_work_at: Instant,
}

impl<'a> Slice<'a> {
    pub(super) fn new(
        drain: &'a Drain,
        channel: Channel,
        held: Held,
        provider: Arc<dyn Provider>,
    ) -> Self {
        let now = Instant::now();
        Self {
            apply: drain.apply().within_lane(&channel.name),
            ends_at: now + drain.settings.slice,
            renew_at: now + drain.settings.renew_every,
            channel_at: now + drain.settings.channel_every,
            head_at: now,
            heads: VecDeque::new(),
            done: HashMap::new(),
            next_due_ms: None,
            last_work_at: now,
            drain,
            channel,
            provider,
            held,
        }
    }

    pub(super) async fn run(
        mut self,
        pacer: &mut Pacer,
        in_flight: &mut InFlight,
        report: &mut DrainReport,
    ) -> Result<Ending, PortError> {
        loop {
            self.heed_landed(pacer, in_flight);
            if Instant::now() >= self.ends_at {
                return Ok(Ending::SliceOver);
            }
            if let Some(ending) = self.keep_lease(pacer, in_flight).await? {
                return Ok(ending);
            }
            if let Some(ending) = self.reread_channel(pacer, in_flight).await? {
                return Ok(ending);
            }
            if in_flight.len() >= self.in_flight_max() {
                in_flight.next_or(tokio::time::sleep(self.drain.settings.head_every)).await;
                continue;
            }
            self.read_heads(in_flight).await?;
            let Some(head) = self.heads.pop_front() else {
                if self.is_idle(in_flight) {
                    return Ok(Ending::Idle);
                }
                in_flight.next_or(tokio::time::sleep(self.drain.settings.head_every)).await;
                continue;
            };
            self.last_work_at = Instant::now();
            if !self.slot_is_near(pacer, in_flight, CLAIM_AHEAD).await {
                self.heads.push_front(head);
                continue;
            }
            let now_ms = self.drain.clock.now_ms();
            if in_flight.alongside(self.provider.readiness(now_ms)).await?
                == Readiness::NeedsPreparation
            {
                self.heads.push_front(head);
                if self.slot_is_near(pacer, in_flight, Duration::ZERO).await {
                    self.prepare(pacer, in_flight).await;
                }
                continue;
            }
            self.done.insert(head.sort.clone(), Instant::now());
            let claimed_at = Instant::now();
            let claimed = in_flight.alongside(self.claim(&head)).await?;
            let Some(notification) = claimed else { continue };
            let departure = self.departure(notification, claimed_at);
            if self.slot_has_come(pacer, in_flight, departure.leave_by).await {
                pacer.depart(self.drain.clock.now_us());
                report.departures += 1;
                in_flight.push(departure.leave().boxed());
            } else {
                let landed = in_flight.alongside(departure.put_back()).await;
                if let Some(sort) = landed.requeued {
                    self.done.remove(&sort);
                }
            }
        }
    }

    /// What landed may ask for a pause, or be in the queue again.
    fn heed_landed(&mut self, pacer: &mut Pacer, in_flight: &mut InFlight) {
        for landed in in_flight.take_landed() {
            if let Some(pause) = landed.hold_for {
                let until_us = self.drain.clock.now_us() + 1000 * millis(pause);
                tracing::warn!(channel = %self.channel.name, hold_ms = millis(pause), "the provider asked for a pause");
                pacer.hold(until_us);
            }
            if let Some(sort) = landed.requeued {
                self.done.remove(&sort);
                // It may come before what was read since.
                self.head_at = Instant::now();
                self.last_work_at = Instant::now();
            }
        }
    }

    async fn keep_lease(
        &mut self,
        pacer: &Pacer,
        in_flight: &mut InFlight,
    ) -> Result<Option<Ending>, PortError> {
        let now = Instant::now();
        if now < self.renew_at {
            return Ok(None);
        }
        let lanes = &self.drain.lanes;
        let until_ms = self.drain.clock.now_ms() + millis(self.drain.settings.lease);
        let renewal = lanes.renew(&self.held.lease, pacer.position(), until_ms);
        match in_flight.alongside(renewal).await? {
            Saved::Done => {
                self.held.until = now + self.drain.settings.lease;
                self.renew_at = now + self.drain.settings.renew_every;
                Ok(None)
            }
            Saved::Lost => {
                tracing::warn!(channel = %self.channel.name, "the lease was taken over");
                Ok(Some(Ending::LeaseLost))
            }
        }
    }

    async fn reread_channel(
        &mut self,
        pacer: &mut Pacer,
        in_flight: &mut InFlight,
    ) -> Result<Option<Ending>, PortError> {
        let now = Instant::now();
        if now < self.channel_at {
            return Ok(None);
        }
        self.channel_at = now + self.drain.settings.channel_every;
        let reading = self.drain.catalog.channel(&self.channel.name);
        match in_flight.alongside(reading).await? {
            Some(channel) if !channel.paused => {
                if channel.limit != self.channel.limit {
                    pacer.set_limit(channel.limit);
                }
                // The rest of the configuration holds from the next slice on.
                self.channel.limit = channel.limit;
                Ok(None)
            }
            Some(_) | None => Ok(Some(Ending::Stopped)),
        }
    }

    /// More than this would only pile up at a provider that has become slow.
    fn in_flight_max(&self) -> usize {
        let total_s = self.provider.total_timeout().as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 300 a second times 15 seconds"
        )]
        let by_rate = (f64::from(self.channel.limit.per_second) * total_s).ceil() as usize;
        by_rate.clamp(1, self.drain.settings.in_flight_max)
    }

    /// Reads the head of the queue again when its time has come: a real-time message must not
    /// wait behind a page that was read before it came.
    async fn read_heads(&mut self, in_flight: &mut InFlight) -> Result<(), PortError> {
        let now = Instant::now();
        if now < self.head_at {
            return Ok(());
        }
        let drain = self.drain;
        let every = drain.settings.head_every;
        self.head_at = now + every;
        self.done.retain(|_, since| now.duration_since(*since) < REMEMBERED);

        let promoted = in_flight.alongside(self.promote_due()).await?;
        self.next_due_ms = promoted;

        // What can leave until the next reading, and what the index may still show of what left.
        let reach = every.as_secs_f64() * f64::from(self.channel.limit.per_second);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 300 a second times a fraction of a second"
        )]
        let limit = reach.ceil() as usize + 5;
        let partition = ready_partition(&self.channel.name, EXEMPT);
        let mut heads: VecDeque<AgendaEntry> = VecDeque::new();
        let mut from: Option<String> = None;
        loop {
            let reading = drain.agenda.entries(&partition, from.as_deref(), None, limit);
            let page = in_flight.alongside(reading).await?;
            let is_last = page.len() < limit;
            from = page.last().map(|last| format!("{}~", last.sort));
            heads.extend(page.into_iter().filter(|entry| !self.done.contains_key(&entry.sort)));
            // A page of nothing but entries that are dealt with hides what is behind it.
            if is_last || !heads.is_empty() {
                break;
            }
        }
        self.heads = heads;
        Ok(())
    }

    /// Queues what has come due. Answers with the time at which more will.
    fn promote_due(&self) -> impl Future<Output = Result<Option<i64>, PortError>> + use<'a> {
        let drain = self.drain;
        let apply = self.apply.clone();
        let partition = due_partition(&self.channel.name);
        async move {
            let waiting = drain.agenda.entries(&partition, None, None, DUE_PAGE).await?;
            let at_ms = drain.clock.now_ms();
            let is_due = |entry: &AgendaEntry| time_in(&entry.sort).is_some_and(|at| at <= at_ms);
            let due = waiting.partition_point(is_due);
            apply.apply_all(&waiting[..due], &Event::CameDue { at_ms }).await?;
            Ok(waiting.get(due).and_then(|entry| time_in(&entry.sort)))
        }
    }

    /// Nothing is queued, under way, or due within this slice, and has not been for a while.
    fn is_idle(&self, in_flight: &InFlight) -> bool {
        let left_ms = millis(self.ends_at.saturating_duration_since(Instant::now()));
        let is_due_soon =
            self.next_due_ms.is_some_and(|at_ms| at_ms <= self.drain.clock.now_ms() + left_ms);
        in_flight.len() == 0
            && !is_due_soon
            && self.last_work_at.elapsed() >= self.drain.settings.linger
    }

    /// Waits until `ahead` before the next slot. `false` when one of the lane's other duties comes
    /// first.
    async fn slot_is_near(
        &mut self,
        pacer: &mut Pacer,
        in_flight: &mut InFlight,
        ahead: Duration,
    ) -> bool {
        let duty = self.ends_at.min(self.renew_at).min(self.channel_at);
        loop {
            self.heed_landed(pacer, in_flight);
            if Instant::now() >= duty {
                return false;
            }
            let wait = self.until_slot(pacer).saturating_sub(ahead);
            if wait.is_zero() {
                return true;
            }
            let near = Instant::now() + wait;
            in_flight.next_or(tokio::time::sleep_until(near.min(duty))).await;
        }
    }

    /// Waits for the slot of a message that is claimed. `false` when it would have to leave too
    /// late, because the provider asked for a pause meanwhile.
    async fn slot_has_come(
        &mut self,
        pacer: &mut Pacer,
        in_flight: &mut InFlight,
        leave_by: Instant,
    ) -> bool {
        loop {
            self.heed_landed(pacer, in_flight);
            let wait = self.until_slot(pacer);
            let slot = Instant::now() + wait;
            if slot >= leave_by {
                return false;
            }
            if wait.is_zero() {
                return true;
            }
            in_flight.next_or(tokio::time::sleep_until(slot)).await;
        }
    }

    /// How long until the next slot; nothing when it is free already.
    fn until_slot(&self, pacer: &Pacer) -> Duration {
        let now_us = self.drain.clock.now_us();
        Duration::from_micros(u64::try_from(pacer.next_at_us(now_us) - now_us).unwrap_or(0))
    }

    /// When a claim made now must have left.
    fn leave_by(&self, claimed_at: Instant) -> Instant {
        let settings = &self.drain.settings;
        (claimed_at + settings.claim_age_max)
            .min(self.held.until.checked_sub(settings.lease_left_min).unwrap_or(claimed_at))
    }

    /// Fetches what sending needs first. It takes a slot, since the provider counts it.
    async fn prepare(&mut self, pacer: &mut Pacer, in_flight: &mut InFlight) {
        pacer.depart(self.drain.clock.now_us());
        if let Err(error) = in_flight.alongside(self.provider.prepare()).await {
            tracing::error!(channel = %self.channel.name, %error, "the channel cannot send for now");
            pacer.hold(self.drain.clock.now_us() + 1000 * millis(error.hold_for));
        }
    }

    /// Claims the head, unless it is not what the index said any more.
    fn claim(
        &self,
        head: &AgendaEntry,
    ) -> impl Future<Output = Result<Option<Notification>, PortError>> + use<'a> {
        let drain = self.drain;
        let apply = self.apply.clone();
        let fence = self.held.lease.fence;
        let confirm_within_ms = self.channel.confirm_within_ms();
        let id = head.id.clone();
        async move {
            let at_ms = drain.clock.now_ms();
            let event = Event::Claimed { at_ms, fence, confirm_within_ms };
            match apply.apply(&id, &event).await? {
                // Unless it had been claimed too often to be claimed again, and failed.
                Applied::Moved(claimed) => {
                    Ok((claimed.status == Status::Sending).then_some(*claimed))
                }
                Applied::Refused(late, Refused::TooLate) => {
                    apply.apply_to(*late, &Event::Expired { at_ms }).await?;
                    Ok(None)
                }
                Applied::Refused(
                    _,
                    Refused::Settled | Refused::NotYet | Refused::NoSuchAttempt,
                )
                | Applied::Missing => Ok(None),
            }
        }
    }

    fn departure(&self, notification: Notification, claimed_at: Instant) -> Departure {
        Departure {
            notification,
            policy: self.channel.policy(),
            jitter_permille: self.drain.entropy.permille(),
            leave_by: self.leave_by(claimed_at),
            provider: Arc::clone(&self.provider),
            apply: self.apply.clone(),
            clock: Arc::clone(&self.drain.clock),
        }
    }
}

impl Drain {
    pub(super) fn apply(&self) -> Apply {
        Apply::new(
            Arc::clone(&self.notifications),
            Arc::clone(&self.waker),
            Arc::clone(&self.clock),
        )
    }
}
