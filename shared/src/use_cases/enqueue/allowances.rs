//! How much a producer may ask for: notifications on a day, and requests in a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

use super::day_lease::{DayLease, Fate, Hold};
use crate::domain::zone::local_time;
use crate::domain::{DailyQuota, FieldError, NotificationId, Producer};
use crate::ports::{Clock, CountWish, Counted, PortError, PutWish, Quotas, Randomness, Reserved};

const SECOND_US: i64 = 1_000_000;

/// What a producer has used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedUp {
    /// In how many seconds the same request may succeed.
    pub retry_after_s: u64,
    /// What was asked for, and what is left, for people.
    pub detail: String,
}

/// Why a request has to wait.
#[derive(Debug, thiserror::Error)]
pub enum NoTurn {
    /// The producer makes too many requests in a second.
    #[error("the service makes too many requests; repeat this one after {retry_after_s} s")]
    TooMany { retry_after_s: u64 },
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Why notifications were not counted.
#[derive(Debug)]
pub(super) enum NotHeld {
    /// A later day allows them.
    OverQuota(UsedUp),
    /// No day allows so many.
    Never(FieldError),
    Port(PortError),
}

/// One limit of a producer, and how much of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub limit: Limit,
    pub max: u32,
    pub left: u32,
    /// In how many seconds more is left.
    pub resets_in_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    NotificationsPerDay,
    RequestsPerSecond,
}

/// The quotas and rates of all producers.
#[derive(Clone)]
pub struct Allowances {
    quotas: Arc<dyn Quotas>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    leases: Arc<Mutex<HashMap<String, Arc<AsyncMutex<DayLease>>>>>,
    /// By producer: from when on its next request is free, in Unix microseconds, when this process
    /// last learned it.
    next_turns_us: Arc<Mutex<HashMap<String, i64>>>,
}

impl Allowances {
    #[must_use]
    pub fn new(
        quotas: Arc<dyn Quotas>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        let (leases, next_turns_us) = Default::default();
        Self { quotas, clock, randomness, leases, next_turns_us }
    }

    /// The same, as a process has them that has just started.
    #[must_use]
    pub fn of_another_process(&self) -> Self {
        Self::new(self.quotas.clone(), self.clock.clone(), self.randomness.clone())
    }

    /// Takes a request's turn. A producer may make the requests of a second at once, and then one
    /// whenever its share of a second has passed.
    ///
    /// # Errors
    /// [`NoTurn`].
    pub async fn take_turn(&self, producer: &Producer) -> Result<(), NoTurn> {
        let Some(spacing_us) = spacing_us(producer) else { return Ok(()) };
        let now_us = self.clock.now_us();
        let wish = PutWish {
            count: 1,
            spacing_us,
            earliest_us: now_us - SECOND_US + spacing_us,
            latest_us: Some(now_us),
        };
        let reserved = self.quotas.reserve_request(&producer.name, wish).await?;
        let (next_us, is_taken) = match reserved {
            Reserved::From { at_us } => (at_us + spacing_us, true),
            Reserved::TooLate { next_us } => (next_us, false),
        };
        lock(&self.next_turns_us).insert(producer.name.clone(), next_us);
        if is_taken {
            return Ok(());
        }
        Err(NoTurn::TooMany { retry_after_s: whole_seconds(next_us - now_us) })
    }

