//! Starting the local stack and the benchmarks.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::process;

/// Builds `alimi-local` where needed and becomes it.
pub fn run(command: &str, arguments: &[OsString]) -> ExitCode {
    eprintln!("Building what has changed; the first build takes some minutes.");
    let mut cargo = process::cargo(["run", "-p", "alimi-local", "--", command]);
    cargo.args(arguments);
    process::become_it(cargo)
}

/// Builds the benchmarks where needed, optimised, and becomes them.
pub fn bench(arguments: &[OsString]) -> ExitCode {
    eprintln!("Building what has changed; the first build takes ten minutes.");
    let mut cargo = process::cargo(["run", "--profile", "measure", "-p", "alimi-bench", "--"]);
    cargo.args(arguments);
    process::become_it(cargo)
}
