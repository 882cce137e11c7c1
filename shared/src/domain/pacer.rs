//! When the next request may leave.
//!
//! With N the provider's limit a second and J the channel's jitter allowance in seconds, departure
//! i + N comes at least 1 + J seconds after departure i. The way to the provider can shorten that
//! by at most J; so no sliding second at the provider sees more than N.
//!
//! Within that, departures are spread evenly, (1 + J) / N apart on a schedule. A sender that wakes
//! up a little late does not move the schedule: it may catch up by `CATCH_UP_US`, or timers'
//! lateness would cost a tenth of the limit at 200 a second.
//!
//! The allowance covers the way over a connection that is open. A request that has to open one first
//! counts from when that was open, and departure i + N waits for it.
//!
//! A *strict* pacer assumes nothing of the way: departure i + N comes at least one second after
//! the *answer* to i, which is never earlier than its arrival.
//!
//! After a refusal for exceeding the limit, all of it goes slower for a while: see [`SlowDown`].
//!
//! Times here are Unix microseconds.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::channel::{Channel, RateLimit, millis};
use super::silence::Silence;
use super::slow_down::SlowDown;

/// By how much a late departure may leave the schedule where it is.
const CATCH_UP_US: i64 = 10_000;
const SECOND_US: i64 = 1_000_000;
/// No pause that a provider asks for is taken to be longer.
const LONGEST_PAUSE_US: i64 = 300 * SECOND_US;
/// No request lasts longer: `timeouts.total` of a channel is ten seconds at most.
const LONGEST_WAY_US: i64 = 10 * SECOND_US;

/// A lane's position: what a successor needs to go on where its predecessor stopped. Times are
/// Unix microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacerPosition {
    /// Nothing may leave before this.
    pub next_at_us: i64,
    /// By how much the lane goes slower than its limit.
    #[serde(default)]
    pub slow_down: SlowDown,
    /// How long the provider has been silent.
    #[serde(default)]
    pub silence: Silence,
    /// The limit that it was reached under.
    #[serde(default)]
    pub per_second: u32,
}

impl PacerPosition {
    /// The same, if it was left by somebody whose clock was right: nothing is held up for longer than a
    /// provider may ask for, and its requests take.
    #[must_use]
    pub fn no_later_than(self, now_us: i64) -> Self {
        let latest_us = now_us + LONGEST_PAUSE_US + LONGEST_WAY_US;
        Self {
            next_at_us: self.next_at_us.min(latest_us),
            silence: self.silence.no_later_than(now_us),
            ..self
        }
    }

    /// What to hand over, by a clock that is ahead by this much.
    #[must_use]
    pub fn handed_over(self, ahead_us: i64) -> Self {
        Self {
            next_at_us: self.next_at_us + ahead_us,
            slow_down: self.slow_down.by_a_clock_ahead(ahead_us),
            silence: self.silence.handed_over(ahead_us),
            ..self
        }
    }
}

/// When the next request may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// At this time, or at once when it has passed.
    At(i64),
    /// Once something has come that is waited for: an answer, or a connection.
    AfterWord,
}

/// Names a departure, to tell the pacer what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DepartureNumber(u64);

#[derive(Clone, Copy, Debug)]
struct Departed {
    number: DepartureNumber,
    at_us: i64,
    answered_at_us: Option<i64>,
    counts_from: CountsFrom,
}

/// From when on the jitter allowance covers a request's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountsFrom {
    /// A connection was open.
    Departure,
    /// It opens one, which was open then.
    Connection(Option<i64>),
    /// Nobody tells when its connection was open.
    Answer,
}

/// Decides when the next request may leave.
#[derive(Clone, Debug)]
pub struct Pacer {
    limit: RateLimit,
    /// The next slot of the even schedule.
    due_us: i64,
    /// Nothing leaves before this, whatever the schedule says.
    hold_until_us: i64,
    slow_down: SlowDown,
    /// From when on it knows every departure: a predecessor's came before, under this limit.
    began_us: i64,
    predecessor_per_second: u32,
    departures: u64,
    /// The latest departures, oldest first: as many as any limit looks back.
    recent: VecDeque<Departed>,
}

