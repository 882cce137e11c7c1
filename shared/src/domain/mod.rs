//! The rules, as pure code: no clock, no randomness, no I/O.
//!
//! Code that depends on time takes the time as an argument (Unix milliseconds, `…_at_ms`).

pub mod agenda;
mod attempt;
pub mod audience;
mod category;
pub mod channel;
pub mod circuit_breaker;
mod cron;
mod delivery_policy;
pub mod duration;
mod event;
mod expression;
mod field_error;
pub mod figures;
pub mod hours;
pub mod id;
mod message;
pub mod name;
mod notification;
pub mod pacer;
mod phone;
mod priority;
mod provider_config;
mod rate_limit;
mod reason;
mod receipt;
mod recipient;
pub mod run;
pub mod schedule;
mod sequence_place;
pub mod slow_down;
mod spread;
mod status;
mod template;
pub mod transition;
pub mod zone;

#[cfg(test)]
mod cron_tests;
#[cfg(test)]
mod expression_tests;
#[cfg(test)]
mod transition_tests;

pub use self::agenda::{AgendaKey, ExceptionKey};
pub use self::attempt::{Attempt, Outcome, Response};
pub use self::audience::Audience;
pub use self::category::Category;
pub use self::channel::{Channel, Timeouts};
pub use self::delivery_policy::{Confirmation, DeliveryPolicy, RetryPolicy};
pub use self::event::Event;
pub use self::expression::Expression;
pub use self::field_error::FieldError;
pub use self::figures::{LaneFigures, SweepFigures};
pub use self::hours::{HoursConfig, WindowClass};
pub use self::id::{NotificationId, Reference, RequestKey, RunKey, SequenceId};
pub use self::message::{Button, Fallback, Message};
pub use self::notification::Notification;
pub use self::pacer::{Pacer, PacerPosition};
pub use self::phone::PhoneNumber;
pub use self::priority::Priority;
pub use self::provider_config::ProviderConfig;
pub use self::rate_limit::RateLimit;
pub use self::reason::Reason;
pub use self::receipt::{Receipt, ReceiptRecord, Verdict};
pub use self::recipient::Recipient;
pub use self::run::Run;
pub use self::schedule::Schedule;
pub use self::sequence_place::SequencePlace;
pub use self::spread::Spread;
pub use self::status::Status;
pub use self::template::Template;
pub use self::transition::{Effect, Refused, Transition, transition};
