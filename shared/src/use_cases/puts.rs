//! How fast notifications are stored by those who store many: runs and bulk requests.
//!
//! The notifications of one channel share a partition of the agenda, from which the channel's
//! sender takes them. DynamoDB takes 1,000 write units a second for a partition, and throttles
//! what is above, the claims of the sender included. So all runs and all bulk requests of a channel
//! share one pace.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::duration::duration_of_us;
use crate::ports::{Clock, PortError, PutPace, PutWish, Randomness, Reserved};

/// How many notifications of one channel runs and bulk requests store in a second, all together.
/// Each costs the partition one unit, and its claim costs another one: up to 300 a second. The 200
/// units that are left serve single requests, which keep no pace, and messages that are put back.
pub const PUTS_PER_SECOND: u32 = 500;

/// How many puts of a run share one reservation: enough to make its cost small, and few enough to
/// let others in between.
pub(super) const RESERVED_AT_ONCE: usize = 100;

/// How much delay may be caught up with. After a longer pause the slots start anew, or the pause
/// would be followed by a burst of puts.
const CATCH_UP: Duration = Duration::from_millis(50);

/// The first pause before a throttled put is repeated, and the longest one.
const FIRST_PAUSE_MS: u64 = 50;
const LONGEST_PAUSE_MS: u64 = 1_000;

/// Reserved, evenly spaced times for the puts of one caller to one channel.
pub(super) struct PutSlots<'a> {
    pace: &'a dyn PutPace,
    clock: &'a dyn Clock,
    channel: String,
    /// `None`: without a limit.
    spacing: Option<Duration>,
    next: Instant,
}

/// The next free slot of a channel is further ahead than the caller wants to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLate {
    /// After this time the slot is near enough, if nobody else reserves it.
    pub(super) try_again_after: Duration,
}

impl<'a> PutSlots<'a> {
    pub(super) fn new(
        pace: &'a dyn PutPace,
        clock: &'a dyn Clock,
        channel: &str,
        per_second: Option<u32>,
    ) -> Self {
        let spacing = per_second.map(|per_second| Duration::from_secs(1) / per_second.max(1));
        Self { pace, clock, channel: channel.to_owned(), spacing, next: Instant::now() }
    }

    /// Reserves the slots of the next `count` puts, however far ahead they are.
    pub(super) async fn reserve(&mut self, count: usize) {
        // Without a latest time nothing is too late.
        let _reserved = self.ask(count, None).await;
    }

    /// Reserves the slots of the next `count` puts, if the first slot is at most `wait_max` ahead.
    ///
    /// # Errors
    /// [`TooLate`]: nothing is reserved.
    pub(super) async fn reserve_within(
        &mut self,
        count: usize,
        wait_max: Duration,
    ) -> Result<(), TooLate> {
        self.ask(count, Some(wait_max)).await
    }

    async fn ask(&mut self, count: usize, wait_max: Option<Duration>) -> Result<(), TooLate> {
        let Some(spacing) = self.spacing.filter(|_| count > 0) else { return Ok(()) };
        let now_us = self.clock.now_us();
        let latest_us = wait_max.map(|wait_max| now_us + micros(wait_max));
        let wish = PutWish {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            spacing_us: micros(spacing),
            earliest_us: now_us - micros(CATCH_UP),
            latest_us,
        };
        match self.pace.reserve(&self.channel, wish).await {
            Ok(Reserved::From { at_us }) => self.next = self.instant_of(at_us),
            Ok(Reserved::TooLate { next_us }) => {
                let too_far_us = next_us - latest_us.unwrap_or(next_us);
                return Err(TooLate { try_again_after: duration_of_us(too_far_us) });
            }
            // The shared pace keeps others from being throttled, and a message that is not stored is
            // worse than that.
            Err(error) => {
                let channel = &self.channel;
                tracing::warn!(
                    %channel, %error,
                    "no times for puts could be reserved; the notifications are stored at this \
                     process's own pace"
                );
            }
        }
        Ok(())
    }

    /// When the next notification may be stored; `None`: at once.
    pub(super) fn next_slot(&mut self) -> Option<Instant> {
        let spacing = self.spacing?;
        let earliest = Instant::now().checked_sub(CATCH_UP).unwrap_or(self.next);
        let slot = self.next.max(earliest);
        self.next = slot + spacing;
        Some(slot)
    }

