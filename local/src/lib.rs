//! The whole of Alimi in one process: the same handlers as in the cloud, an embedded DynamoDB, an
//! in-memory wake queue and a simulated provider. Never deployed.
//!
//! Two ways to run it share everything but time and transport: [`real`] listens on loopback and
//! runs on the machine's clock; [`world`] runs inside a test, on a clock that the test moves.

pub mod audit;
pub mod aws_endpoint;
pub mod catalog_file;
pub mod demo;
pub mod embedded;
pub mod figures;
pub mod files;
pub mod meter;
pub mod permissions;
pub mod queue;
pub mod real;
pub mod run_queue;
pub mod sample_bed;
pub mod sample_events;
pub mod scheduler;
pub mod schedules;
mod services;
pub mod simulator;
pub mod stack;
pub mod world;
