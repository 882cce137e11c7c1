//! What departures tell their lane while they are under way, as soon as it happens.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::steady::SteadyClock;
use crate::domain::Outcome;
use crate::domain::pacer::DepartureNumber;
use crate::domain::silence::Word;
use crate::ports::{LaneAdvice, Way};

/// What a departure tells at once, whatever is still to be recorded of it: a database that is slow must
/// not look like a provider that is.
#[derive(Clone, Copy, Debug)]
pub(super) enum News {
    /// How it gets on its way.
    Way(Way),
    /// Its answer came, or none will: what that says of the provider, and asks of the lane.
    Answered(Word, LaneAdvice),
    /// It did not leave after all.
    Unsent,
}

/// Which departure tells it, and when, by the drain's steady clock.
pub(super) type Told = (DepartureNumber, News, i64);

/// What departures have told.
pub(super) struct Ear {
    clock: SteadyClock,
    told: UnboundedSender<Told>,
    heard: UnboundedReceiver<Told>,
}

impl Ear {
    pub(super) fn new(clock: SteadyClock) -> Self {
        let (told, heard) = unbounded_channel();
        Self { clock, told, heard }
    }

    /// For a departure that leaves now.
    pub(super) fn numbered(&self, number: DepartureNumber, left_us: i64) -> Numbered {
        Numbered { number, left_us, clock: self.clock.clone(), told: self.told.clone() }
    }

    /// The next news. Never `None`: this end could always tell some.
    pub(super) async fn hear(&mut self) -> Option<Told> {
        self.heard.recv().await
    }

    /// The next news, if there are any.
    pub(super) fn heard(&mut self) -> Option<Told> {
        self.heard.try_recv().ok()
    }
}

/// A departure, as the pacer knows it.
#[derive(Clone)]
pub(super) struct Numbered {
    number: DepartureNumber,
    left_us: i64,
    clock: SteadyClock,
    told: UnboundedSender<Told>,
}

impl Numbered {
    /// It gets on its way.
    pub(super) fn tell(&self, way: Way) {
        self.say(News::Way(way));
    }

    /// Its answer came just now, or none will.
    pub(super) fn answered(&self, outcome: Outcome, advice: LaneAdvice) {
        let word = match outcome {
            Outcome::Accepted | Outcome::Rejected | Outcome::Throttled | Outcome::ChannelDown => {
                Word::Answered(self.clock.now_us() - self.left_us)
            }
            Outcome::Unreachable | Outcome::Uncertain => Word::None,
        };
        self.say(News::Answered(word, advice));
    }

    /// It did not leave after all.
    pub(super) fn unsent(&self) {
        self.say(News::Unsent);
    }

    fn say(&self, news: News) {
        // Nobody listens any more when the drain is over.
        let _unheard = self.told.send((self.number, news, self.clock.now_us()));
    }
}
