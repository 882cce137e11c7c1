//! The rules, as pure code: no clock, no randomness, no I/O.
//!
//! Everything that depends on time takes it as an argument (Unix milliseconds, `…_at_ms`).

pub mod agenda;
pub mod audience;
pub mod channel;
mod cron;
pub mod expression;
pub mod figures;
pub mod hours;
pub mod id;
pub mod notification;
pub mod pacer;
pub mod phone;
pub mod run;
pub mod schedule;
pub mod silence;
pub mod slow_down;
pub mod template;
pub mod transition;
pub mod zone;

#[cfg(test)]
mod cron_tests;
#[cfg(test)]
mod expression_tests;
#[cfg(test)]
mod transition_tests;

pub use agenda::{AgendaKey, ExceptionKey};
pub use audience::Audience;
pub use channel::{Channel, Confirmation, DeliveryPolicy, RateLimit, RetryPolicy};
pub use expression::Expression;
pub use figures::{LaneFigures, SweepFigures};
pub use hours::{HoursConfig, WindowClass};
pub use id::{NotificationId, Reference, RequestKey, SequenceId};
pub use notification::{
    Attempt, Button, Fallback, Message, Notification, Outcome, Priority, Reason, ReceiptRecord,
    Recipient, SequencePlace, Status,
};
pub use pacer::{Pacer, PacerPosition};
pub use phone::PhoneNumber;
pub use run::{Run, RunKey};
pub use schedule::Schedule;
pub use template::{Category, Template};
pub use transition::{Effect, Event, Receipt, Refused, Transition, Verdict, transition};
