//! The hours rule: whether a message may leave now.
//!
//! Windows are configured per stack, channel, category and template, and the strictest wins: a
//! message may leave when every window that applies to it is open. They hold in the recipient's
//! time zone, or the channel's for recipients who name none.
//!
//! | message                  | windows that apply                                  |
//! |--------------------------|-----------------------------------------------------|
//! | real-time, informational | none: it is exempt, whatever is configured           |
//! | real-time, advertising   | advertising, the channel's, the template's          |
//! | scheduled, informational | scheduled, the channel's, the template's            |
//! | scheduled, advertising   | scheduled, advertising, the channel's, the template's |

mod class;
mod window;

#[cfg(test)]
pub(crate) mod test_zones;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod window_tests;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::class::{BadWindowClass, WindowClass};
pub use self::window::{BadWindow, Opening, Window};
use super::template::Category;

/// Every calendar date comes within it.
const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The windows of the whole stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoursConfig {
    /// When scheduled messages may leave.
    pub scheduled: Window,
    /// When advertising may leave, scheduled or not.
    pub advertising: Window,
}

impl Default for HoursConfig {
    fn default() -> Self {
        Self { scheduled: Window::OFFICE_HOURS, advertising: Window::OUTSIDE_QUIET_HOURS }
    }
}

/// What made a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Something that has just happened.
    RealTime,
    /// A schedule.
    Scheduled,
}

/// The hours of one message, all its windows taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// Any time.
    Exempt,
    /// Only inside this window.
    Within(Window),
    /// The windows have no minute in common. Configuration that leads here is to be refused.
    Never,
}

impl Hours {
    /// Whether a message may leave at this time.
    #[must_use]
    pub fn allow(self, at: Timestamp, zone: &TimeZone) -> bool {
        match self {
            Self::Exempt => true,
            Self::Within(window) => window.contains(at, zone),
            Self::Never => false,
        }
    }
}

/// What to do with a message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may leave.
    Send,
    /// It may leave at this time, and not before.
    Defer(Timestamp),
    /// It may never leave.
    Drop(DropReason),
}

/// Why a message may never leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Its time is over.
    Expired,
    /// Its time will be over before the window opens.
    NoOpeningBeforeExpiry,
    /// Its windows have no minute in common.
    NoCommonHours,
}

/// The hours of a message.
#[must_use]
pub fn hours_of(
    origin: Origin,
    category: Category,
    stack: &HoursConfig,
    channel: Option<Window>,
    template: Option<Window>,
) -> Hours {
    let strictest = match (origin, category) {
        (Origin::RealTime, Category::Informational) => return Hours::Exempt,
        (Origin::RealTime, Category::Advertising) => Some(stack.advertising),
        (Origin::Scheduled, Category::Informational) => Some(stack.scheduled),
        (Origin::Scheduled, Category::Advertising) => stack.scheduled.intersect(stack.advertising),
    };
    [channel, template]
        .into_iter()
        .flatten()
        .fold(strictest, |strictest, window| strictest?.intersect(window))
        .map_or(Hours::Never, Hours::Within)
}

/// What to do with a message that has these hours in this zone and is worthless from `expires_at`
/// on. Asked when a run is planned, and again when the message is about to leave.
///
/// A message that expires before its window opens is dropped at once: waiting could not help it.
#[must_use]
pub fn decide(
    now: Timestamp,
    hours: Hours,
    zone: &TimeZone,
    expires_at: Option<Timestamp>,
) -> Decision {
    let is_over = |at: Timestamp| expires_at.is_some_and(|expires_at| expires_at <= at);
    if is_over(now) {
        return Decision::Drop(DropReason::Expired);
    }
    let window = match hours {
        Hours::Exempt => return Decision::Send,
        Hours::Never => return Decision::Drop(DropReason::NoCommonHours),
        Hours::Within(window) => window,
    };
    if window.contains(now, zone) {
        return Decision::Send;
    }
    let opens_at = window.next_opening(now, zone);
    if is_over(opens_at) {
        Decision::Drop(DropReason::NoOpeningBeforeExpiry)
    } else {
        Decision::Defer(opens_at)
    }
}

/// The first of a schedule's occurrences that may not leave at its time, among those of the year
/// (366 days) after `from`; for refusing the schedule when it is saved.
///
/// `occurrences` are in order and after `from`. A schedule has at most one a minute, so this looks
/// at no more than half a million of them.
#[must_use]
pub fn first_outside(
    occurrences: impl IntoIterator<Item = Timestamp>,
    from: Timestamp,
    hours: Hours,
    zone: &TimeZone,
) -> Option<Timestamp> {
    within_a_year(occurrences, from).find(|&at| !hours.allow(at, zone))
}

/// Those of a schedule's occurrences that are in the year (366 days) after `from`.
pub fn within_a_year(
    occurrences: impl IntoIterator<Item = Timestamp>,
    from: Timestamp,
) -> impl Iterator<Item = Timestamp> {
    let year_later = from.checked_add(YEAR).unwrap_or(Timestamp::MAX);
    occurrences.into_iter().take_while(move |&at| at <= year_later)
}
