//! A provider that falls silent.
//!
//! Every request without a usable answer leaves a message in doubt, or uses up one of its tries. A lane
//! that went on at its full pace would work its whole queue off into exceptions within minutes. So:
//!
//! - *it hangs*: many requests are under way, and none has been answered for a while, by what its answers
//!   take. Nothing more leaves before there is word of one.
//! - *it is down*: many requests in a row ended without an answer. One leaves at a time, after pauses
//!   that grow.
//!
//! One answer, whatever it says, ends both. Times are Unix microseconds.

use serde::{Deserialize, Serialize};

/// Fewer requests than this without an answer are bad luck.
const MANY: u32 = 10;
/// For how long requests go on while none is answered, at least.
const QUIET_US: i64 = 2_000_000;
/// And beyond what answers take lately: a slow provider is not a silent one. What seems to take longer
/// than any request may was answered while this process was frozen.
const BEYOND_US: i64 = 1_000_000;
const ANSWERS_TAKE_MAX_US: i64 = 10_000_000;
/// The first pause before a request that tries whether the provider is back, and the longest.
const PAUSE_US: [i64; 2] = [1_000_000, 30_000_000];

/// How a request ended, as far as it tells of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The provider answered, after so many microseconds.
    Answered(i64),
    /// No connection, no answer, or none that says what became of the request.
    None,
    /// It did not leave after all.
    Unsent,
}

/// When the next request may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// From this time on.
    From(i64),
    /// Once one that is under way has ended.
    AfterWord,
}

/// How long a provider has been silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Requests that ended without an answer since the last answer.
    in_a_row: u32,
    /// Requests that left to try whether the provider is back.
    probes: u32,
    /// When the next of these may leave.
    probe_at_us: i64,
    /// What the slowest of its answers take lately.
    #[serde(default)]
    answers_take_us: i64,
    #[serde(skip)]
    under_way: u32,
    /// Since when requests have been under way and none was answered.
    #[serde(skip)]
    quiet_since_us: i64,
}

impl Silence {
    /// A request left.
    pub fn departed(&mut self, at_us: i64) {
        if self.under_way == 0 {
            self.quiet_since_us = at_us;
        }
        self.under_way += 1;
        self.probes += u32::from(self.is_down());
    }

