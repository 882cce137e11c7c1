//! The hours rule.
//!
//! Windows are configured for the stack, a channel, a category and a template. The strictest one
//! wins: a message may leave when every window that applies to it is open. Windows are in the
//! recipient's time zone, or in the channel's when the recipient has none.
//!
//! | message                  | windows that apply                                    |
//! |--------------------------|-------------------------------------------------------|
//! | real-time, informational | none: it is exempt, whatever is configured            |
//! | real-time, advertising   | advertising, the channel's, the template's            |
//! | scheduled, informational | scheduled, the channel's, the template's              |
//! | scheduled, advertising   | scheduled, advertising, the channel's, the template's |

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::window::Window;

/// The legal category of a message. Decides, together with a message's [origin](Origin), which
/// sending hours apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Tells the recipient something that they need to know.
    Informational,
    /// Wants to sell something. The law forbids advertising in quiet hours.
    Advertising,
}

/// Long enough to contain every calendar date.
const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The windows of the whole stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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

/// Why a message is sent at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Something has just happened.
    RealTime,
    /// Somebody planned the time.
    Scheduled,
}

/// The hours of one message: the intersection of all windows that apply to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// It may leave at any time.
    Exempt,
    /// It may leave inside this window.
    Within(Window),
    /// The windows have no minute in common. A configuration that leads here must be refused.
    Never,
}

impl Hours {
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
    Send,
    /// The message may leave at this time, and not before.
    Defer(Timestamp),
    /// The message may never leave.
    Drop(DropReason),
}

/// Why a message may never leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// It has expired.
    Expired,
    /// It will expire before its window opens.
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

/// What to do with a message that has these hours in this zone and expires at `expires_at`.
///
/// The rule is asked when a message is stored and again when it is about to leave. A message that
/// expires before its window opens is dropped at once, because waiting could not help it.
#[must_use]
pub fn decide(
    now: Timestamp,
    hours: Hours,
    zone: &TimeZone,
    expires_at: Option<Timestamp>,
) -> Decision {
    let is_expired = |at: Timestamp| expires_at.is_some_and(|expires_at| expires_at <= at);
    if is_expired(now) {
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
    if is_expired(opens_at) {
        Decision::Drop(DropReason::NoOpeningBeforeExpiry)
    } else {
        Decision::Defer(opens_at)
    }
}

/// The first of a schedule's occurrences in the year (366 days) after `from` that lies outside the
/// hours. A schedule with such an occurrence can be refused when it is saved.
///
/// `occurrences` are in order and after `from`. A schedule has at most one a minute, so at most
/// half a million of them are checked.
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