    fn instant_of(&self, at_us: i64) -> Instant {
        let (now, ahead_us) = (Instant::now(), at_us - self.clock.now_us());
        let distance = Duration::from_micros(ahead_us.unsigned_abs());
        if ahead_us < 0 { now.checked_sub(distance).unwrap_or(now) } else { now + distance }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Repeats a put that the database throttles, after growing pauses, until `give_up_at`. The pauses
/// are partly random, so that throttled processes do not return together.
pub(super) async fn retry_throttled<T, F: Future<Output = Result<T, PortError>>>(
    randomness: &dyn Randomness,
    give_up_at: Instant,
    put: impl Fn() -> F,
) -> Result<T, PortError> {
    let mut pause_ms = FIRST_PAUSE_MS;
    loop {
        let done = put().await;
        if !matches!(done, Err(PortError::Throttled { .. })) || Instant::now() >= give_up_at {
            return done;
        }
        let random_ms = pause_ms * u64::from(randomness.permille()) / 1_000;
        tokio::time::sleep(Duration::from_millis(pause_ms / 2 + random_ms)).await;
        pause_ms = (2 * pause_ms).min(LONGEST_PAUSE_MS);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;

    struct RunningClock(Instant);

    impl Clock for RunningClock {
        fn now_us(&self) -> i64 {
            1_772_413_200_000_000 + micros(self.0.elapsed())
        }
    }

    fn clock() -> RunningClock {
        RunningClock(Instant::now())
    }

    struct Half;

    impl Randomness for Half {
        fn next_u64(&self) -> u64 {
            500
        }

        fn secret_bytes(&self) -> Result<[u8; 32], PortError> {
            Ok([0; 32])
        }
    }

    /// The next free time in memory; without one, the pace is not available.
    struct Pace(Option<Mutex<i64>>);

    #[async_trait]
    impl PutPace for Pace {
        async fn reserve(&self, _: &str, wish: PutWish) -> Result<Reserved, PortError> {
            let Some(next) = &self.0 else { return Err(throttled()) };
            let mut next = next.lock().expect("no panic");
            let at_us = wish.earliest_us.max(*next);
            if wish.latest_us.is_some_and(|latest_us| latest_us < at_us) {
                return Ok(Reserved::TooLate { next_us: at_us });
            }
            *next = at_us + i64::from(wish.count) * wish.spacing_us;
            Ok(Reserved::From { at_us })
        }
    }

    fn throttled() -> PortError {
        PortError::Throttled { what: "the state table", detail: "too much".into() }
    }

    fn slots<'a>(pace: &'a Pace, clock: &'a RunningClock, rate: Option<u32>) -> PutSlots<'a> {
        PutSlots::new(pace, clock, "c", rate)
    }

    fn take(slots: &mut PutSlots<'_>, count: usize) -> Vec<Instant> {
        (0..count).filter_map(|_| slots.next_slot()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn slots_are_evenly_spaced_and_a_pause_is_followed_by_no_burst() {
        for pace in [Pace(Some(Mutex::new(0))), Pace(None)] {
            let clock = clock();
            let mut slots = slots(&pace, &clock, Some(100));
            slots.reserve(100).await;
            let of_page = take(&mut slots, 100);
            assert_eq!(of_page[99] - of_page[0], Duration::from_millis(990));
            assert!(Instant::now().duration_since(of_page[0]) <= CATCH_UP);
            tokio::time::sleep(Duration::from_secs(60)).await;
            slots.reserve(100).await;
            let at_once = take(&mut slots, 100).into_iter().filter(|slot| *slot <= Instant::now());
            assert_eq!(at_once.count(), 6);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_callers_get_different_slots_of_one_pace() {
        let (pace, clock) = (Pace(Some(Mutex::new(0))), clock());
        let mut one = slots(&pace, &clock, Some(100));
        let mut other = slots(&pace, &clock, Some(100));
        one.reserve(10).await;
        other.reserve(10).await;
        let mut all = take(&mut one, 10);
        all.extend(take(&mut other, 10));
        let spaced = |pair: &[Instant]| pair[1] - pair[0] == Duration::from_millis(10);
        assert!(all.windows(2).all(spaced), "{all:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_that_is_too_far_ahead_is_not_reserved() {
        let (pace, clock) = (Pace(Some(Mutex::new(0))), clock());
        slots(&pace, &clock, Some(100)).reserve(500).await;
        let mut late = slots(&pace, &clock, Some(100));
        let wait_max = Duration::from_secs(3);
        for _ in 0..2 {
            let refused = late.reserve_within(1, wait_max).await.expect_err("too late");
            // The backlog of 5 s began 50 ms ago.
            assert_eq!(refused.try_again_after, Duration::from_millis(1_950));
        }
        tokio::time::sleep(Duration::from_millis(1_950)).await;
        assert_eq!(late.reserve_within(1, wait_max).await, Ok(()));
        assert_eq!(take(&mut late, 1), [Instant::now() + wait_max]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_there_is_nothing_to_wait_for() {
        let (pace, clock) = (Pace(None), clock());
        let mut slots = slots(&pace, &clock, None);
        slots.reserve(10).await;
        assert_eq!(slots.next_slot(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_put_is_repeated_after_growing_pauses_and_given_up_in_the_end() {
        for (throttled_times, is_stored) in [(0, true), (5, true), (1_000, false)] {
            let (began, puts) = (Instant::now(), AtomicUsize::new(0));
            let put = || async {
                let before = puts.fetch_add(1, Ordering::Relaxed);
                if before < throttled_times { Err(throttled()) } else { Ok(()) }
            };
            let give_up_at = began + Duration::from_secs(10);
            let stored = retry_throttled(&Half, give_up_at, put).await;
            assert_eq!(stored.is_ok(), is_stored, "{throttled_times}");
            if is_stored {
                assert_eq!(puts.into_inner(), throttled_times + 1);
            } else {
                // Pauses of 50 to 800 ms, and then one each second.
                assert_eq!(puts.into_inner(), 15);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn another_failure_of_a_put_is_not_repeated() {
        let puts = AtomicUsize::new(0);
        let put = || async {
            puts.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(PortError::Unavailable { what: "the table", detail: "down".into() })
        };
        let give_up_at = Instant::now() + Duration::from_secs(10);
        assert!(retry_throttled(&Half, give_up_at, put).await.is_err());
        assert_eq!(puts.into_inner(), 1);
    }
}
