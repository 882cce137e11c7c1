//! What holds every message of a lane: the open circuit, and long pauses.

use crate::domain::PacerPosition;
use crate::domain::circuit_breaker::CircuitBreaker;
use crate::domain::pacer::is_long_wait;

/// A reason for which no message leaves over a lane. Times are Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneHold {
    /// The provider cannot take messages. Only probes leave.
    CircuitOpen {
        since_ms: i64,
        /// The next probe leaves no earlier than this.
        next_probe_at_ms: i64,
        /// When the message will have waited for too long; `None` when nobody asked.
        gives_up_at_ms: Option<i64>,
    },
    /// The provider asked for a pause that is longer than a drain waits. Shorter pauses are part of
    /// the pace. While a strict lane waits for answers, its saved position may look like a pause of
    /// some seconds.
    Paused { until_ms: i64 },
}

/// Everything that holds the messages of a lane by the position that its row has.
pub fn lane_holds(position: PacerPosition, now_us: i64) -> impl Iterator<Item = LaneHold> + use<> {
    // As the next holder of the lane corrects it.
    let position = position.no_later_than(now_us);
    let circuit = circuit_hold(&position.circuit_breaker);
    circuit.into_iter().chain(pause_hold(position.next_at_us, now_us))
}

/// Whether the circuit is open, and since when.
#[must_use]
pub fn circuit_hold(circuit_breaker: &CircuitBreaker) -> Option<LaneHold> {
    let since_us = circuit_breaker.open_since_us()?;
    let next_probe_at_us = circuit_breaker.probe_at_us()?;
    Some(LaneHold::CircuitOpen {
        since_ms: since_us.div_euclid(1000),
        next_probe_at_ms: up_to_millis(next_probe_at_us),
        gives_up_at_ms: None,
    })
}

/// Whether a lane whose next slot is at this time pauses until then.
#[must_use]
pub fn pause_hold(next_at_us: i64, now_us: i64) -> Option<LaneHold> {
    is_long_wait(next_at_us, now_us)
        .then(|| LaneHold::Paused { until_ms: up_to_millis(next_at_us) })
}

fn up_to_millis(us: i64) -> i64 {
    us.div_euclid(1000) + i64::from(us.rem_euclid(1000) > 0)
}
