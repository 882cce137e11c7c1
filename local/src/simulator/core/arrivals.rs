//! What arrived at a provider.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use alimi::domain::Reference;
use serde::Serialize;

use super::behaviour::Fault;

/// One request that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub at_us: i64,
    pub kind: Kind,
    /// The result code of the answer, as the provider numbers its results.
    pub code: u32,
    /// The message's reference key.
    pub reference: Option<Reference>,
    /// The channel that sent the request, if its address said so.
    pub channel: Option<Arc<str>>,
    is_accepted: bool,
}

/// The kind of a request. All kinds count against the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Token,
    Message,
    /// A question about a message.
    Inquiry,
}

/// The result codes of a provider that do not depend on the request.
#[derive(Clone, Copy, Debug)]
pub struct WireCodes {
    pub accepted: u32,
    /// The code of a request that exceeds the limit.
    pub too_many: u32,
}

impl Arrival {
    /// A request that is let in, or refused by a fault.
    pub(super) fn new(
        at_us: i64,
        kind: Kind,
        reference: Option<Reference>,
        codes: WireCodes,
        fault: Option<&Fault>,
    ) -> Self {
        let code = fault.map_or(codes.accepted, |fault| fault.code);
        let is_accepted = kind == Kind::Message && fault.is_none();
        Self { at_us, kind, code, reference, channel: None, is_accepted }
    }

    pub(super) fn of_channel(self, channel: Option<Arc<str>>) -> Self {
        Self { channel, ..self }
    }

    /// Records that the provider refused the request after it had let it in.
    pub(super) fn refuse(&mut self, code: u32) {
        self.code = code;
        self.is_accepted = false;
    }

    /// Whether the provider accepted the message, so that its recipient may get it.
    #[must_use]
    pub fn was_accepted(&self) -> bool {
        self.is_accepted
    }
}

/// The last requests that arrived, in order. Each has an index, which it keeps.
pub(super) struct Arrivals {
    last: VecDeque<Arrival>,
    /// The index of the first one.
    first: usize,
    remembered: usize,
}

impl Arrivals {
    pub(super) fn new(remembered: usize) -> Self {
        Self { last: VecDeque::new(), first: 0, remembered }
    }

    /// Adds an arrival and returns its index.
    pub(super) fn push(&mut self, arrival: Arrival) -> usize {
        if self.last.len() >= self.remembered && self.last.pop_front().is_some() {
            self.first += 1;
        }
        self.last.push_back(arrival);
        self.count() - 1
    }

    /// How many requests arrived, with those that are forgotten.
    pub(super) fn count(&self) -> usize {
        self.first + self.last.len()
    }

    /// Those that are not forgotten.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arrival> {
        self.last.iter()
    }

    /// Those before an index that are not forgotten.
    pub(super) fn before(&self, index: usize) -> impl Iterator<Item = &Arrival> {
        self.last.iter().take(index.saturating_sub(self.first))
    }

    pub(super) fn get(&self, index: usize) -> Option<&Arrival> {
        self.last.get(index.checked_sub(self.first)?)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Arrival> {
        self.last.get_mut(index.checked_sub(self.first)?)
    }
}

/// The most arrivals of one channel in any sliding second.
pub(super) fn busiest_second_of_a_channel(arrivals: &[Arrival]) -> usize {
    let mut channels: BTreeMap<Option<&str>, Vec<Arrival>> = BTreeMap::new();
    for arrival in arrivals {
        channels.entry(arrival.channel.as_deref()).or_default().push(arrival.clone());
    }
    channels.values().map(|arrivals| busiest_second(arrivals)).max().unwrap_or(0)
}

/// The most arrivals in any sliding second.
#[must_use]
pub fn busiest_second(arrivals: &[Arrival]) -> usize {
    let mut times: Vec<i64> = arrivals.iter().map(|arrival| arrival.at_us).collect();
    times.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (index, at_us) in times.iter().enumerate() {
        while times[first] + 1_000_000 <= *at_us {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrival_a_full_second_later_belongs_to_the_next_second() {
        let codes = WireCodes { accepted: 1000, too_many: 5002 };
        let at = |at_us| Arrival::new(at_us, Kind::Message, None, codes, None);
        assert_eq!(busiest_second(&[]), 0);
        assert_eq!(busiest_second(&[at(0), at(1_000_000)]), 1);
        assert_eq!(busiest_second(&[at(999_999), at(0), at(1_000_001)]), 2);
    }

    #[test]
    fn a_forgotten_arrival_leaves_the_indexes_of_the_others_as_they_are() {
        let codes = WireCodes { accepted: 1000, too_many: 5002 };
        let at = |at_us| Arrival::new(at_us, Kind::Message, None, codes, None);
        let mut arrivals = Arrivals::new(2);
        let indexes: Vec<usize> = (0..4).map(|at_us| arrivals.push(at(at_us))).collect();
        assert_eq!(indexes, [0, 1, 2, 3]);
        assert_eq!(arrivals.count(), 4);
        assert_eq!(arrivals.iter().map(|arrival| arrival.at_us).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(arrivals.before(3).map(|arrival| arrival.at_us).collect::<Vec<_>>(), [2]);
        assert!(arrivals.get(1).is_none() && arrivals.get_mut(1).is_none());
        assert_eq!(arrivals.get(3).map(|arrival| arrival.at_us), Some(3));
    }

    #[test]
    fn each_channels_busiest_second_is_its_own() {
        let codes = WireCodes { accepted: 1000, too_many: 5002 };
        let of = |channel: &str| {
            let arrival = Arrival::new(0, Kind::Message, None, codes, None);
            arrival.of_channel(Some(Arc::from(channel)))
        };
        assert_eq!(busiest_second_of_a_channel(&[of("a"), of("b"), of("b")]), 2);
    }

    #[test]
    fn only_a_message_that_was_not_refused_was_accepted() {
        let codes = WireCodes { accepted: 1000, too_many: 5002 };
        let mut message = Arrival::new(0, Kind::Message, None, codes, None);
        assert!(message.was_accepted());
        message.refuse(2000);
        assert!(!message.was_accepted());
        assert!(!Arrival::new(0, Kind::Token, None, codes, None).was_accepted());
        let fault = Fault { status: 429, code: 5002, reset_s: None };
        assert!(!Arrival::new(0, Kind::Message, None, codes, Some(&fault)).was_accepted());
    }
}
