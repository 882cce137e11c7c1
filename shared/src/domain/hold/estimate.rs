//! When a message leaves, as far as that can be told.

use jiff::Timestamp;

use super::message::PresentHours;
use super::situation::{Hold, Situation};
use crate::domain::WindowClass;
use crate::domain::duration::timestamp_of_us;
use crate::domain::hours::Opening;

/// A backlog that does not fit into so many windows has no end that anybody would believe.
const WINDOWS_MAX: usize = 1000;

/// When a message leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// At about this time, in Unix milliseconds.
    At { at_ms: i64 },
    /// It expires before it could leave, at this time.
    ExpiresFirst { at_ms: i64 },
    /// That depends on an event, such as a receipt.
    DependsOnEvent,
    /// It does not wait to leave.
    NotWaiting,
}

/// The earliest time at which no rule holds the message any more, in Unix milliseconds. The messages
/// ahead do not count. `None` when that depends on an event.
#[must_use]
pub fn earliest_ms(situation: &Situation<'_>, holds: &[Hold]) -> Option<i64> {
    let mut earliest_ms = situation.now_us.div_euclid(1000);
    for hold in holds.iter().filter(|hold| !hold.is_pace()) {
        earliest_ms = earliest_ms.max(hold.ends_at_ms()?);
    }
    // The window may be closed again by then.
    Some(match situation.hours {
        PresentHours::Class(class) => opening_ms(class, earliest_ms),
        PresentHours::Never | PresentHours::Unknown => earliest_ms,
    })
}

/// When the message leaves, given everything that holds it.
#[must_use]
pub fn estimate(situation: &Situation<'_>, holds: &[Hold]) -> Estimate {
    let notification = situation.notification;
    if !notification.status.is_waiting() {
        return Estimate::NotWaiting;
    }
    let Some(earliest_ms) = earliest_ms(situation, holds) else {
        return Estimate::DependsOnEvent;
    };
    let sending_ms = situation.ahead.map_or(0, |ahead| ahead.sending_us / 1000);
    let at_ms = match situation.hours {
        PresentHours::Class(class) => after_sending_ms(class, earliest_ms, sending_ms),
        PresentHours::Never | PresentHours::Unknown => Some(earliest_ms + sending_ms),
    };
    let Some(at_ms) = at_ms else { return Estimate::DependsOnEvent };
    match notification.expires_at_ms {
        Some(expires_at_ms) if notification.is_expired_at(at_ms) => {
            Estimate::ExpiresFirst { at_ms: expires_at_ms }
        }
        Some(_) | None => Estimate::At { at_ms },
    }
}

/// The time itself while the class is open, or else its next opening.
fn opening_ms(class: &WindowClass, at_ms: i64) -> i64 {
    let closed_until = class.closed_until(timestamp_of_us(1000 * at_ms));
    closed_until.map_or(at_ms, Timestamp::as_millisecond)
}

/// For how long a class is open between two times, in milliseconds.
#[must_use]
pub fn open_ms(class: &WindowClass, from_ms: i64, until_ms: i64) -> i64 {
    let (mut at_ms, mut open_ms) = (from_ms, 0);
    for _ in 0..WINDOWS_MAX {
        if at_ms >= until_ms {
            break;
        }
        let (is_open, changes_at) = match class.opening(timestamp_of_us(1000 * at_ms)) {
            Opening::Open { until } => (true, until),
            Opening::Closed { until } => (false, Some(until)),
        };
        let next_ms = changes_at.map_or(until_ms, |at| at.as_millisecond().min(until_ms));
        if is_open {
            open_ms += next_ms - at_ms;
        }
        at_ms = next_ms;
    }
    open_ms
}

/// When the messages ahead have left that take so long, if they leave while the class is open only.
fn after_sending_ms(class: &WindowClass, from_ms: i64, sending_ms: i64) -> Option<i64> {
    let (mut at_ms, mut left_ms) = (from_ms, sending_ms);
    for _ in 0..WINDOWS_MAX {
        match class.opening(timestamp_of_us(1000 * at_ms)) {
            Opening::Closed { until } => at_ms = until.as_millisecond(),
            Opening::Open { until: None } => return Some(at_ms + left_ms),
            Opening::Open { until: Some(until) } => {
                let open_ms = until.as_millisecond() - at_ms;
                if left_ms < open_ms {
                    return Some(at_ms + left_ms);
                }
                left_ms -= open_ms;
                at_ms = until.as_millisecond();
            }
        }
    }
    None
}
