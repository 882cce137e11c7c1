//! The project's commands. `cargo xtask demo` runs Alimi on this machine, and `cargo xtask test`
//! runs the gate. Both need Rust and Python 3, and download everything else on first use.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

mod changes;
mod cost;
mod e2e;
mod gate;
mod imports;
mod local;
mod process;
mod request;
mod step;
mod tool;
mod workspace;

use std::env;
use std::process::ExitCode;

use request::{Request, USAGE};

/// The exit code for an invalid command line, as is usual on Unix.
const USAGE_ERROR: u8 = 2;

/// Runs the command that the command line names.
#[must_use]
pub fn main() -> ExitCode {
    if process::variable(workspace::IS_RUSTDOC).is_some() {
        return workspace::document(env::args_os().skip(1));
    }
    match Request::read(env::args_os().skip(1)) {
        Ok(Request::Local { command, arguments }) => local::run(command, &arguments),
        Ok(Request::Bench(arguments)) => local::bench(&arguments),
        Ok(Request::E2e(arguments)) => e2e::run(&arguments),
        Ok(Request::SamLocal(arguments)) => e2e::run_sam_local(&arguments),
        Ok(Request::Test { steps, scope }) => gate::run(&steps, scope),
        Ok(Request::Step { step, scope, report }) => gate::run_one(step, scope, &report),
        Ok(Request::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Request::Version) => {
            println!("alimi {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}
