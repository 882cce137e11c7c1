//! End-to-end tests of Alimi, deployed as far as one machine permits.
//!
//! [`deployed`] is `cargo xtask e2e`. The SAM CLI builds the functions and deploys the checkout's
//! own template.yaml to `MiniStack`, an emulator of AWS that runs the built functions as processes.
//! The simulated provider runs beside it. Then stories run over HTTP. They also check the shapes of
//! events, the functions' environment, the mappings of queues and of the catalog's stream, the
//! schedules, and that a deployment can be repeated and deleted.
//!
//! They cannot check some things, because the emulator differs from AWS:
//!
//! - **Permissions.** The emulator enforces no IAM policy and verifies no signature. The stories
//!   see only that a route requires a signed request.
//! - **Throttling** of the API's routes and of DynamoDB, and the account's concurrency.
//! - **Scheduler's retries and dead letters**, and alarms.
//! - **Speed.** The emulator handles some hundred invocations a second. `docs/benchmarks.md` has
//!   Alimi's speed.
//!
//! `run_ministack.py` patches the emulator where it could not run the unchanged template.
//!
//! [`sam_local`] is `cargo xtask sam-local`, which runs every function by `sam local`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "command-line programs print")]

mod account;
mod api;
mod aws;
pub mod deployed;
mod docker;
mod group;
mod ministack;
mod outputs;
mod program;
mod provider;
mod report;
mod result;
mod sam;
pub mod sam_local;
mod stack;
mod stories;
mod waiting;
