//! A window: the part of every local day in which messages may leave.
//!
//! One definition covers every case, daylight saving included: an instant is inside a window when
//! the local clock shows a time in `[from, to)`. So a window that lies in a repeated hour opens
//! twice on that day, and a window that lies in a skipped hour does not open on that day.

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const DAY_MINUTES: i16 = 24 * 60;

/// Local times of one day, from `from` up to but not including `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WindowText", into = "WindowText")]
pub struct Window {
    /// Minutes since midnight, below `to_minute`.
    from_minute: i16,
    /// Minutes since midnight, up to 24:00.
    to_minute: i16,
}

/// Whether messages may leave now, and when that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    Open {
        /// The first instant outside the window; `None` when the window never closes.
        until: Option<Timestamp>,
    },
    Closed {
        /// The first instant inside the window.
        until: Timestamp,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWindow {
    #[error("{0:?} is not a time of day; write HH:MM, from 00:00 to 24:00")]
    NotATime(String),
    /// The window is empty, or would pass midnight.
    #[error("from is {0} and to is {1}; from must be before to, on the same day")]
    Order(String, String),
}

/// A window as configuration has it.
#[derive(Serialize, Deserialize)]
struct WindowText {
    from: String,
    to: String,
}

impl Window {
    /// 10:00–19:00.
    pub const OFFICE_HOURS: Self = Self { from_minute: 10 * 60, to_minute: 19 * 60 };
    /// 08:00–20:50.
    pub const OUTSIDE_QUIET_HOURS: Self = Self { from_minute: 8 * 60, to_minute: 20 * 60 + 50 };

    /// 00:00–24:00.
    pub const ALL_DAY: Self = Self { from_minute: 0, to_minute: DAY_MINUTES };

    /// A window from `HH:MM` to `HH:MM`; `to` may be `24:00`.
    pub fn new(from: &str, to: &str) -> Result<Self, BadWindow> {
        let minute = |text: &str| {
            text.split_once(':')
                .and_then(|(hour, minute)| minute_of_day(hour, minute))
                .ok_or_else(|| BadWindow::NotATime(text.to_owned()))
        };
        Self::between(minute(from)?, minute(to)?)
            .ok_or_else(|| BadWindow::Order(from.to_owned(), to.to_owned()))
    }

    /// The times that are in both windows; `None` when there are none.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::between(self.from_minute.max(other.from_minute), self.to_minute.min(other.to_minute))
    }

    #[must_use]
    pub fn contains(self, at: Timestamp, zone: &TimeZone) -> bool {
        self.covers(zone.to_offset(at).to_datetime(at).time())
    }

    /// Whether the window is open now, and when that changes.
    #[must_use]
    pub fn opening(self, now: Timestamp, zone: &TimeZone) -> Opening {
        if self.contains(now, zone) {
            Opening::Open { until: self.next_closing(now, zone) }
        } else {
            Opening::Closed { until: self.next_opening(now, zone) }
        }
    }

    /// The first instant inside the window that is not before `now`.
    ///
    /// A window whose start is skipped by the local clock opens at the clock's jump. If the clock
    /// jumps past the window's end, the window does not open on that day.
    #[must_use]
    pub fn next_opening(self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        // Between two changes of the zone's offset, the local clock runs evenly.
        let mut changes = zone.following(now);
        let mut at = now;
        loop {
            let time = zone.to_offset(at).to_datetime(at).time();
            if self.covers(time) {
                return at;
            }
            let to_start = minutes(self.from_minute) - since_midnight(time);
            let to_start =
                if to_start.is_negative() { to_start + minutes(DAY_MINUTES) } else { to_start };
            let opens_at = later(at, to_start);
            match changes.next() {
                Some(change) if change.timestamp() <= opens_at => at = change.timestamp(),
                Some(_) | None => return opens_at,
            }
        }
    }

    /// The first instant outside the window that is not before `now`; `None` when the window is
    /// the whole day.
    #[must_use]
    pub fn next_closing(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.from_minute == 0 && self.to_minute == DAY_MINUTES {
            return None;
        }
        let mut changes = zone.following(now);
        let mut at = now;
        loop {
            let time = zone.to_offset(at).to_datetime(at).time();
            if !self.covers(time) {
                return Some(at);
            }
            let closes_at = later(at, minutes(self.to_minute) - since_midnight(time));
            match changes.next() {
                Some(change) if change.timestamp() <= closes_at => at = change.timestamp(),
                Some(_) | None => return Some(closes_at),
            }
        }
    }

    /// Parses the form of [`Window::compact`].
    pub(super) fn from_compact(text: &str) -> Option<Self> {
        let minute = |text: &str| {
            text.split_at_checked(2).and_then(|(hour, minute)| minute_of_day(hour, minute))
        };
        let (from, to) = text.split_once('-')?;
        Self::between(minute(from)?, minute(to)?)
    }

    /// `1000-1900`: the form for index keys.
    pub(super) fn compact(self) -> String {
        let side = |minute: i16| format!("{:02}{:02}", minute / 60, minute % 60);
        format!("{}-{}", side(self.from_minute), side(self.to_minute))
    }

    fn between(from_minute: i16, to_minute: i16) -> Option<Self> {
        (from_minute < to_minute).then_some(Self { from_minute, to_minute })
    }

    fn covers(self, time: Time) -> bool {
        let minute = i16::from(time.hour()) * 60 + i16::from(time.minute());
        self.from_minute <= minute && minute < self.to_minute
    }
}

/// `10:00–19:00`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}–{}", clock(self.from_minute), clock(self.to_minute))
    }
}

impl TryFrom<WindowText> for Window {
    type Error = BadWindow;

    fn try_from(text: WindowText) -> Result<Self, BadWindow> {
        Self::new(&text.from, &text.to)
    }
}

impl From<Window> for WindowText {
    fn from(window: Window) -> Self {
        Self { from: clock(window.from_minute), to: clock(window.to_minute) }
    }
}

fn clock(minute: i16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Parses an hour and a minute of two digits each, up to 24:00.
fn minute_of_day(hour: &str, minute: &str) -> Option<i16> {
    let two_digits = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i16>().ok())
            .flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY_MINUTES).then_some(of_day)
}

fn minutes(minutes: i16) -> SignedDuration {
    SignedDuration::from_mins(i64::from(minutes))
}

fn since_midnight(time: Time) -> SignedDuration {
    time.duration_since(Time::midnight())
}

/// Stops at the last instant that a timestamp can have, in the year 9999.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
