//! All of Alimi in one process: the deployed functions' handlers, stand-ins for AWS services, and a
//! simulated provider. Never deployed.
//!
//! [`serve`] runs it on loopback and on the machine's clock. [`testing::world`] runs it inside a
//! test, on a clock that the test controls, without sockets.

pub mod arguments;
pub mod aws;
pub mod channels;
pub mod data_dir;
pub mod demo;
pub mod event_sources;
pub mod listen;
pub mod serve;
pub mod simulator;
pub mod stack;
pub mod stopping;
pub mod testing;
pub mod webhooks;
mod wiring;
