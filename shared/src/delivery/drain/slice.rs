//! The loop of one slice: look after the lane, claim a little ahead, let one leave in each slot.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::claim::Claim;
use super::heads::{Head, Heads};
use super::hours::CurrentHours;
use super::steady::{Moment, Term};
use super::traffic::{Claimed, Traffic};
use super::{AGAIN, Drain, Held, millis, timestamp};
use crate::delivery::{Applied, Apply};
use crate::domain::agenda::{due_partition, time_in};
use crate::domain::{Channel, Event};
use crate::ports::{AgendaEntry, PortError, Provider, Readiness, Saved};

/// Claims are made this long before their slot at least, and at most: what is claimed cannot be
/// overtaken, and what is not claimed in time misses its slot.
const CLAIM_AHEAD: [Duration; 2] = [Duration::from_millis(40), Duration::from_millis(500)];
/// How often waiting messages are looked at, when none is known to come due earlier.
const DUE_EVERY: Duration = Duration::from_millis(500);
/// Waiting messages that come due are queued this many at a time.
const DUE_PAGE: usize = 100;
/// How often the lane's window classes are read again.
const CLASSES_EVERY: Duration = Duration::from_secs(1);
/// How often closed classes are looked at, since their hours may have been changed; and how soon
/// again while not all have been.
const PEEK_EVERY: [Duration; 2] = [Duration::from_secs(15), Duration::from_millis(100)];
/// Messages of a closed class looked at in one go, and side by side.
const PEEK_PAGE: usize = 32;
const MOVED_AT_ONCE: usize = 16;

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
    due_at: Instant,
    /// After what the waiting messages are looked at next.
    due_from: Option<String>,
    classes_at: Instant,
    peek_at: Instant,
    hours: Arc<CurrentHours>,
    heads: Heads,
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
        ends_at: Instant,
    ) -> Self {
        let now = Instant::now();
        Self {
            apply: drain.apply().within_lane(&channel.name),
            ends_at,
            // From when the lease was asked for: a lost sender's claims were looked for since.
            renew_at: held.term.from.at + drain.settings.renew_every,
            // At once: it was read before the lease was waited for.
            channel_at: now,
            due_at: now,
            due_from: None,
            classes_at: now,
            peek_at: now,
            hours: Arc::new(CurrentHours::new(Arc::clone(&drain.catalog))),
            heads: Heads::new(&channel.name),
            next_due_ms: None,
            last_work_at: now,
            drain,
            channel,
            provider,
            held,
        }
    }

    /// Works until the slice ends. What is claimed and has not left by then is given back.
    pub(super) async fn run(mut self, traffic: &mut Traffic) -> Result<Ending, PortError> {
        let ending = self.work(traffic).await;
        traffic.give_back();
        ending
    }

    /// Goes round until the slice ends. A database that fails for a while costs no more than that
    /// while: what is claimed leaves as long as the lease lets it, and the rest is tried again.
    async fn work(&mut self, traffic: &mut Traffic) -> Result<Ending, PortError> {
        loop {
            self.heed_landed(traffic);
            match self.go_round(traffic).await {
                Ok(Some(ending)) => return Ok(ending),
                Ok(None) => {}
                Err(error @ PortError::Unavailable { .. }) if self.may_hold_lease() => {
                    tracing::warn!(channel = %self.channel.name, %error, "the lane is looked after again in a moment");
                    self.last_work_at = Instant::now();
                    traffic.alongside(tokio::time::sleep(AGAIN)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn may_hold_lease(&self) -> bool {
        !self.held.term.left(&*self.drain.clock).is_zero()
    }

    async fn go_round(&mut self, traffic: &mut Traffic) -> Result<Option<Ending>, PortError> {
        if Instant::now() >= self.ends_at {
            return Ok(Some(if self.has_work(traffic) { Ending::SliceOver } else { Ending::Idle }));
        }
        if let Some(ending) = self.look_after(traffic).await? {
            return Ok(Some(ending));
        }
        self.queue_due(traffic).await?;
        self.read_heads(traffic).await?;
        if let Some(ending) = self.peek(traffic).await? {
            return Ok(Some(ending));
        }
        if self.heads.is_empty(self.now()) && traffic.ahead() == 0 {
            if self.is_idle(traffic) {
                return Ok(Some(Ending::Idle));
            }
            traffic.next_or(tokio::time::sleep_until(self.next_duty())).await;
            return Ok(None);
        }
        self.last_work_at = Instant::now();
        if self.is_prepared(traffic).await? {
            traffic.open();
            self.start_claims(traffic);
        } else {
            traffic.close();
        }
        let wake_at = self.next_step(traffic).min(self.next_duty());
        traffic.next_or(tokio::time::sleep_until(wake_at)).await;
        Ok(None)
    }

    /// What landed may be in the queue again.
    fn heed_landed(&mut self, traffic: &mut Traffic) {
        if traffic.take_paused() {
            // Before this sender could be lost, and the pause with it.
            self.renew_at = Instant::now();
        }
        for landed in traffic.take_landed() {
            self.last_work_at = Instant::now();
            if let Some(key) = landed.requeued {
                self.heads.is_back(&key);
            }
            if let Some(due_ms) = landed.due_ms {
                self.next_due_ms = Some(self.next_due_ms.map_or(due_ms, |next| next.min(due_ms)));
            }
        }
    }

    /// Keeps the lease, and heeds what operators changed, when the time for either has come.
    async fn look_after(&mut self, traffic: &mut Traffic) -> Result<Option<Ending>, PortError> {
        match self.keep_lease(traffic).await? {
            None => self.reread_channel(traffic).await,
            ending => Ok(ending),
        }
    }

    async fn keep_lease(&mut self, traffic: &mut Traffic) -> Result<Option<Ending>, PortError> {
        // A sender that was frozen meanwhile, or whose clock was set, has to renew it at once.
        if Instant::now() < self.renew_at && !traffic.is_lease_over() {
            return Ok(None);
        }
        let from = Moment::now(&*self.drain.clock);
        let lanes = &self.drain.lanes;
        let until_ms = traffic.latest_now_ms() + millis(self.drain.settings.lease);
        let position = traffic.position();
        let renewal = lanes.renew(&self.held.lease, position, until_ms);
        match traffic.alongside(renewal).await? {
            Saved::Done => {
                self.held.term = Term { from, lasts: self.drain.settings.lease };
                traffic.prolong(self.held.lent(&self.drain.settings));
                self.renew_at = from.at + self.drain.settings.renew_every;
                Ok(None)
            }
            Saved::Lost => {
                tracing::warn!(channel = %self.channel.name, "the lease was taken over");
                Ok(Some(Ending::LeaseLost))
            }
        }
    }

    async fn reread_channel(&mut self, traffic: &mut Traffic) -> Result<Option<Ending>, PortError> {
        let now = Instant::now();
        if now < self.channel_at {
            return Ok(None);
        }
        self.channel_at = now + self.drain.settings.channel_every;
        let reading = self.drain.catalog.channel(&self.channel.name);
        match traffic.alongside(reading).await? {
            Some(channel) if !channel.paused => {
                if channel.limit != self.channel.limit {
                    traffic.set_limit(channel.limit);
                }
                if channel.window != self.channel.window
                    || channel.timezone != self.channel.timezone
                {
                    self.heads.peek_all();
                    self.peek_at = now;
                }
                // The rest of the configuration holds from the next slice on.
                self.channel.limit = channel.limit;
                self.channel.window = channel.window;
                self.channel.timezone = channel.timezone;
                Ok(None)
            }
            Some(_) | None => Ok(Some(Ending::Stopped)),
        }
    }

    /// Queues what has come due.
    async fn queue_due(&mut self, traffic: &mut Traffic) -> Result<(), PortError> {
        let now = Instant::now();
        let now_ms = self.drain.clock.now_ms();
        if now < self.due_at && self.next_due_ms.is_none_or(|due_ms| due_ms > now_ms) {
            return Ok(());
        }
        self.due_at = now + DUE_EVERY;
        let partition = due_partition(&self.channel.name);
        // After what was queued a moment ago, which the index may still show.
        let from = self.due_from.take();
        let reading = self.drain.agenda.entries(&partition, from.as_deref(), None, DUE_PAGE);
        let waiting = traffic.alongside(reading).await?;
        let is_due = |entry: &AgendaEntry| time_in(&entry.sort).is_some_and(|at| at <= now_ms);
        let due = waiting.partition_point(is_due);
        if due > 0 {
            let event = Event::CameDue { at_ms: now_ms };
            for page in waiting[..due].chunks(MOVED_AT_ONCE) {
                let mut moved = Vec::new();
                traffic.alongside(self.apply.apply_all(page, &event, &mut moved)).await?;
                // What leaves meanwhile must not be missing its successors.
                if traffic.is_open() {
                    self.start_claims(traffic);
                }
            }
            self.heads.hurry();
        }
        if due == DUE_PAGE {
            // There may be more, and a real-time message among it.
            self.due_at = now;
            self.due_from = waiting.last().map(|last| format!("{}~", last.sort));
        }
        self.next_due_ms = waiting.get(due).and_then(|entry| time_in(&entry.sort));
        Ok(())
    }

    /// Reads the heads of the queue again when their time has come: a real-time message must not
    /// wait behind a page that was read before it came.
    async fn read_heads(&mut self, traffic: &mut Traffic) -> Result<(), PortError> {
        let drain = self.drain;
        let at = Instant::now();
        if at >= self.classes_at {
            self.classes_at = at + CLASSES_EVERY;
            let classes = traffic.alongside(drain.classes.classes(&self.channel.name)).await?;
            self.heads.know(classes);
        }
        let now = self.now();
        if self.heads.next_read(now).is_none_or(|read_at| read_at > Instant::now()) {
            return Ok(());
        }
        // What can leave until the next reading, and what the index may still show of what left.
        let per_second = f64::from(self.channel.limit.per_second);
        let ahead = claim_ahead(traffic);
        let reach = |every: Duration| whole((every + ahead).as_secs_f64() * per_second) + 5;
        let reading = self.heads.read(&*drain.agenda, now, drain.settings.head_every, reach);
        traffic.alongside(reading).await
    }

    /// Looks at what waits in a closed class: when its hours were changed, it moves to the class
    /// that it belongs to now.
    async fn peek(&mut self, traffic: &mut Traffic) -> Result<Option<Ending>, PortError> {
        let at = Instant::now();
        if at < self.peek_at {
            return Ok(None);
        }
        let now = self.now();
        let peeking = self.heads.peek(&*self.drain.agenda, now, PEEK_PAGE);
        let Some(entries) = traffic.alongside(peeking).await? else {
            self.peek_at = at + PEEK_EVERY[0];
            return Ok(None);
        };
        self.peek_at = at + PEEK_EVERY[1];
        // Each by itself: messages of other templates may be in the same class.
        let mut moved = 0;
        for page in entries.chunks(MOVED_AT_ONCE) {
            // There may be hundreds: neither a pause of the channel nor the lease waits for them.
            if let Some(ending) = self.look_after(traffic).await? {
                return Ok(Some(ending));
            }
            let work = join_all(page.iter().map(|entry| self.move_to_its_class(entry)));
            for done in traffic.alongside(work).await {
                moved += usize::from(done?);
            }
            // What leaves meanwhile must not be missing its successors.
            if traffic.is_open() {
                self.start_claims(traffic);
            }
        }
        if moved > 0 {
            tracing::info!(channel = %self.channel.name, moved, "their hours were changed");
            self.heads.peek_again();
            self.classes_at = at;
            self.heads.hurry();
        }
        Ok(None)
    }

    /// Moves a message to the class that it belongs to now, unless it is there.
    async fn move_to_its_class(&self, entry: &AgendaEntry) -> Result<bool, PortError> {
        let notification = match self.drain.notifications.load(&entry.id).await {
            Ok(Some(notification)) => notification,
            Ok(None) => return Ok(false),
            // What is behind it must not wait for it.
            Err(PortError::Corrupt { what, detail }) => {
                tracing::error!(notification = %entry.id, what, detail, "cannot be looked at");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let at_ms = self.drain.clock.now_ms();
        let class = match self.hours.class_of(&notification, &self.channel).await {
            Ok(class) => class,
            Err(PortError::Corrupt { what, detail }) => {
                tracing::error!(notification = %entry.id, what, detail, "its hours cannot be read");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let event = match class {
            // It need not wait for its window to be over.
            _ if notification.is_expired_at(at_ms) => Event::Expired { at_ms },
            Some(class) if class != notification.window_class => {
                self.drain.classes.add_class(&self.channel.name, &class).await?;
                Event::Reclassified { class, at_ms }
            }
            Some(_) | None => return Ok(false),
        };
        let applied = self.apply.apply_to(notification, &event).await?;
        Ok(matches!(applied, Applied::Moved(_)))
    }

    fn now(&self) -> Timestamp {
        timestamp(self.drain.clock.now_us())
    }

    /// Nothing is queued, under way, or due within this slice, and has not been for a while.
    fn is_idle(&self, traffic: &Traffic) -> bool {
        !self.has_work(traffic)
            && self.heads.has_peeked()
            && self.last_work_at.elapsed() >= self.drain.settings.linger
    }

    /// Something is queued or under way, or comes due or may leave while a slice would last.
    fn has_work(&self, traffic: &Traffic) -> bool {
        let now = self.now();
        let left = self.ends_at.saturating_duration_since(Instant::now());
        // At its end, what its successor could still do counts.
        let soon_ms = now.as_millisecond() + millis(left.max(self.drain.settings.linger));
        let is_due_soon = self.next_due_ms.is_some_and(|at_ms| at_ms <= soon_ms);
        let opens_soon =
            self.heads.next_opening(now).is_some_and(|at| at.as_millisecond() <= soon_ms);
        !self.heads.is_empty(now)
            || traffic.ahead() > 0
            || traffic.requests() > 0
            || is_due_soon
            || opens_soon
    }

    /// Whether messages can be sent; if something has to be fetched first, fetches it in the next
    /// slot, since the provider counts it.
    async fn is_prepared(&mut self, traffic: &mut Traffic) -> Result<bool, PortError> {
        let now_ms = self.drain.clock.now_ms();
        let readiness = traffic.alongside(self.provider.readiness(now_ms)).await?;
        match readiness {
            Readiness::Ready => return Ok(true),
            Readiness::NeedsPreparation => {}
        }
        // A sender that was frozen meanwhile has to renew its lease first.
        let may_leave = !traffic.is_lease_over();
        if may_leave && traffic.until_slot().is_some_and(|wait| wait.is_zero()) {
            // What is claimed waits: it could not be sent.
            traffic.close();
            let (prepared, number) = traffic.request(self.provider.prepare()).await;
            if let Err(error) = prepared {
                tracing::error!(channel = %self.channel.name, %error, "the channel cannot send for now");
                traffic.heed(error.advice, Some(number));
                traffic.count(error.outcome);
            }
        }
        Ok(false)
    }

    /// Claims the heads whose slots are near.
    fn start_claims(&mut self, traffic: &mut Traffic) {
        if Instant::now() < traffic.claims_from() {
            return;
        }
        let spacing = traffic.spacing();
        while let Some(until_slot) = traffic.until_slot() {
            let ahead = traffic.ahead();
            let wait = until_slot + spacing * u32::try_from(ahead).unwrap_or(u32::MAX);
            if wait > claim_ahead(traffic) || traffic.requests() + ahead >= self.requests_max() {
                return;
            }
            let Some(head) = self.heads.take(self.now()) else { return };
            // An index that is late shows what was taken before.
            if !traffic.has(&head.entry.id) {
                traffic.claim(head.entry.id.clone(), self.claim(&head));
            }
        }
    }

    /// When something can be claimed. What is claimed leaves by itself.
    fn next_step(&self, traffic: &Traffic) -> Instant {
        let ahead = traffic.ahead();
        let is_full = traffic.requests() + ahead >= self.requests_max();
        // An answer wakes the lane.
        let (Some(until_slot), false) = (traffic.until_slot(), is_full) else {
            return self.next_duty();
        };
        let spacing = traffic.spacing();
        let next = until_slot + spacing * u32::try_from(ahead).unwrap_or(u32::MAX);
        let wait = next.saturating_sub(claim_ahead(traffic));
        // Never at once: whatever can be done now has been done.
        (Instant::now() + wait.max(Duration::from_millis(1))).max(traffic.claims_from())
    }

    /// When the lane has to be looked after.
    fn next_duty(&self) -> Instant {
        let now = self.now();
        let read_at = self.heads.next_read(now).unwrap_or(self.ends_at);
        let until_opening = self.heads.next_opening(now).map_or(Duration::MAX, |at| {
            Duration::from_micros(u64::try_from(at.duration_since(now).as_micros()).unwrap_or(0))
        });
        let opens_at = Instant::now().checked_add(until_opening).unwrap_or(self.ends_at);
        [
            self.renew_at,
            self.channel_at,
            self.due_at,
            self.classes_at,
            self.peek_at,
            read_at,
            opens_at,
        ]
        .into_iter()
        .fold(self.ends_at, Instant::min)
    }

    /// More requests than this would only pile up at a provider that has become slow.
    fn requests_max(&self) -> usize {
        let total_s = self.provider.total_timeout().as_secs_f64();
        let by_rate = whole(f64::from(self.channel.limit.per_second) * total_s);
        by_rate.clamp(1, self.drain.settings.in_flight_max)
    }

    /// Claims the head, unless it is not what the index said any more, or may not leave now.
    fn claim(&self, head: &Head) -> impl Future<Output = Claimed> + use<> {
        Claim {
            id: head.entry.id.clone(),
            claimed_at: Moment::now(&*self.drain.clock),
            fence: self.held.lease.fence,
            jitter_permille: self.drain.entropy.permille(),
            age_max: self.drain.settings.claim_age_max,
            channel: self.channel.clone(),
            hours: Arc::clone(&self.hours),
            provider: Arc::clone(&self.provider),
            notifications: Arc::clone(&self.drain.notifications),
            classes: Arc::clone(&self.drain.classes),
            apply: self.apply.clone(),
            clock: Arc::clone(&self.drain.clock),
            number: None,
        }
        .make()
    }
}

/// How long before their slots messages are claimed.
fn claim_ahead(traffic: &Traffic) -> Duration {
    (traffic.claim_time() * 2).clamp(CLAIM_AHEAD[0], CLAIM_AHEAD[1])
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few thousand at most, and never negative"
)]
fn whole(count: f64) -> usize {
    count.ceil() as usize
}