    /// Counts notifications that are to be stored. Nothing is counted if they are more than what is
    /// left.
    ///
    /// # Errors
    /// [`NotHeld`]: none of them counts. After [`NotHeld::Port`] a slice may count that nobody uses.
    pub(super) async fn hold(
        &self,
        producer: &Producer,
        ids: &[&NotificationId],
    ) -> Result<Hold, NotHeld> {
        let Some(quota) = &producer.grants.quota else { return Ok(Hold::default()) };
        let max = quota.notifications_per_day;
        let now_ms = self.clock.now_ms();
        let day = quota.day(timestamp(now_ms));
        let lease = self.lease(&producer.name);
        let mut lease = lease.lock().await;
        lease.go_on(&day, max);
        let missing = lease.missing(ids);
        if missing > max {
            let detail = format!(
                "has {} notifications; your service may ask for {max} a day: send fewer in one \
                 request",
                ids.len()
            );
            return Err(NotHeld::Never(FieldError::new("body", detail)));
        }
        let mut slice = if missing > 0 { lease.next_slice(missing, now_ms).min(max) } else { 0 };
        while slice > 0 {
            let wish = CountWish {
                producer: &producer.name,
                day: &day,
                count: slice,
                max,
                token: self.randomness.next_u64(),
            };
            match self.quotas.count(wish).await.map_err(NotHeld::Port)? {
                Counted::Done { total } => {
                    lease.add(slice, total);
                    break;
                }
                Counted::Refused { total } => {
                    let rest = lease.refused(total);
                    if rest < missing {
                        let left = lease.remaining();
                        let used_up = over_quota(quota, ids.len(), left, day.ends_at, now_ms);
                        return Err(NotHeld::OverQuota(used_up));
                    }
                    // At the end of a quota, the slice is what is left.
                    slice = rest.min(slice.saturating_sub(1)).max(missing);
                }
            }
        }
        Ok(lease.hold(ids))
    }

    /// Ends a hold: what is not stored does not count.
    pub(super) async fn settle(
        &self,
        producer: &Producer,
        hold: Hold,
        fate: impl Fn(&NotificationId) -> Fate,
    ) {
        if producer.grants.quota.is_some() {
            self.lease(&producer.name).lock().await.settle(hold, fate);
        }
    }

    /// The limits of a producer, and what is left as far as this process knows.
    pub async fn standings(&self, producer: &Producer) -> Vec<Standing> {
        let mut standings = Vec::new();
        if let Some(spacing_us) = spacing_us(producer) {
            let now_us = self.clock.now_us();
            let next_us = lock(&self.next_turns_us).get(&producer.name).copied();
            let free_us = (now_us - next_us.unwrap_or(0) + spacing_us).clamp(0, SECOND_US);
            standings.push(Standing {
                limit: Limit::RequestsPerSecond,
                max: producer.grants.requests_per_second.unwrap_or_default(),
                left: u32::try_from(free_us / spacing_us).unwrap_or(u32::MAX),
                resets_in_s: 1,
            });
        }
        if let Some(quota) = &producer.grants.quota {
            let now_ms = self.clock.now_ms();
            let day = quota.day(timestamp(now_ms));
            let lease = self.lease(&producer.name);
            let mut lease = lease.lock().await;
            lease.go_on(&day, quota.notifications_per_day);
            standings.push(Standing {
                limit: Limit::NotificationsPerDay,
                max: quota.notifications_per_day,
                left: lease.remaining(),
                resets_in_s: whole_seconds(1_000 * (day.ends_at.as_millisecond() - now_ms)),
            });
        }
        standings
    }

    fn lease(&self, producer: &str) -> Arc<AsyncMutex<DayLease>> {
        Arc::clone(lock(&self.leases).entry(producer.to_owned()).or_default())
    }
}

fn over_quota(
    quota: &DailyQuota,
    asked: usize,
    left: u32,
    resets_at: Timestamp,
    now_ms: i64,
) -> UsedUp {
    let retry_after_s = whole_seconds(1_000 * (resets_at.as_millisecond() - now_ms));
    let detail = format!(
        "asks for {asked} notifications; {left} of your service's {} a day are left until {}. \
         Repeat the same request with the same Idempotency-Key then, or ask an operator for a larger \
         quota",
        quota.notifications_per_day,
        local_time(resets_at, &quota.zone()),
    );
    UsedUp { retry_after_s, detail }
}

/// The share of a second that one request of a producer takes; `None` without a rate.
fn spacing_us(producer: &Producer) -> Option<i64> {
    let per_second = producer.grants.requests_per_second?;
    Some(SECOND_US / i64::from(per_second.max(1)))
}

/// A distance in whole seconds, as headers have it. After that many the distance has passed.
fn whole_seconds(distance_us: i64) -> u64 {
    u64::try_from(distance_us).unwrap_or(0).div_ceil(1_000_000).max(1)
}

fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
