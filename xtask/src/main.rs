//! What a checkout needs besides Rust and Python 3, and the one gate: `cargo xtask demo` and
//! `cargo xtask test` do all set-up themselves.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its words are for a terminal")]

mod e2e;
mod gate;
mod local;
mod process;
mod request;
mod step;
mod tool;

use std::env;
use std::process::ExitCode;

use request::{Request, USAGE};

/// The command line was not understood, as other programs say it.
const MISREAD: u8 = 2;

fn main() -> ExitCode {
    match Request::read(env::args_os().skip(1)) {
        Ok(Request::Local { command, arguments }) => local::run(command, &arguments),
        Ok(Request::Bench(arguments)) => local::bench(&arguments),
        Ok(Request::E2e(arguments)) => e2e::run(&arguments),
        Ok(Request::SamLocal(arguments)) => e2e::run_sam_local(&arguments),
        Ok(Request::Test(steps)) => gate::run(&steps),
        Ok(Request::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(misread) => {
            eprintln!("{misread}\n\n{USAGE}");
            ExitCode::from(MISREAD)
        }
    }
}