impl Pacer {
    /// A pacer for a limit, going on from a position.
    #[must_use]
    pub fn new(limit: RateLimit, position: PacerPosition) -> Self {
        let mut pacer = Self {
            limit,
            due_us: position.next_at_us,
            hold_until_us: 0,
            slow_down: position.slow_down,
            began_us: position.next_at_us,
            predecessor_per_second: position.per_second,
            departures: 0,
            recent: VecDeque::new(),
        };
        pacer.set_limit(limit);
        pacer
    }

    /// The even distance between departures at the present pace, in microseconds.
    #[must_use]
    pub fn spacing_us(&self) -> i64 {
        self.slow_down.stretch_us(self.even_us())
    }

    /// The even distance that the limit allows. Rounded up, so that rounding never adds a request.
    fn even_us(&self) -> i64 {
        let per_second = self.per_second();
        (self.window_us() + per_second - 1) / per_second
    }

    fn per_second(&self) -> i64 {
        i64::from(self.limit.per_second.max(1))
    }

    /// When the next request may leave.
    #[must_use]
    pub fn next(&self) -> Slot {
        let at_us = self.due_us.max(self.hold_until_us);
        match self.a_limit_ago().map(|before| self.clears_at_us(before)) {
            None => Slot::At(at_us),
            Some(Some(clears_at_us)) => Slot::At(at_us.max(clears_at_us)),
            Some(None) => Slot::AfterWord,
        }
    }

    /// From when on the departure that comes a whole limit after this one may leave. `None` until
    /// there is word of it.
    fn clears_at_us(&self, before: &Departed) -> Option<i64> {
        let by_answer = || before.answered_at_us.map(|at_us| at_us + SECOND_US);
        let by_way = match before.counts_from {
            CountsFrom::Departure => Some(before.at_us + self.window_us()),
            CountsFrom::Connection(Some(at_us)) => Some(at_us + self.window_us()),
            CountsFrom::Connection(None) | CountsFrom::Answer => by_answer(),
        };
        let clears_at_us = if self.limit.strict { by_way?.max(by_answer()?) } else { by_way? };
        Some(clears_at_us.max(before.at_us + self.window_us()))
    }

    /// A request leaves.
    pub fn depart(&mut self, at_us: i64) -> DepartureNumber {
        self.leave(at_us, CountsFrom::Departure)
    }

    /// A request leaves that may have to open a connection first, and nobody will tell. The jitter
    /// allowance does not cover that, so it counts from its answer, as all do for a strict pacer.
    pub fn depart_cold(&mut self, at_us: i64) -> DepartureNumber {
        self.leave(at_us, CountsFrom::Answer)
    }

    fn leave(&mut self, at_us: i64, counts_from: CountsFrom) -> DepartureNumber {
        self.slow_down.recover(at_us);
        self.due_us = self.due_us.max(at_us - CATCH_UP_US) + self.spacing_us();
        self.departures += 1;
        let number = DepartureNumber(self.departures);
        self.recent.push_back(Departed { number, at_us, answered_at_us: None, counts_from });
        while self.recent.len() > Channel::PER_SECOND_MAX as usize {
            self.recent.pop_front();
        }
        number
    }

    /// A request that has left found no connection open: one is being opened.
    pub fn connecting(&mut self, number: DepartureNumber) {
        if let Some(departed) = self.departed_mut(number) {
            departed.counts_from = CountsFrom::Connection(None);
        }
    }

    /// The connection that a request waits for was open at this time.
    pub fn connected(&mut self, number: DepartureNumber, at_us: i64) {
        if let Some(departed) = self.departed_mut(number) {
            departed.counts_from = CountsFrom::Connection(Some(at_us));
        }
    }

    /// Whether a request waits for its connection.
    #[must_use]
    pub fn is_connecting(&self) -> bool {
        self.recent.iter().any(|departed| {
            departed.counts_from == CountsFrom::Connection(None)
                && departed.answered_at_us.is_none()
        })
    }

    /// The answer to a request came, or is waited for no more.
    pub fn answered(&mut self, number: DepartureNumber, at_us: i64) {
        if let Some(departed) = self.departed_mut(number) {
            departed.answered_at_us = Some(at_us);
        }
    }

    /// A departure, while the next ones depend on it.
    fn departed_mut(&mut self, number: DepartureNumber) -> Option<&mut Departed> {
        let index = self.recent.binary_search_by_key(&number, |departed| departed.number).ok()?;
        self.recent.get_mut(index)
    }

