//! The sender: one lane, drained at its provider's pace by one process at a time.
//!
//! 1. Take the lane's lease; if its last holder was lost, find what it had claimed (`lost`).
//! 2. Until the slice is over: pick the head, claim it, wait for its slot, let it leave
//!    (`slice`, `departure`).
//! 3. Save the pacer's position, give the lease back, wake another group.
//! 4. Only then await the last answers: the successor is at work already.
//!
//! Nothing is spawned: whoever stops polling the drain stops all of it.

mod claim;
mod departure;
mod heads;
mod hours;
mod lost;
mod news;
mod slice;
mod steady;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use self::departure::persistently;
use self::slice::{Ending, Slice};
use self::steady::{Moment, Term};
use self::traffic::{Lent, Traffic};
use crate::delivery::Apply;
use crate::domain::{Channel, PacerPosition};
use crate::ports::{
    Agenda, Catalog, Clock, Entropy, Lanes, Lease, LeaseTerms, Meter, Notifications, PortError,
    Providers, Saved, Taken, WakeGroup, Waker, WindowClasses,
};

/// How long to wait when the database has failed, before it is asked again.
const AGAIN: Duration = Duration::from_millis(250);

/// The wake queue keeps nothing for longer. An older wake is a sample event that somebody tries.
const WAKE_AGE_MAX_MS: i64 = 300_000;

/// The times by which a drain works.
#[derive(Clone, Copy, Debug)]
pub struct DrainSettings {
    /// How long one process keeps a lane that has work.
    pub slice: Duration,
    /// How long a lease holds.
    pub lease: Duration,
    /// How often it is renewed.
    pub renew_every: Duration,
    /// By how much the clocks of two machines may differ.
    pub clock_skew: Duration,
    /// How long to try for a lease that somebody holds.
    pub patience: Duration,
    /// How long after a hand-over the successor may take to be at work, before this sender's own
    /// group is woken as well.
    pub succession: Duration,
    /// How long to stay when nothing is queued: longer than wakes are deduplicated and than the
    /// index lags.
    pub linger: Duration,
    /// How often the head of the queue is read again while a page is being worked off.
    pub head_every: Duration,
    /// How often the channel's configuration is read again.
    pub channel_every: Duration,
    /// A claim older than this does not leave.
    pub claim_age_max: Duration,
    /// Nothing leaves with less than this left of the lease.
    pub lease_left_min: Duration,
    /// The most requests under way at once: each has a connection of its own, and a function on Lambda
    /// may have 1,024 files open, those to the database among them.
    pub in_flight_max: usize,
}

impl Default for DrainSettings {
    fn default() -> Self {
        Self {
            slice: Duration::from_secs(20),
            lease: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            clock_skew: Duration::from_millis(500),
            patience: Duration::from_secs(3),
            succession: Duration::from_secs(1),
            linger: Duration::from_secs(2),
            head_every: Duration::from_millis(100),
            channel_every: Duration::from_millis(500),
            claim_age_max: Duration::from_secs(2),
            lease_left_min: Duration::from_secs(2),
            in_flight_max: 900,
        }
    }
}

/// What a drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Requests that left.
    pub departures: usize,
    /// Claims of a lost sender that were found.
    pub found: usize,
    /// The lease was somebody else's all the time, or has been since the wake was sent.
    pub held_elsewhere: bool,
}

/// Drains lanes.
#[derive(Clone)]
pub struct Drain {
    /// Channels.
    pub catalog: Arc<dyn Catalog>,
    /// Notifications.
    pub notifications: Arc<dyn Notifications>,
    /// What is queued.
    pub agenda: Arc<dyn Agenda>,
    /// Leases.
    pub lanes: Arc<dyn Lanes>,
    /// Which window classes each lane has.
    pub classes: Arc<dyn WindowClasses>,
    /// Providers.
    pub providers: Arc<dyn Providers>,
    /// Wakes the successor.
    pub waker: Arc<dyn Waker>,
    /// Takes the figures of each drain.
    pub meter: Arc<dyn Meter>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Dice for back-off.
    pub entropy: Arc<dyn Entropy>,
    /// The times by which it works.
    pub settings: DrainSettings,
}

