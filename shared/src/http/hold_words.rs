//! What holds a message, in sentences for persons.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::domain::hold::{
    Ahead, ChannelHold, Hold, LaneHold, MessageHold, PaceHold, Pause, Predecessor, TimeCause,
};
use crate::domain::{Status, WindowClass};
use crate::use_cases::Place;

/// Words for what holds the messages at one place. Times are in the place's zone.
pub(super) struct HoldWords<'a> {
    place: &'a Place,
}

impl<'a> HoldWords<'a> {
    pub(super) fn new(place: &'a Place) -> Self {
        Self { place }
    }

    /// The words for a message that nothing holds.
    pub(super) fn turn() -> String {
        "No rule holds it: it leaves in its turn.".to_owned()
    }

    pub(super) fn of(&self, hold: &Hold) -> String {
        match hold {
            Hold::Message(hold) => self.of_message(hold),
            Hold::Channel(hold) => self.of_channel(hold),
            Hold::Unreadable { what } => format!(
                "Alimi cannot read {what}. The message waits until the version of the code is \
                 deployed that wrote this record."
            ),
            Hold::Lane(hold) => self.of_lane(hold),
            Hold::Pace(hold) => self.of_pace(hold),
        }
    }

    fn of_message(&self, hold: &MessageHold) -> String {
        match hold {
            MessageHold::Claimed { since_ms, answer_by_ms } => format!(
                "A sender claimed it at {}, and its request may be on its way.{}",
                self.at(*since_ms),
                self.by(" The answer must come by ", *answer_by_ms)
            ),
            MessageHold::Accepted { since_ms, receipt_by_ms } => format!(
                "The provider took it at {}. Its receipt has not come yet.{}",
                self.at(*since_ms),
                self.by(" The receipt must come by ", *receipt_by_ms)
            ),
            MessageHold::InDoubt { status, since_ms } => {
                let (status, since) = (status.as_str(), self.at(*since_ms));
                format!("It is {status} since {since}. A late receipt or a person settles it.")
            }
            MessageHold::Over { status, since_ms } => {
                let (status, since) = (status.as_str(), self.at(*since_ms));
                format!("It is {status} since {since}. Nothing more happens with it.")
            }
            MessageHold::Predecessor(Some(predecessor)) => self.of_predecessor(predecessor),
            MessageHold::Predecessor(None) => {
                "It waits for the end of an earlier step of its sequence.".to_owned()
            }
            MessageHold::Time { cause, until_ms } => self.of_time(*cause, *until_ms),
            MessageHold::Expired { at_ms } => format!(
                "It expired at {}. It becomes `expired` when its turn comes.",
                self.at(*at_ms)
            ),
            MessageHold::Window { opens_at_ms } => {
                format!("Its sending window{} opens at {}.", self.window(), self.at(*opens_at_ms))
            }
            MessageHold::ExpiresBeforeWindow { opens_at_ms, expires_at_ms } => format!(
                "Its sending window{} opens at {}, and it expires before that, at {}.",
                self.window(),
                self.at(*opens_at_ms),
                self.at(*expires_at_ms)
            ),
            MessageHold::NoCommonHours => "The windows of its template, its channel and the stack \
                have no minute in common. It waits until an operator widens one of them."
                .to_owned(),
            MessageHold::AttemptsExhausted => {
                "It has used up every attempt. It becomes `failed` when its turn comes.".to_owned()
            }
        }
    }

    fn of_predecessor(&self, predecessor: &Predecessor) -> String {
        let Predecessor { notification, step, status, since_ms, deadline_ms } = predecessor;
        // The API counts steps from 1.
        let step = step + 1;
        let is = format!("is {} since {}", status.as_str(), self.at(*since_ms));
        let then = match status {
            Status::Sending => self.by(" Its answer must come by ", *deadline_ms),
            Status::Accepted => self.by(" Its receipt must come by ", *deadline_ms),
            Status::Unknown | Status::Unconfirmed => {
                " A late receipt or a person has to settle it.".to_owned()
            }
            Status::Blocked
            | Status::Deferred
            | Status::Queued
            | Status::Failed
            | Status::Cancelled
            | Status::Expired
            | Status::Delivered => String::new(),
        };
        format!(
            "It waits for the end of step {step} (notification {notification}), which {is}.{then}"
        )
    }

    fn of_time(&self, cause: TimeCause, until_ms: i64) -> String {
        let until = self.at(until_ms);
        match cause {
            TimeCause::NotBefore => {
                format!("Its producer asked that it leaves no earlier than {until}.")
            }
            TimeCause::Delay => {
                format!("Its step waits after the end of the step before it, until {until}.")
            }
            TimeCause::Retry { failures } => {
                let times = if failures == 1 { "time" } else { "times" };
                format!(
                    "The provider asked {failures} {times} to try again later. The next attempt is \
                     at {until}."
                )
            }
        }
    }

    fn of_channel(&self, hold: &ChannelHold) -> String {
        let channel = &self.place.channel;
        match hold {
            ChannelHold::Missing => format!(
                "There is no channel {channel}. The message waits until an operator stores the \
                 channel."
            ),
            ChannelHold::Paused(pause) => {
                let by = pause.as_ref().map_or_else(String::new, |Pause { by, since_ms }| {
                    format!(" by {by} since {}", self.at(*since_ms))
                });
                format!(
                    "The channel {channel} is paused{by}. The message waits until an operator \
                     resumes the channel."
                )
            }
        }
    }

    fn of_lane(&self, hold: &LaneHold) -> String {
        match hold {
            LaneHold::CircuitOpen { since_ms, next_probe_at_ms, gives_up_at_ms } => format!(
                "The provider takes no messages since {}. Alimi probes it again at {}.{}",
                self.at(*since_ms),
                self.at(*next_probe_at_ms),
                self.by(" If that lasts, the message expires at ", *gives_up_at_ms)
            ),
            LaneHold::Paused { until_ms } => format!(
                "Nothing leaves over the channel before {}: the provider asked for a pause.",
                self.at(*until_ms)
            ),
        }
    }

    fn of_pace(&self, hold: &PaceHold) -> String {
        match hold {
            PaceHold::Slowed { per_second, until_ms } => format!(
                "The provider said that there were too many requests. The channel sends \
                 {per_second:.1} messages a second now, and is back at its limit at {}.",
                self.at(*until_ms)
            ),
            PaceHold::Ahead(Ahead { count, is_more, per_second, sending_us }) => {
                let more = if *is_more { "More than " } else { "" };
                let takes = SignedDuration::from_secs(sending_us / 1_000_000);
                let (messages, leave) =
                    if *count == 1 { ("message", "leaves") } else { ("messages", "leave") };
                format!(
                    "{more}{} {messages} {leave} before it. At {per_second:.1} a second that takes \
                     about {takes:#}.",
                    thousands(*count)
                )
            }
        }
    }

    /// A time in the place's zone.
    fn at(&self, at_ms: i64) -> String {
        in_zone(at_ms, &self.place.zone)
    }

    /// A sentence that ends with a time, if there is one.
    fn by(&self, beginning: &str, at_ms: Option<i64>) -> String {
        at_ms.map_or_else(String::new, |at_ms| format!("{beginning}{}.", self.at(at_ms)))
    }

    fn window(&self) -> String {
        let window = self.place.class.as_ref().and_then(WindowClass::window);
        let zone = self.place.zone.iana_name().unwrap_or("UTC");
        window.map_or_else(String::new, |window| format!(" {window} ({zone})"))
    }
}

/// A time as RFC 3339 has it, in whole seconds and with the zone's offset.
fn in_zone(at_ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A number with a comma before every three digits.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