    /// The provider refused a request for exceeding its limit: nothing leaves before `until_us`,
    /// and then slower than before.
    pub fn refused(&mut self, number: DepartureNumber, until_us: i64) {
        self.hold(until_us);
        // What has left the ring is older than a whole limit of others.
        if let Some(departed) = self.departed_mut(number) {
            let departed_at_us = departed.at_us;
            self.slow_down.refused(departed_at_us, until_us);
        }
    }

    /// The provider asked for a pause: nothing leaves before `until_us`.
    pub fn hold(&mut self, until_us: i64) {
        self.hold_until_us = self.hold_until_us.max(until_us);
    }

    /// The limit that is kept.
    #[must_use]
    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Takes over a changed limit. The distance to the last departure is the longer of both.
    pub fn set_limit(&mut self, limit: RateLimit) {
        let before_us = self.spacing_us();
        self.limit = limit;
        self.due_us += (self.spacing_us() - before_us).max(0);
        // A predecessor may have sent more in its last second than a lower limit allows.
        let is_lower = limit.per_second < self.predecessor_per_second;
        if is_lower && self.a_limit_ago().is_none() {
            self.due_us = self.due_us.max(self.began_us + self.window_us());
        }
    }

    /// What a successor needs. It knows none of the departures, and goes on evenly spaced: it begins
    /// late enough for each slot of its first second to clear the departure a whole limit before.
    /// Best taken when there is word of all requests that are waited for: one without may be on its
    /// way for as long as its time-out.
    #[must_use]
    pub fn position(&self) -> PacerPosition {
        let per_second = self.per_second();
        let mut next_at_us = self.due_us.max(self.hold_until_us);
        for (slots_to_go, departed) in (0..per_second).rev().zip(self.recent.iter().rev()) {
            let clears_at_us = self.clears_at_us(departed);
            let clears_at_us = clears_at_us.unwrap_or(departed.at_us + LONGEST_WAY_US + SECOND_US);
            next_at_us = next_at_us.max(clears_at_us - slots_to_go * self.even_us());
        }
        PacerPosition {
            next_at_us,
            slow_down: self.slow_down,
            silence: Silence::default(),
            per_second: self.limit.per_second,
        }
    }

    fn window_us(&self) -> i64 {
        SECOND_US + 1000 * millis(self.limit.jitter)
    }