/// A lease as this process may rely on it: by its own clocks, counted from before it was asked for.
struct Held {
    lease: Lease,
    term: Term,
}

impl Held {
    /// For how long it lets things leave.
    fn lent(&self, settings: &DrainSettings) -> Lent {
        Lent { leaves: self.term.shortened(settings.lease_left_min), holds: self.term }
    }
}

impl Drain {
    /// Drains a channel's lane for one slice at most.
    ///
    /// A wake that was sent before somebody came to the lane has nothing to say any more: of a busy
    /// lane, one a second waits in the queue.
    ///
    /// # Errors
    /// [`PortError`] when the store failed; what had left is recorded as far as possible.
    pub async fn drain(
        &self,
        channel: &str,
        group: WakeGroup,
        woken_at_ms: Option<i64>,
    ) -> Result<DrainReport, PortError> {
        let began = Instant::now();
        let reading = || self.catalog.channel(channel);
        let Some(channel) = persistently(reading).await? else {
            tracing::error!(channel, "woken for a channel that the catalog does not have");
            return Ok(DrainReport::default());
        };
        if channel.paused {
            return Ok(DrainReport::default());
        }
        let Some(held) = self.acquire(&channel, group, woken_at_ms).await? else {
            return Ok(DrainReport { held_elsewhere: true, ..DrainReport::default() });
        };

        let mut report = DrainReport::default();
        let mut traffic = Traffic::new(
            &channel.name,
            Arc::clone(&self.clock),
            channel.limit,
            held.lease.position,
            held.lent(&self.settings),
        );
        let (lease, ended) = self.run(&channel, held, began, &mut traffic, &mut report).await;
        report.departures = traffic.departures();

        // Only these tell when the last requests arrive, and the successor does not hear of them.
        match &ended {
            Ok(_) if traffic.limit().strict => traffic.answers().await,
            Ok(_) => traffic.connections().await,
            Err(_) => {}
        }
        // The position first, then the successor, then the last answers. A lease whose drain
        // failed is not given back: there may be claims that nobody knows of, and whoever takes
        // over a lease that ran out looks for them.
        let released = match &ended {
            Ok(_) => {
                let position = traffic.position();
                traffic.alongside(self.release(&lease, position)).await
            }
            Err(_) => Ok(()),
        };
        // Of a crash a moment ago, the wakes of its group are not heard for the visibility time-out.
        let successors = group.next(lease.lost.and_then(|lost| lost.group));
        let goes_on = matches!(ended, Ok(Ending::SliceOver)) && released.is_ok();
        if goes_on {
            traffic.alongside(self.wake(&lease, successors, "after")).await;
        }
        let woken_at = Instant::now();
        let limit = traffic.limit();
        let (left_work, mut figures) = traffic.finish().await;
        figures.limit_per_second = limit.per_second;
        figures.unknown += report.found as u64;
        self.meter.drained(&lease.channel, self.clock.now_ms(), &figures);
        if left_work {
            // What is back in the queue after the hand-over, the successor may have missed.
            self.wake(&lease, successors, "left-by").await;
        }
        if goes_on && !self.is_succeeded(&lease, woken_at).await {
            // A crash may have blocked that group after all. This one is free as soon as this sender
            // has ended.
            self.wake(&lease, group, "instead").await;
        }

        tracing::info!(
            channel = %lease.channel,
            fence = lease.fence,
            departures = report.departures,
            found = report.found,
            "drained"
        );
        ended?;
        released?;
        Ok(report)
    }

