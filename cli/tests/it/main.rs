//! The command line, against the stack in this process and over loopback.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail the test that called them")]

mod api_calls;
mod callers;
mod catalog;
mod channels;
mod command_line;
mod dead_letters;
mod decisions;
mod exit_codes;
mod lists;
mod messages;
mod scripted_api;
mod stack;
