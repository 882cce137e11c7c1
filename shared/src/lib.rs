//! Alimi (알리미): notifications in order, at the provider's pace, inside the permitted hours, and
//! never twice.
//!
//! Data flows one way: functions → [`use_cases`] → [`ports`] ← adapters ([`store`], [`providers`],
//! [`aws`]), over the pure rules of [`domain`].

pub mod aws;
pub mod domain;
pub mod http;
pub mod ports;
pub mod providers;
pub mod store;
pub mod telemetry;
pub mod time;
mod tls;
pub mod use_cases;