    async fn run(
        &self,
        channel: &Channel,
        held: Held,
        began: Instant,
        traffic: &mut Traffic,
        report: &mut DrainReport,
    ) -> (Lease, Result<Ending, PortError>) {
        let lease = held.lease.clone();
        if let Some(lost) = lease.lost {
            // Nothing left in the last two seconds of its lease, and the lease could be taken over only
            // after the clocks' difference on top. Only where the way may take as long as it likes,
            // that is no distance.
            if channel.limit.strict {
                let longest_way = channel.timeouts.total.unsigned_abs() + Duration::from_secs(1);
                let longest_way = longest_way.saturating_sub(self.settings.lease_left_min);
                traffic.hold_until(lost.until_ms + millis(longest_way));
            }
            if let Err(error) = self.find_lost(&lease, lost, &mut report.found).await {
                return (lease, Err(error));
            }
        }
        let provider = match self.providers.provider(channel).await {
            Ok(provider) => provider,
            Err(error) => {
                // Nothing is lost: the sweeper wakes the lane again.
                tracing::error!(channel = %channel.name, %error, "the channel cannot send");
                return (lease, Ok(Ending::Idle));
            }
        };
        // Whatever it waited for, its last answers have to come before the function's time-out.
        let slice_ends = held.term.from.at + self.settings.slice;
        let ends_at = slice_ends.min(began + self.settings.patience + self.settings.slice);
        let slice = Slice::new(self, channel.clone(), held, provider, ends_at);
        (lease, slice.run(traffic).await)
    }

    fn apply(&self) -> Apply {
        Apply::new(
            Arc::clone(&self.notifications),
            Arc::clone(&self.waker),
            Arc::clone(&self.clock),
        )
    }

    async fn acquire(
        &self,
        channel: &Channel,
        group: WakeGroup,
        woken_at_ms: Option<i64>,
    ) -> Result<Option<Held>, PortError> {
        let give_up_at = Instant::now() + self.settings.patience;
        // Of a try whose answer was lost, the next one finds that the lane was taken.
        let holder = self.entropy.next_u64();
        let mut asked = None;
        loop {
            let from = Moment::now(&*self.clock);
            let now_ms = self.clock.now_ms();
            let terms = LeaseTerms {
                now_ms,
                until_ms: now_ms + millis(self.settings.lease),
                skew_ms: millis(self.settings.clock_skew),
                confirm_within_ms: channel.confirm_within_ms(),
                holder,
                group,
                woken_at_ms: woken_at_ms.filter(|at_ms| now_ms - at_ms <= WAKE_AGE_MAX_MS),
            };
            match self.lanes.acquire(&channel.name, terms).await {
                Ok(Taken::Yes(lease)) => {
                    let from = asked.unwrap_or(from);
                    let term = Term { from, lasts: self.settings.lease };
                    return Ok(Some(Held { lease, term }));
                }
                Ok(Taken::Served) => return Ok(None),
                Ok(Taken::Held) if Instant::now() >= give_up_at => return Ok(None),
                // The lane would wait for the sweeper.
                Err(error) if Instant::now() >= give_up_at + self.settings.patience => {
                    return Err(error);
                }
                Ok(Taken::Held) => {}
                Err(_) => asked = asked.or(Some(from)),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Gives the lease back; tries again for a while when the store fails, since nobody goes on before
    /// it has run out otherwise.
    async fn release(&self, lease: &Lease, position: PacerPosition) -> Result<(), PortError> {
        let release = || self.lanes.release(lease, position);
        if persistently(release).await? == Saved::Lost {
            tracing::warn!(channel = %lease.channel, fence = lease.fence, "the lease had been taken over");
        }
        Ok(())
    }

    /// Whether the successor that was woken is at work, after a while at most.
    async fn is_succeeded(&self, lease: &Lease, woken_at: Instant) -> bool {
        let give_up_at = Instant::now().max(woken_at + self.settings.succession);
        loop {
            // A database that is slow must not keep this sender beyond its time-out.
            let asked =
                tokio::time::timeout(self.settings.succession, self.lanes.was_succeeded(lease));
            if matches!(asked.await, Ok(Ok(true))) {
                return true;
            }
            if Instant::now() >= give_up_at {
                return false;
            }
            tokio::time::sleep_until(give_up_at).await;
        }
    }

    async fn wake(&self, lease: &Lease, next: WakeGroup, why: &str) {
        // Never collapses with another wake: each fence hands over once.
        let deduplication = format!("{}-{}-{why}-{}", lease.channel, next.as_str(), lease.fence);
        if let Err(error) = self.waker.wake(&lease.channel, next, &deduplication).await {
            tracing::warn!(channel = %lease.channel, %error, "the successor was not woken; the sweeper will do it");
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Microseconds as a duration; nothing for what lies in the past.
fn micros(us: i64) -> Duration {
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

/// Unix microseconds as a time.
fn timestamp(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or_default()
}
