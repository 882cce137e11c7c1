//! The figures of one drain: counted as its requests depart and end.

use super::completion::Completion;
use crate::domain::{LaneMetrics, Outcome};

/// The figures of one drain so far.
#[derive(Default)]
pub(crate) struct Figures {
    departure_count: usize,
    lane: LaneMetrics,
}

impl Figures {
    /// Counts the outcome of a token request. `None` when its failure was not the provider's.
    pub(crate) fn token_request_failed(&mut self, outcome: Option<Outcome>) {
        if let Some(outcome) = outcome {
            *self.lane.outcomes.entry(outcome).or_default() += 1;
        }
    }

    /// Messages whose requests have departed.
    pub(super) fn departure_count(&self) -> usize {
        self.departure_count
    }

    /// A message's request departed: now so many are in flight.
    pub(super) fn departed(&mut self, in_flight: usize) {
        self.departure_count += 1;
        self.lane.in_flight_max = self.lane.in_flight_max.max(in_flight);
    }

    /// Counts what was sent. A claim that was put back unsent does not count.
    pub(super) fn completed(&mut self, completion: &mut Completion) {
        if let Some(sent) = completion.sent.take() {
            self.lane.unknown += u64::from(completion.is_unknown);
            self.lane.sent(&sent.notification, sent.outcome, sent.at_ms, sent.received_at_ms);
        }
    }

    pub(super) fn into_lane_figures(self) -> LaneMetrics {
        self.lane
    }
}
