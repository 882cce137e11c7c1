//! The window class: a message's window and zone as one short text, which is part of index keys.
//!
//! Messages of one class may leave at the same times. A sender therefore knows from the key alone
//! whether they may leave now.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::window::{Opening, Window};

/// The text of the class of messages that may leave at any time.
const EXEMPT: &str = "-";

/// `-`, or a window and an IANA zone: `1000-1900@Asia/Seoul`. Contains no `#`, which separates the
/// parts of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WindowClass(Option<(Window, TimeZone)>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWindowClass {
    #[error("{0:?} is not a window class; it must be - or HHMM-HHMM@Zone")]
    Form(String),
    #[error("{0:?} is not an IANA time zone")]
    Zone(String),
}

impl WindowClass {
    /// The class of messages that may leave at any time.
    pub const EXEMPT: Self = Self(None);

    /// The class of messages that may leave inside `window` in this IANA zone.
    pub fn within(window: Window, zone: &str) -> Result<Self, BadWindowClass> {
        // The class keeps the database's spelling, so that each zone has only one class.
        TimeZone::get(zone)
            .ok()
            .filter(|zone| zone.iana_name().is_some_and(|name| !name.contains('#')))
            .map(|zone| Self(Some((window, zone))))
            .ok_or_else(|| BadWindowClass::Zone(zone.to_owned()))
    }

    /// The window; `None` for the exempt class.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        self.0.as_ref().map(|(window, _)| *window)
    }

    /// Whether messages of this class may leave at any time.
    #[must_use]
    pub fn is_exempt(&self) -> bool {
        self.0.is_none()
    }

    /// When the class opens next, if it is closed now.
    #[must_use]
    pub fn closed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let (window, zone) = self.0.as_ref()?;
        (!window.contains(now, zone)).then(|| window.next_opening(now, zone))
    }

    /// The zone in which the window counts; `None` for the exempt class.
    #[must_use]
    pub fn zone(&self) -> Option<&TimeZone> {
        self.0.as_ref().map(|(_, zone)| zone)
    }

    /// Whether messages of this class may leave now, and when that changes.
    #[must_use]
    pub fn opening(&self, now: Timestamp) -> Opening {
        match &self.0 {
            None => Opening::Open { until: None },
            Some((window, zone)) => window.opening(now, zone),
        }
    }
}

impl fmt::Display for WindowClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str(EXEMPT),
            Some((window, zone)) => {
                write!(f, "{}@{}", window.compact(), zone.iana_name().unwrap_or_default())
            }
        }
    }
}

impl From<WindowClass> for String {
    fn from(class: WindowClass) -> Self {
        class.to_string()
    }
}

impl TryFrom<String> for WindowClass {
    type Error = BadWindowClass;

    fn try_from(text: String) -> Result<Self, BadWindowClass> {
        text.parse()
    }
}

impl FromStr for WindowClass {
    type Err = BadWindowClass;

    fn from_str(text: &str) -> Result<Self, BadWindowClass> {
        if text == EXEMPT {
            return Ok(Self::EXEMPT);
        }
        let (window, zone) = text
            .split_once('@')
            .and_then(|(window, zone)| Some((Window::from_compact(window)?, zone)))
            .ok_or_else(|| BadWindowClass::Form(text.to_owned()))?;
        Self::within(window, zone)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::hours::{Decision, Hours, decide, test_zones};

    fn class(text: &str) -> Result<WindowClass, BadWindowClass> {
        text.parse()
    }

    #[test]
    fn a_class_is_printed_as_window_and_zone() {
        let window = Window::new("10:00", "19:00").unwrap();
        let class = WindowClass::within(window, "asia/seoul").unwrap();
        assert_eq!(class.to_string(), "1000-1900@Asia/Seoul");
        assert_eq!(WindowClass::EXEMPT.to_string(), "-");
    }

    #[test]
    fn texts_that_are_no_window_class_are_refused() {
        for text in ["", "--", "1000-1900", "1900-1000@UTC", "100-1900@UTC", "한국-1900@UTC"] {
            assert_eq!(class(text), Err(BadWindowClass::Form(text.into())));
        }
        for zone in ["Mars/Olympus", "", "Etc/Unknown", "UTC#1", "+09:00"] {
            let text = format!("1000-1900@{zone}");
            assert_eq!(class(&text), Err(BadWindowClass::Zone(zone.into())), "{zone}");
        }
    }

    #[test]
    fn a_class_knows_when_it_opens_and_closes() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let seoul = class("1000-1900@Asia/Seoul").unwrap();
        assert_eq!(
            seoul.opening(at("2026-03-01T09:59:59.999+09:00")),
            Opening::Closed { until: at("2026-03-01T10:00+09:00") }
        );
        assert_eq!(
            seoul.opening(at("2026-03-01T10:00+09:00")),
            Opening::Open { until: Some(at("2026-03-01T19:00+09:00")) }
        );
        assert_eq!(
            seoul.opening(at("2026-03-01T19:00+09:00")),
            Opening::Closed { until: at("2026-03-02T10:00+09:00") }
        );
    }

    #[test]
    fn the_exempt_class_is_always_open() {
        assert_eq!(
            WindowClass::EXEMPT.opening(Timestamp::UNIX_EPOCH),
            Opening::Open { until: None }
        );
    }

    #[test]
    fn a_class_of_any_zone_is_parsed_back_to_itself() {
        for zone in test_zones::all() {
            let name = zone.iana_name().unwrap();
            let class = WindowClass::within(Window::OFFICE_HOURS, name).unwrap();
            assert!(!class.to_string().contains('#'));
            assert_eq!(class.to_string().parse(), Ok(class));
        }
    }

    proptest! {
        #[test]
        fn the_hours_rule_agrees_with_the_opening(
            window in test_zones::window(),
            (zone, now) in test_zones::zone_and_instant(),
        ) {
            let class = WindowClass::within(window, zone.iana_name().unwrap()).unwrap();
            let (expected, closed_until) = match class.opening(now) {
                Opening::Open { .. } => (Decision::Send, None),
                Opening::Closed { until } => (Decision::Defer(until), Some(until)),
            };
            prop_assert_eq!(class.closed_until(now), closed_until);
            prop_assert_eq!(decide(now, Hours::Within(window), &zone, None), expected);
        }

        #[test]
        fn a_class_of_any_window_is_parsed_back_to_itself(window in test_zones::window()) {
            let class = WindowClass::within(window, "Asia/Seoul").unwrap();
            prop_assert_eq!(class.to_string().parse(), Ok(class));
        }

        #[test]
        fn parsing_any_text_gives_a_class_or_an_error(text in "\\PC*|[-0-9@A-Z/]*") {
            if let Ok(class) = text.parse::<WindowClass>() {
                prop_assert_eq!(class.to_string().to_lowercase(), text.to_lowercase());
            }
        }
    }
}
