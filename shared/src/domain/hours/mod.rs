//! Sending hours: whether a message may leave now.
//!
//! A [window](Window) is the part of every local day in which messages may leave. [`hours_of`]
//! combines the windows that apply to a message, and [`decide`] applies them. A [window
//! class](WindowClass) is a message's window and zone as a short text.

mod class;
mod rule;
mod window;

#[cfg(test)]
pub(crate) mod test_zones;
#[cfg(test)]
mod tests;

pub use self::class::{BadWindowClass, WindowClass};
pub use self::rule::{
    Category, Decision, DropReason, Hours, HoursConfig, Origin, decide, first_outside, hours_of,
    within_a_year,
};
pub use self::window::{BadWindow, Opening, Window};
