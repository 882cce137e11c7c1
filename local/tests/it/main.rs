//! Tests of the whole stack in one process: requests to the functions, and the messages that arrive
//! at the simulated provider.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail the test that called them")]

mod bad_requests;
mod captured_log;
mod change_feed;
mod claims;
mod console;
mod crash;
mod dead_letters;
mod demo;
mod deploy_guide;
mod events;
mod faults;
mod figures;
mod http;
mod kept;
mod late_index;
mod logs;
mod outages;
mod permissions;
mod phone_numbers;
mod provider_contract;
mod provider_receipts;
mod restored;
mod runs;
mod serve;
mod stored_rows;
mod stories;
mod stream_reader;
mod sweeper;
mod template;
mod virtual_days;
mod why;
mod windows;
