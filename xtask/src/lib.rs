//! What a checkout needs besides Rust and Python 3, and the one gate: `cargo xtask demo` and
//! `cargo xtask test` do all set-up themselves.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it writes for a terminal")]

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

/// The exit code for a command line that was not understood, as other programs have it.
const USAGE_ERROR: u8 = 2;

/// Does what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    if process::variable(workspace::IS_RUSTDOC).is_some() {
        return workspace::document(env::args_os().skip(1));
    }
    match Request::read(env::args_os().skip(1)) {
        Ok(Request::Local { command, arguments }) => local::run(command, &arguments),
        Ok(Request::Catalog(arguments)) => local::catalog(&arguments),
        Ok(Request::Bench(arguments)) => local::bench(&arguments),
        Ok(Request::E2e(arguments)) => e2e::run(&arguments),
        Ok(Request::SamLocal(arguments)) => e2e::run_sam_local(&arguments),
        Ok(Request::Test { steps, scope }) => gate::run(&steps, scope),
        Ok(Request::Step { step, scope, report }) => gate::run_one(step, scope, &report),
        Ok(Request::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}
