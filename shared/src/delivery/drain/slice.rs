//! The loop of one slice: look after the lane, claim a little ahead, let one leave in each slot.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;

use super::departure::Departure;
use super::under_way::{Claimed, UnderWay};
use super::{Drain, DrainReport, Held, millis};
use crate::delivery::{Applied, Apply};
use crate::domain::agenda::{due_partition, ready_partition, time_in};
use crate::domain::pacer::{DepartureNumber, Slot};
use crate::domain::{Channel, Event, Notification, Pacer, Refused, Status, WindowClass};
use crate::ports::{AgendaEntry, LaneAdvice, PortError, Provider, Readiness, Saved};

/// How long an entry that is dealt with is remembered, in case the index still shows it.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Claims are made this long before their slot at least, and at most: what is claimed cannot be
/// overtaken, and what is not claimed in time misses its slot.
const CLAIM_AHEAD: [Duration; 2] = [Duration::from_millis(40), Duration::from_millis(500)];
/// How often waiting messages are looked at, when none is known to come due earlier.
const DUE_EVERY: Duration = Duration::from_millis(500);
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
    due_at: Instant,
    heads: VecDeque<AgendaEntry>,
    /// Entries that are dealt with, though the index may show them for a while.
    done: HashMap<String, Instant>,
    /// Claimed, and waiting for their slots.
    ready: VecDeque<Departure>,
    /// How long claims take, lately.
    claim_time: Duration,
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
            due_at: now,
            heads: VecDeque::new(),
            done: HashMap::new(),
            ready: VecDeque::new(),
            claim_time: CLAIM_AHEAD[0] / 2,
            next_due_ms: None,
            last_work_at: now,
            drain,
            channel,
            provider,
            held,
        }
    }

    /// Works until the slice ends. What is claimed and has not left by then is given back.
    pub(super) async fn run(
        mut self,
        pacer: &mut Pacer,
        under_way: &mut UnderWay,
        report: &mut DrainReport,
    ) -> Result<Ending, PortError> {
        let ending = self.work(pacer, under_way, report).await;
        self.heed_landed(pacer, under_way);
        for departure in self.ready {
            under_way.put_back(departure);
        }
        ending
    }

    async fn work(
        &mut self,
        pacer: &mut Pacer,
        under_way: &mut UnderWay,
        report: &mut DrainReport,
    ) -> Result<Ending, PortError> {
        loop {
            self.heed_landed(pacer, under_way);
            self.heed_claimed(under_way)?;
            if Instant::now() >= self.ends_at {
                return Ok(Ending::SliceOver);
            }
            if let Some(ending) = self.keep_lease(pacer, under_way).await? {
                return Ok(ending);
            }
            if let Some(ending) = self.reread_channel(pacer, under_way).await? {
                return Ok(ending);
            }
            self.queue_due(under_way).await?;
            self.read_heads(under_way).await?;
            if self.heads.is_empty() && self.ready.is_empty() && under_way.claims() == 0 {
                if self.is_idle(under_way) {
                    return Ok(Ending::Idle);
                }
                under_way.next_or(tokio::time::sleep_until(self.next_duty())).await;
                continue;
            }
            self.last_work_at = Instant::now();
            if self.is_prepared(pacer, under_way).await? {
                self.start_claims(pacer, under_way);
                self.let_one_leave(pacer, under_way, report);
            }
            let wake_at = self.next_step(pacer).min(self.next_duty());
            under_way.next_or(tokio::time::sleep_until(wake_at)).await;
        }
    }

    /// What landed may ask for a pause, or be in the queue again.
    fn heed_landed(&mut self, pacer: &mut Pacer, under_way: &mut UnderWay) {
        for landed in under_way.take_landed() {
            self.last_work_at = Instant::now();
            if let Some((number, at_us)) = landed.answered {
                pacer.answered(number, at_us);
            }
            self.heed_advice(landed.advice, landed.answered.map(|(number, _)| number), pacer);
            if let Some(sort) = landed.requeued {
                self.done.remove(&sort);
                // It may come before what was read since.
                self.head_at = Instant::now();
            }
            if let Some(due_ms) = landed.due_ms {
                self.next_due_ms = Some(self.next_due_ms.map_or(due_ms, |next| next.min(due_ms)));
            }
        }
    }

    fn heed_advice(
        &self,
        advice: LaneAdvice,
        departure: Option<DepartureNumber>,
        pacer: &mut Pacer,
    ) {
        let pause = match advice {
            LaneAdvice::GoOn => return,
            LaneAdvice::HoldFor(pause) | LaneAdvice::SlowDown(pause) => pause,
        };
        let slower = matches!(advice, LaneAdvice::SlowDown(_));
        tracing::warn!(channel = %self.channel.name, hold_ms = millis(pause), slower, "the provider asked for a pause");
        let until_us = self.drain.clock.now_us() + 1000 * millis(pause);
        match departure {
            Some(departure) if slower => pacer.refused(departure, until_us),
            Some(_) | None => pacer.hold(until_us),
        }
    }

    /// What is claimed waits for its slot.
    fn heed_claimed(&mut self, under_way: &mut UnderWay) -> Result<(), PortError> {
        for claimed in under_way.take_claimed() {
            if let Some(departure) = claimed? {
                // A moving average: one slow claim must not look like a slow database.
                self.claim_time = (self.claim_time * 7 + departure.claimed_at.elapsed()) / 8;
                self.ready.push_back(departure);
            }
        }
        Ok(())
    }

    async fn keep_lease(
        &mut self,
        pacer: &Pacer,
        under_way: &mut UnderWay,
    ) -> Result<Option<Ending>, PortError> {
        let now = Instant::now();
        if now < self.renew_at {
            return Ok(None);
        }
        let lanes = &self.drain.lanes;
        let until_ms = self.drain.clock.now_ms() + millis(self.drain.settings.lease);
        let renewal = lanes.renew(&self.held.lease, pacer.position(), until_ms);
        match under_way.alongside(renewal).await? {
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
        under_way: &mut UnderWay,
    ) -> Result<Option<Ending>, PortError> {
        let now = Instant::now();
        if now < self.channel_at {
            return Ok(None);
        }
        self.channel_at = now + self.drain.settings.channel_every;
        let reading = self.drain.catalog.channel(&self.channel.name);
        match under_way.alongside(reading).await? {
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

    /// Queues what has come due.
    async fn queue_due(&mut self, under_way: &mut UnderWay) -> Result<(), PortError> {
        let now = Instant::now();
        let now_ms = self.drain.clock.now_ms();
        if now < self.due_at && self.next_due_ms.is_none_or(|due_ms| due_ms > now_ms) {
            return Ok(());
        }
        self.due_at = now + DUE_EVERY;
        let partition = due_partition(&self.channel.name);
        let reading = self.drain.agenda.entries(&partition, None, None, DUE_PAGE);
        let waiting = under_way.alongside(reading).await?;
        let is_due = |entry: &AgendaEntry| time_in(&entry.sort).is_some_and(|at| at <= now_ms);
        let due = waiting.partition_point(is_due);
        if due > 0 {
            let event = Event::CameDue { at_ms: now_ms };
            under_way.alongside(self.apply.apply_all(&waiting[..due], &event)).await?;
            self.head_at = Instant::now();
        }
        self.next_due_ms = waiting.get(due).and_then(|entry| time_in(&entry.sort));
        Ok(())
    }

    /// Reads the head of the queue again when its time has come: a real-time message must not
    /// wait behind a page that was read before it came.
    async fn read_heads(&mut self, under_way: &mut UnderWay) -> Result<(), PortError> {
        let now = Instant::now();
        if now < self.head_at {
            return Ok(());
        }
        let drain = self.drain;
        let every = drain.settings.head_every;
        self.head_at = now + every;
        self.done.retain(|_, since| now.duration_since(*since) < REMEMBERED);

        // What can leave until the next reading, and what the index may still show of what left.
        let reach = (every + self.claim_ahead()).as_secs_f64();
        let limit = whole(reach * f64::from(self.channel.limit.per_second)) + 5;
        let partition = ready_partition(&self.channel.name, &WindowClass::EXEMPT);
        let mut heads: VecDeque<AgendaEntry> = VecDeque::new();
        let mut from: Option<String> = None;
        loop {
            let reading = drain.agenda.entries(&partition, from.as_deref(), None, limit);
            let page = under_way.alongside(reading).await?;
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

    /// Nothing is queued, under way, or due within this slice, and has not been for a while.
    fn is_idle(&self, under_way: &UnderWay) -> bool {
        let left_ms = millis(self.ends_at.saturating_duration_since(Instant::now()));
        let is_due_soon =
            self.next_due_ms.is_some_and(|at_ms| at_ms <= self.drain.clock.now_ms() + left_ms);
        under_way.requests() == 0
            && !is_due_soon
            && self.last_work_at.elapsed() >= self.drain.settings.linger
    }

    /// Whether messages can be sent; if something has to be fetched first, fetches it in the next
    /// slot, since the provider counts it.
    async fn is_prepared(
        &mut self,
        pacer: &mut Pacer,
        under_way: &mut UnderWay,
    ) -> Result<bool, PortError> {
        let now_ms = self.drain.clock.now_ms();
        let readiness = under_way.alongside(self.provider.readiness(now_ms)).await?;
        match readiness {
            Readiness::Ready => return Ok(true),
            Readiness::NeedsPreparation => {}
        }
        if self.until_slot(pacer).is_some_and(|wait| wait.is_zero()) {
            let number = pacer.depart(self.drain.clock.now_us());
            if let Err(error) = under_way.alongside(self.provider.prepare()).await {
                tracing::error!(channel = %self.channel.name, %error, "the channel cannot send for now");
                self.heed_advice(error.advice, Some(number), pacer);
            }
            pacer.answered(number, self.drain.clock.now_us());
        }
        Ok(false)
    }

    /// Claims the heads whose slots are near.
    fn start_claims(&mut self, pacer: &Pacer, under_way: &mut UnderWay) {
        let spacing = micros(pacer.spacing_us());
        while let Some(until_slot) = self.until_slot(pacer) {
            let ahead = self.ready.len() + under_way.claims();
            let wait = until_slot + spacing * u32::try_from(ahead).unwrap_or(u32::MAX);
            if wait > self.claim_ahead() || under_way.requests() + ahead >= self.requests_max() {
                return;
            }
            let Some(head) = self.heads.pop_front() else { return };
            under_way.claim(self.claim(&head).boxed());
            self.done.insert(head.sort, Instant::now());
        }
    }

    /// Lets the first that is claimed leave when its slot has come, and gives it back when that
    /// comes too late.
    fn let_one_leave(
        &mut self,
        pacer: &mut Pacer,
        under_way: &mut UnderWay,
        report: &mut DrainReport,
    ) {
        let Some(mut departure) = self.ready.pop_front() else { return };
        departure.leave_by = departure.leave_by.min(self.lease_ends());
        match self.until_slot(pacer) {
            // The departure itself takes the last look at the time.
            Some(Duration::ZERO) => {
                departure.number = Some(pacer.depart(self.drain.clock.now_us()));
                report.departures += 1;
                under_way.leave(departure);
            }
            Some(wait) if Instant::now() + wait < departure.leave_by => {
                self.ready.push_front(departure);
            }
            Some(_) | None => under_way.put_back(departure),
        }
    }

    /// How long until the next slot; nothing when it is free already, `None` while only an answer
    /// can free it.
    fn until_slot(&self, pacer: &Pacer) -> Option<Duration> {
        match pacer.next() {
            Slot::At(at_us) => Some(micros(at_us - self.drain.clock.now_us())),
            Slot::AfterAnswer => None,
        }
    }

    /// When something can be claimed or leave.
    fn next_step(&self, pacer: &Pacer) -> Instant {
        let now = Instant::now();
        let Some(wait) = self.until_slot(pacer) else { return self.next_duty() };
        if self.ready.is_empty() {
            now + wait.saturating_sub(self.claim_ahead())
        } else {
            now + wait
        }
        // Never at once: whatever can be done now has been done.
        .max(now + Duration::from_micros(500))
    }

    /// When the lane has to be looked after.
    fn next_duty(&self) -> Instant {
        self.ends_at.min(self.renew_at).min(self.channel_at).min(self.head_at).min(self.due_at)
    }

    fn claim_ahead(&self) -> Duration {
        (self.claim_time * 2).clamp(CLAIM_AHEAD[0], CLAIM_AHEAD[1])
    }

    /// More requests than this would only pile up at a provider that has become slow.
    fn requests_max(&self) -> usize {
        let total_s = self.provider.total_timeout().as_secs_f64();
        let by_rate = whole(f64::from(self.channel.limit.per_second) * total_s);
        by_rate.clamp(1, self.drain.settings.in_flight_max)
    }

    /// Nothing leaves after this under the lease as it stands.
    fn lease_ends(&self) -> Instant {
        let margin = self.drain.settings.lease_left_min;
        self.held.until.checked_sub(margin).unwrap_or(self.held.until)
    }

    /// Claims the head, unless it is not what the index said any more.
    fn claim(&self, head: &AgendaEntry) -> impl Future<Output = Claimed> + use<> {
        let claimed_at = Instant::now();
        let id = head.id.clone();
        let apply = self.apply.clone();
        let clock = Arc::clone(&self.drain.clock);
        let fence = self.held.lease.fence;
        let confirm_within_ms = self.channel.confirm_within_ms();
        let departure = {
            let policy = self.channel.policy();
            let jitter_permille = self.drain.entropy.permille();
            let claim_age_max = self.drain.settings.claim_age_max;
            let provider = Arc::clone(&self.provider);
            let (apply, clock) = (apply.clone(), Arc::clone(&clock));
            move |notification: Notification, at_ms: i64| {
                let expires = notification
                    .expires_at_ms
                    .map_or(claim_age_max, |expires_at_ms| micros(1000 * (expires_at_ms - at_ms)));
                Departure {
                    notification,
                    policy,
                    jitter_permille,
                    claimed_at,
                    leave_by: claimed_at + claim_age_max.min(expires),
                    number: None,
                    provider,
                    apply,
                    clock,
                }
            }
        };
        async move {
            let at_ms = clock.now_ms();
            let event = Event::Claimed { at_ms, fence, confirm_within_ms };
            let applied = match apply.apply(&id, &event).await {
                // Trying again would not help, and what is behind it must not wait for it.
                Err(PortError::Corrupt { what, detail }) => {
                    tracing::error!(notification = %id, what, detail, "cannot be claimed");
                    return Ok(None);
                }
                applied => applied?,
            };
            match applied {
                Applied::Moved(claimed) => match claimed.status {
                    Status::Sending => Ok(Some(departure(*claimed, at_ms))),
                    // It had been sent too often to be sent again.
                    Status::Failed
                    | Status::Blocked
                    | Status::Deferred
                    | Status::Queued
                    | Status::Accepted
                    | Status::Unknown
                    | Status::Unconfirmed
                    | Status::Cancelled
                    | Status::Expired
                    | Status::Delivered => Ok(None),
                },
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
}

/// Microseconds as a duration; nothing for what lies in the past.
fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few thousand at most, and never negative"
)]
fn whole(count: f64) -> usize {
    count.ceil() as usize
}