    /// A request that had left has ended.
    pub fn ended(&mut self, word: Word, at_us: i64) {
        self.under_way = self.under_way.saturating_sub(1);
        match word {
            Word::Answered(took_us) => {
                *self = Self {
                    under_way: self.under_way,
                    quiet_since_us: self.quiet_since_us.max(at_us),
                    // Forgotten within some tens of quicker ones.
                    answers_take_us: took_us
                        .min(ANSWERS_TAKE_MAX_US)
                        .max(self.answers_take_us / 8 * 7),
                    ..Self::default()
                };
            }
            Word::None => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                let pause_us = PAUSE_US[0] << self.probes.min(16);
                self.probe_at_us = at_us + pause_us.min(PAUSE_US[1]);
            }
            Word::Unsent => {}
        }
    }

    /// Requests that have left and not ended.
    #[must_use]
    pub fn under_way(&self) -> u32 {
        self.under_way
    }

    /// Whether so many requests in a row had no answer that the provider counts as down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.in_a_row >= MANY
    }

    /// When the next request may leave.
    #[must_use]
    pub fn permit(&self, now_us: i64) -> Permit {
        let quiet_us = QUIET_US.max(self.answers_take_us + BEYOND_US);
        let hangs = self.under_way >= MANY && now_us - self.quiet_since_us >= quiet_us;
        if hangs || (self.is_down() && self.under_way > 0) {
            return Permit::AfterWord;
        }
        Permit::From(if self.is_down() { self.probe_at_us } else { 0 })
    }

    /// The same, if it was left by somebody whose clock was right.
    #[must_use]
    pub fn no_later_than(self, now_us: i64) -> Self {
        Self { probe_at_us: self.probe_at_us.min(now_us + PAUSE_US[1]), ..self }
    }

    /// What a successor goes on with, by a clock that is ahead by this much. It hears nothing of the
    /// requests that are under way.
    #[must_use]
    pub fn handed_over(self, clock_ahead_us: i64) -> Self {
        let probe_at_us = self.probe_at_us + clock_ahead_us;
        Self { probe_at_us, under_way: 0, quiet_since_us: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    /// A provider that has just been found to be down.
    fn down() -> Silence {
        let mut silence = Silence::default();
        for _ in 0..MANY {
            silence.departed(0);
            silence.ended(Word::None, 0);
        }
        silence
    }

    /// Requests at 50 a second to a provider that answers none, each given up after 10 s. Answers with
    /// when each left.
    fn departures_to_the_silent(seconds: i64) -> Vec<i64> {
        let mut silence = Silence::default();
        let mut left_us: Vec<i64> = Vec::new();
        let mut ended = 0;
        let mut now_us = 0;
        while now_us < seconds * SECOND_US {
            while left_us.get(ended).is_some_and(|at_us| at_us + 10 * SECOND_US <= now_us) {
                silence.ended(Word::None, left_us[ended] + 10 * SECOND_US);
                ended += 1;
            }
            if matches!(silence.permit(now_us), Permit::From(at_us) if at_us <= now_us) {
                silence.departed(now_us);
                left_us.push(now_us);
            }
            now_us += SECOND_US / 50;
        }
        left_us
    }

    #[test]
    fn a_provider_that_hangs_takes_few_messages_with_it() {
        let left_us = departures_to_the_silent(600);
        let at_once = left_us.iter().filter(|at_us| **at_us < 10 * SECOND_US).count();
        assert_eq!(at_once, 100, "those of two seconds");
        let later = left_us.len() - at_once;
        assert!((10..25).contains(&later), "{later} in the rest of ten minutes");
    }

    #[test]
    fn one_answer_ends_it() {
        let mut silence = down();
        assert_eq!(silence.permit(0), Permit::From(SECOND_US));
        silence.departed(SECOND_US);
        assert_eq!(silence.permit(9 * SECOND_US), Permit::AfterWord);
        silence.ended(Word::Answered(8 * SECOND_US), 9 * SECOND_US);
        assert_eq!(silence.permit(9 * SECOND_US), Permit::From(0));
    }

    #[test]
    fn pauses_between_tries_grow_to_half_a_minute() {
        let mut silence = down();
        let pauses_s: Vec<i64> = (0..7)
            .map(|_| {
                let Permit::From(at_us) = silence.permit(0) else { panic!("none is under way") };
                silence.departed(0);
                silence.ended(Word::None, 0);
                at_us / SECOND_US
            })
            .collect();
        assert_eq!(pauses_s, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn a_slow_provider_is_not_taken_for_a_silent_one() {
        let mut silence = Silence::default();
        // Each answer takes five seconds; one comes every tenth of a second.
        for tick in 0..1000 {
            let now_us = tick * SECOND_US / 10;
            if tick >= 50 {
                silence.ended(Word::Answered(5 * SECOND_US), now_us);
                assert_eq!(silence.permit(now_us), Permit::From(0));
            }
            silence.departed(now_us);
        }
    }

    #[test]
    fn a_successor_knows_how_slow_the_provider_is() {
        let mut silence = Silence::default();
        silence.departed(0);
        silence.ended(Word::Answered(5 * SECOND_US), 5 * SECOND_US);
        let mut successor = silence.handed_over(0);
        let depart_many = |silence: &mut Silence| (0..MANY).for_each(|_| silence.departed(0));
        depart_many(&mut successor);
        assert_eq!(successor.permit(5 * SECOND_US), Permit::From(0));
        assert_eq!(successor.permit(6 * SECOND_US), Permit::AfterWord);
        // It has become quick.
        (0..MANY).for_each(|_| successor.ended(Word::Answered(50_000), 0));
        depart_many(&mut successor);
        assert_eq!(successor.permit(2_500_000), Permit::AfterWord);
    }

    #[test]
    fn a_few_that_wait_do_not_hold_up_the_others() {
        let mut silence = Silence::default();
        for at_us in 0..i64::from(MANY) - 1 {
            silence.departed(at_us);
        }
        assert_eq!(silence.permit(60 * SECOND_US), Permit::From(0));
    }

    #[test]
    fn a_successor_goes_on_where_its_predecessor_was() {
        let mut silence = down();
        silence.departed(SECOND_US);
        let successor = silence.handed_over(7);
        assert!(successor.is_down());
        assert_eq!(successor.permit(0), Permit::From(SECOND_US + 7));
    }
}