    /// The departure that the next one has to keep a whole window's distance from.
    fn a_limit_ago(&self) -> Option<&Departed> {
        let per_second = self.limit.per_second.max(1) as usize;
        self.recent.len().checked_sub(per_second).and_then(|index| self.recent.get(index))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn limit(per_second: u32, jitter_ms: i64) -> RateLimit {
        let jitter = SignedDuration::from_millis(jitter_ms);
        RateLimit { per_second, jitter, strict: false }
    }

    fn pacer(limit: RateLimit) -> Pacer {
        Pacer::new(limit, PacerPosition { next_at_us: 1_000_000_000, ..PacerPosition::default() })
    }

    fn next_at_us(pacer: &Pacer, now_us: i64) -> i64 {
        match pacer.next() {
            Slot::At(at_us) => at_us.max(now_us),
            Slot::AfterWord => panic!("it waits for an answer"),
        }
    }

    /// Most arrivals in any sliding second (half open).
    fn busiest_second(mut arrivals_us: Vec<i64>) -> usize {
        arrivals_us.sort_unstable();
        let within = |first: usize| {
            let end_us = arrivals_us[first] + SECOND_US;
            arrivals_us[first..].iter().take_while(|at| **at < end_us).count()
        };
        (0..arrivals_us.len()).map(within).max().unwrap_or(0)
    }

    fn fraction_of(share: f64, whole_us: i64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "seconds in microseconds")]
        let part = (share * whole_us as f64) as i64;
        part
    }

    proptest! {
        /// The adversary picks how late the sender wakes up, how long each request travels within
        /// the allowance, where senders hand over, and where there is nothing to send.
        #[test]
        fn no_sliding_second_at_the_provider_exceeds_the_limit(
            // At the highest, what is late may be caught up with at once.
            per_second in prop_oneof![2 => 1u32..40, 1 => 100u32..=300],
            jitter_ms in 0i64..200,
            steps in prop::collection::vec(
                (
                    prop_oneof![4 => 0i64..3_000, 1 => 0i64..80_000],
                    0f64..=1.0,
                    prop::bool::weighted(0.1),
                    prop_oneof![9 => Just(0i64), 1 => 0i64..3_000_000],
                    prop::option::weighted(0.02, 0i64..2_000_000),
                ),
                1..800,
            ),
        ) {
            let limit = limit(per_second, jitter_ms);
            let mut pacer = pacer(limit);
            let mut now_us = 1_000_000_000;
            let mut arrivals = Vec::new();
            for (late_us, transit, hands_over, idle_us, refused) in steps {
                if hands_over {
                    pacer = Pacer::new(limit, pacer.position());
                }
                now_us = next_at_us(&pacer, now_us + idle_us) + late_us;
                let number = pacer.depart(now_us);
                if let Some(pause_us) = refused {
                    pacer.refused(number, now_us + pause_us);
                }
                arrivals.push(now_us + fraction_of(transit, jitter_ms * 1000));
            }
            prop_assert!(busiest_second(arrivals) <= per_second as usize);
        }

        /// The provider's own limit is lower than the one that is configured. It refuses what
        /// exceeds a sliding second, and asks for a second's pause.
        #[test]
        fn a_provider_that_allows_less_than_was_thought_refuses_little(
            per_second in 10u32..100,
            share in 0.3f64..0.9,
        ) {
            let allowed = (f64::from(per_second) * share).ceil();
            let mut pacer = pacer(limit(per_second, 25));
            let mut taken: VecDeque<i64> = VecDeque::new();
            let mut refused = 0;
            let count = 2_000;
            let mut now_us = 0;
            let start_us = next_at_us(&pacer, 0);
            for _ in 0..count {
                now_us = next_at_us(&pacer, now_us);
                let number = pacer.depart(now_us);
                taken.retain(|at_us| now_us - at_us < SECOND_US);
                if ((taken.len() + 1) as f64) > allowed {
                    refused += 1;
                    pacer.refused(number, now_us + SECOND_US);
                } else {
                    taken.push_back(now_us);
                }
            }
            prop_assert!(f64::from(refused) < 0.08 * f64::from(count), "{refused} refused");
            let used = f64::from(count - refused) / ((now_us - start_us) as f64 / 1e6);
            prop_assert!(used > 0.5 * allowed.floor(), "{used} of {allowed} a second");
        }

        /// The allowance covers open connections only. Here requests open them, which takes as long as
        /// the adversary likes; some of those do not get through, and nothing arrives.
        #[test]
        fn connections_that_open_slowly_exceed_nothing(
            per_second in 1u32..20,
            jitter_ms in 0i64..100,
            steps in prop::collection::vec(
                (
                    0i64..20_000,
                    prop::option::weighted(0.4, (0i64..3_000_000, prop::bool::weighted(0.9))),
                    0f64..=1.0,
                    0i64..500_000,
                    prop::bool::weighted(0.05),
                ),
                1..150,
            ),
        ) {
            let limit = limit(per_second, jitter_ms);
            let mut pacer = pacer(limit);
            let mut now_us = 1_000_000_000;
            let mut arrivals = Vec::new();
            // When there is word of a departure, which it is, and whether it gets through.
            let mut connecting: Vec<(i64, DepartureNumber, bool)> = Vec::new();
            for (late_us, opening, transit, idle_us, hands_over) in steps {
                now_us += idle_us / 10;
                loop {
                    let waits = pacer.next() == Slot::AfterWord
                        || (hands_over && pacer.is_connecting());
                    connecting.sort_unstable();
                    if !connecting.first().is_some_and(|(at_us, ..)| waits || *at_us <= now_us) {
                        break;
                    }
                    let (at_us, number, gets_through) = connecting.remove(0);
                    now_us = now_us.max(at_us);
                    if gets_through {
                        pacer.connected(number, at_us);
                    } else {
                        pacer.answered(number, at_us);
                    }
                }
                if hands_over {
                    pacer = Pacer::new(limit, pacer.position());
                    connecting.clear();
                }
                now_us = next_at_us(&pacer, now_us) + late_us;
                let number = pacer.depart(now_us);
                let way_us = fraction_of(transit, jitter_ms * 1000);
                match opening {
                    None => arrivals.push(now_us + way_us),
                    Some((takes_us, gets_through)) => {
                        pacer.connecting(number);
                        connecting.push((now_us + takes_us, number, gets_through));
                        if gets_through {
                            arrivals.push(now_us + takes_us + way_us);
                        }
                    }
                }
            }
            prop_assert!(busiest_second(arrivals) <= per_second as usize);
        }

        /// Here the way to the provider takes as long as it likes, up to three seconds.
        #[test]
        fn a_strict_pacer_keeps_the_limit_whatever_the_way_does(
            per_second in 1u32..20,
            steps in prop::collection::vec(
                (0i64..20_000, 0i64..3_000_000, 0i64..500_000), 1..150,
            ),
            hand_over_at in 0usize..150,
        ) {
            let limit = RateLimit { strict: true, ..limit(per_second, 0) };
            let mut pacer = pacer(limit);
            let mut now_us = 1_000_000_000;
            let mut arrivals = Vec::new();
            let mut under_way: Vec<(i64, DepartureNumber)> = Vec::new();
            for (index, (late_us, there_us, back_us)) in steps.into_iter().enumerate() {
                let is_handed_over = index == hand_over_at;
                loop {
                    let waits = is_handed_over || pacer.next() == Slot::AfterWord;
                    under_way.sort_unstable();
                    let heard = under_way.first().is_some_and(|(at, _)| waits || *at <= now_us);
                    if !heard {
                        break;
                    }
                    let (at_us, number) = under_way.remove(0);
                    now_us = now_us.max(at_us);
                    pacer.answered(number, at_us);
                }
                if is_handed_over {
                    pacer = Pacer::new(limit, pacer.position());
                }
                now_us = next_at_us(&pacer, now_us) + late_us;
                let number = pacer.depart(now_us);
                arrivals.push(now_us + there_us);
                under_way.push((now_us + there_us + back_us, number));
            }
            prop_assert!(busiest_second(arrivals) <= per_second as usize);
        }

        /// Whoever is punctual uses all that the allowance leaves, N / (1 + J) a second, to within the
        /// microsecond by which each distance is rounded up.
        #[test]
        fn a_punctual_sender_uses_all_that_the_allowance_leaves(
            per_second in 1u32..=300,
            jitter_ms in 0i64..200,
        ) {
            let mut pacer = pacer(limit(per_second, jitter_ms));
            let start_us = next_at_us(&pacer, 0);
            let mut at_us = start_us;
            let count = 10 * i64::from(per_second);
            for _ in 0..count {
                at_us = next_at_us(&pacer, at_us);
                pacer.depart(at_us);
            }
            prop_assert!(at_us - start_us <= (count - 1) * pacer.even_us());
        }

        /// A departure may not follow the one a limit before it any sooner, however late that was: a
        /// late one costs a little.
        #[test]
        fn a_sender_that_wakes_up_a_little_late_uses_nearly_all_that_the_allowance_leaves(
            per_second in 1u32..=300,
            jitter_ms in 0i64..200,
            lateness_us in prop::collection::vec(0i64..2_000, 50),
        ) {
            let mut pacer = pacer(limit(per_second, jitter_ms));
            let start_us = next_at_us(&pacer, 0);
            let mut at_us = start_us;
            let count = 10 * per_second;
            for late_us in lateness_us.iter().cycle().take(count as usize) {
                at_us = next_at_us(&pacer, at_us) + late_us;
                pacer.depart(at_us);
            }
            let used = f64::from(count - 1) / ((at_us - start_us) as f64 / 1e6);
            let allowed = f64::from(per_second) / (1.0 + jitter_ms as f64 / 1000.0);
            prop_assert!(used >= allowed * 0.99, "{used} of {allowed} a second");
        }

        /// The limit changes while it runs, and where senders hand over.
        #[test]
        fn no_sliding_second_exceeds_the_highest_limit_that_was_in_force_in_it(
            jitter_ms in 0i64..100,
            steps in prop::collection::vec(
                (
                    0i64..5_000,
                    0f64..=1.0,
                    prop::option::weighted(0.05, 1u32..=300),
                    prop::bool::weighted(0.05),
                ),
                1..600,
            ),
        ) {
            let mut in_force = vec![(0, 50)];
            let mut pacer = pacer(limit(50, jitter_ms));
            let mut now_us = 1_000_000_000;
            let mut arrivals = Vec::new();
            for (late_us, transit, changed, hands_over) in steps {
                let current = pacer.limit();
                if hands_over {
                    pacer = Pacer::new(current, pacer.position());
                }
                if let Some(per_second) = changed {
                    pacer.set_limit(RateLimit { per_second, ..current });
                    in_force.push((now_us, per_second));
                }
                now_us = next_at_us(&pacer, now_us) + late_us;
                pacer.depart(now_us);
                arrivals.push(now_us + fraction_of(transit, jitter_ms * 1000));
            }
            arrivals.sort_unstable();
            for (index, end_us) in arrivals.iter().enumerate() {
                let since_us = end_us - SECOND_US;
                let within = arrivals[..=index].iter().rev().take_while(|at| **at > since_us);
                // What arrives in it left a jitter earlier at most.
                let began = in_force.partition_point(|(at, _)| *at <= since_us - 1000 * jitter_ms);
                let highest = in_force[began.saturating_sub(1)..]
                    .iter()
                    .take_while(|(at, _)| at <= end_us)
                    .map(|(_, per_second)| *per_second as usize)
                    .max();
                prop_assert!(within.count() <= highest.unwrap_or(0));
            }
        }

        #[test]
        fn a_changed_limit_never_lets_one_leave_early(before in 1u32..300, after in 1u32..300) {
            let mut pacer = pacer(limit(before, 50));
            let at_us = next_at_us(&pacer, 0);
            pacer.depart(at_us);
            let spacings = [pacer.spacing_us(), {
                pacer.set_limit(limit(after, 50));
                pacer.spacing_us()
            }];
            let distance_us = next_at_us(&pacer, 0) - at_us;
            prop_assert!(spacings.iter().all(|spacing_us| distance_us >= spacing_us - CATCH_UP_US));
        }
    }

    #[test]
    fn an_idle_lane_saves_nothing_up() {
        let mut pacer = pacer(limit(10, 0));
        pacer.depart(1_000_000_000);
        pacer.depart(1_060_000_000);
        assert!(next_at_us(&pacer, 0) >= 1_060_100_000 - CATCH_UP_US);
    }

    #[test]
    fn a_lower_limit_counts_what_left_under_the_higher_one() {
        let mut pacer = pacer(limit(200, 0));
        for index in 0..100 {
            pacer.depart(1_000_000_000 + 5_000 * index);
        }
        pacer.set_limit(limit(10, 0));
        // Ten have left within the last 50 ms.
        assert_eq!(next_at_us(&pacer, 0), 1_000_000_000 + 5_000 * 90 + SECOND_US);
    }

    #[test]
    fn a_successor_with_a_lower_limit_counts_what_left_under_the_higher_one() {
        let mut pacer = pacer(limit(200, 0));
        for _ in 0..300 {
            let at_us = next_at_us(&pacer, 0);
            pacer.depart(at_us);
        }
        let last_us = pacer.recent.back().expect("some").at_us;
        let successor = Pacer::new(limit(10, 0), pacer.position());
        assert!(next_at_us(&successor, 0) >= last_us + SECOND_US);
    }

    #[test]
    fn a_limit_that_is_lowered_right_after_a_hand_over_counts_what_left_before_it() {
        for own in [0, 1, 9, 10, 30] {
            let mut predecessor = pacer(limit(200, 0));
            let mut left_us: Vec<i64> = Vec::new();
            let send = |pacer: &mut Pacer, left_us: &mut Vec<i64>, count| {
                for _ in 0..count {
                    let at_us = next_at_us(pacer, 0);
                    pacer.depart(at_us);
                    left_us.push(at_us);
                }
            };
            send(&mut predecessor, &mut left_us, 300);
            let mut successor = Pacer::new(limit(200, 0), predecessor.position());
            send(&mut successor, &mut left_us, own);
            successor.set_limit(limit(10, 0));
            let from = left_us.len();
            send(&mut successor, &mut left_us, 30);
            for index in from..left_us.len() {
                let since_us = left_us[index] - SECOND_US;
                let within = left_us[..=index].iter().filter(|at_us| **at_us > since_us).count();
                assert!(within <= 10, "after {own} of its own: {within} within a second");
            }
        }
    }

    #[test]
    fn a_lower_limit_waits_for_no_predecessor_of_long_ago() {
        let mut predecessor = pacer(limit(200, 0));
        predecessor.depart(1_000_000_000);
        let mut successor = Pacer::new(limit(200, 0), predecessor.position());
        successor.depart(1_003_000_000);
        successor.set_limit(limit(10, 0));
        let wait_us = next_at_us(&successor, 0) - 1_003_000_000;
        assert!((90_000..=100_000).contains(&wait_us), "{wait_us} us");
    }

    #[test]
    fn a_limit_that_goes_down_and_up_again_counts_what_a_predecessor_sent() {
        let mut predecessor = pacer(limit(200, 0));
        for _ in 0..300 {
            predecessor.depart(next_at_us(&predecessor, 0));
        }
        let began_us = predecessor.position().next_at_us;
        let mut successor = Pacer::new(limit(200, 0), predecessor.position());
        for _ in 0..30 {
            successor.depart(next_at_us(&successor, 0));
        }
        successor.set_limit(limit(10, 0));
        successor.set_limit(limit(60, 0));
        assert!(next_at_us(&successor, 0) >= began_us + SECOND_US);
    }

    #[test]
    fn a_pause_that_the_provider_asked_for_is_kept_and_handed_over() {
        let mut pacer = pacer(limit(10, 0));
        let number = pacer.depart(1_000_000_000);
        pacer.refused(number, 2_000_000_000);
        let successor = Pacer::new(limit(10, 0), pacer.position());
        assert_eq!(next_at_us(&successor, 0), 2_000_000_000);
        assert_eq!(
            successor.spacing_us(),
            2 * Pacer::new(limit(10, 0), PacerPosition::default()).spacing_us()
        );
    }

    #[test]
    fn a_request_that_may_open_a_connection_counts_from_its_answer() {
        let mut pacer = pacer(limit(2, 25));
        let number = pacer.depart_cold(1_000_000_000);
        pacer.depart(1_000_512_500);
        assert_eq!(pacer.next(), Slot::AfterWord);
        pacer.answered(number, 1_000_300_000);
        assert_eq!(pacer.next(), Slot::At(1_001_300_000));
        assert!(pacer.position().next_at_us >= 1_001_300_000);
    }

    #[test]
    fn a_request_that_opens_a_connection_counts_from_when_that_is_open() {
        let mut pacer = pacer(limit(2, 25));
        let number = pacer.depart(1_000_000_000);
        pacer.connecting(number);
        pacer.depart(1_000_512_500);
        assert_eq!(pacer.next(), Slot::AfterWord);
        assert!(pacer.is_connecting());
        pacer.connected(number, 1_000_100_000);
        assert!(!pacer.is_connecting());
        assert_eq!(pacer.next(), Slot::At(1_001_125_000));
    }

    #[test]
    fn a_position_from_a_clock_that_was_hours_ahead_stops_nobody_for_hours() {
        let position = PacerPosition { next_at_us: 3_600 * SECOND_US, ..PacerPosition::default() };
        let successor = Pacer::new(limit(10, 0), position.no_later_than(0));
        assert_eq!(next_at_us(&successor, 0), 310 * SECOND_US);
        let pacer = Pacer::new(limit(10, 0), position.no_later_than(3_500 * SECOND_US));
        assert_eq!(next_at_us(&pacer, 0), 3_600 * SECOND_US);
    }

    #[test]
    fn a_hand_over_costs_an_even_lane_nothing() {
        let mut pacer = pacer(limit(10, 0));
        let mut at_us = next_at_us(&pacer, 0);
        for _ in 0..25 {
            pacer.depart(at_us);
            at_us = next_at_us(&pacer, 0);
        }
        assert_eq!(pacer.position().next_at_us, at_us);
    }

    #[test]
    fn a_strict_pacer_waits_for_an_answer_and_then_a_second() {
        let mut pacer = pacer(RateLimit { strict: true, ..limit(1, 0) });
        let number = pacer.depart(1_000_000_000);
        assert_eq!(pacer.next(), Slot::AfterWord);
        pacer.answered(number, 1_005_000_000);
        assert_eq!(pacer.next(), Slot::At(1_006_000_000));
    }
}
