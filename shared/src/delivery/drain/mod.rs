//! The sender: one lane, drained at its provider's pace by one process at a time.
//!
//! 1. Take the lane's lease; if its last holder was lost, find what it had claimed (`lost`).
//! 2. Until the slice is over: pick the head, claim it, wait for its slot, let it leave
//!    (`slice`, `departure`).
//! 3. Save the pacer's position, give the lease back, wake the other group.
//! 4. Only then await the last answers: the successor is at work already.
//!
//! Nothing is spawned: whoever stops polling the drain stops all of it.

mod claim;
mod departure;
mod heads;
mod hours;
mod lost;
mod slice;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use self::slice::{Ending, Slice};
use self::traffic::Traffic;
use crate::delivery::Apply;
use crate::domain::{Channel, Pacer, PacerPosition};
use crate::ports::{
    Agenda, Catalog, Clock, Entropy, Lanes, Lease, LeaseTerms, Meter, Notifications, PortError,
    Providers, Saved, Taken, WakeGroup, Waker, WindowClasses,
};

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
    /// The most requests under way at once.
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
            in_flight_max: 1000,
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

/// A lease as this process may rely on it: by its own monotonic clock, counted from before it was
/// asked for.
struct Held {
    lease: Lease,
    asked_at: Instant,
    until: Instant,
}

impl Held {
    /// Nothing leaves after this.
    fn sends_until(&self, settings: &DrainSettings) -> Instant {
        self.until.checked_sub(settings.lease_left_min).unwrap_or(self.until)
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
        let Some(channel) = self.catalog.channel(channel).await? else {
            tracing::error!(channel, "woken for a channel that the catalog does not have");
            return Ok(DrainReport::default());
        };
        if channel.paused {
            return Ok(DrainReport::default());
        }
        let Some(held) = self.acquire(&channel, woken_at_ms).await? else {
            return Ok(DrainReport { held_elsewhere: true, ..DrainReport::default() });
        };

        let mut report = DrainReport::default();
        let pacer = Pacer::new(channel.limit, held.lease.position);
        let sends_until = held.sends_until(&self.settings);
        let mut traffic = Traffic::new(&channel.name, Arc::clone(&self.clock), pacer, sends_until);
        let (lease, ended) = self.run(&channel, held, &mut traffic, &mut report).await;
        report.departures = traffic.departures();

        if channel.limit.strict && ended.is_ok() {
            // Only their answers tell when the last requests arrived, and the successor would not
            // know of them.
            traffic.answers().await;
        }
        // The position first, then the successor, then the last answers. A lease whose drain
        // failed is not given back: there may be claims that nobody knows of, and whoever takes
        // over a lease that ran out looks for them.
        let released = match &ended {
            Ok(_) => {
                let position = traffic.pacer().position();
                traffic.alongside(self.release(&lease, position)).await
            }
            Err(_) => Ok(()),
        };
        let goes_on = matches!(ended, Ok(Ending::SliceOver)) && released.is_ok();
        if goes_on {
            traffic.alongside(self.wake(&lease, group.other(), "after")).await;
        }
        let woken_at = Instant::now();
        let (left_work, mut figures) = traffic.finish().await;
        figures.limit_per_second = channel.limit.per_second;
        figures.unknown += report.found as u64;
        self.meter.drained(&lease.channel, self.clock.now_ms(), &figures);
        if left_work {
            // What is back in the queue after the hand-over, the successor may have missed.
            self.wake(&lease, group.other(), "left-by").await;
        }
        if goes_on && !self.is_succeeded(&lease, woken_at).await {
            // A crash blocks the wakes of its group for the visibility time-out. This group is free
            // as soon as this sender has ended.
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
        traffic: &mut Traffic,
        report: &mut DrainReport,
    ) -> (Lease, Result<Ending, PortError>) {
        let lease = held.lease.clone();
        if let Some(lost) = lease.lost {
            // No pause is needed: nothing left in the last two seconds of its lease, and the lease
            // could be taken over only after the clocks' difference on top.
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
        let slice = Slice::new(self, channel.clone(), held, provider);
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
        woken_at_ms: Option<i64>,
    ) -> Result<Option<Held>, PortError> {
        let give_up_at = Instant::now() + self.settings.patience;
        loop {
            let asked_at = Instant::now();
            let now_ms = self.clock.now_ms();
            let terms = LeaseTerms {
                now_ms,
                until_ms: now_ms + millis(self.settings.lease),
                skew_ms: millis(self.settings.clock_skew),
                confirm_within_ms: channel.confirm_within_ms(),
                holder: self.entropy.next_u64(),
                woken_at_ms: woken_at_ms.filter(|at_ms| now_ms - at_ms <= WAKE_AGE_MAX_MS),
            };
            match self.lanes.acquire(&channel.name, terms).await? {
                Taken::Yes(lease) => {
                    let until = asked_at + self.settings.lease;
                    return Ok(Some(Held { lease, asked_at, until }));
                }
                Taken::Served => return Ok(None),
                Taken::Held if Instant::now() >= give_up_at => return Ok(None),
                Taken::Held => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn release(&self, lease: &Lease, position: PacerPosition) -> Result<(), PortError> {
        if self.lanes.release(lease, position).await? == Saved::Lost {
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
