//! Starting the local stack and the benchmarks.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::process;
use crate::tool::{self, Missing};

/// Builds `alimi-local` where needed, and runs it in place of this program.
pub fn run(command: &str, arguments: &[OsString]) -> ExitCode {
    eprintln!("Building what has changed; the first build takes some minutes.");
    let mut cargo = process::cargo(["run", "-p", "alimi-local", "--", command]);
    cargo.args(arguments);
    process::exec(cargo)
}

/// Builds `alimi-catalog` where needed, and runs it in place of this program.
pub fn catalog(arguments: &[OsString]) -> ExitCode {
    let mut cargo = process::cargo(["run", "-p", "alimi-catalog", "--"]);
    cargo.args(arguments);
    process::exec(cargo)
}

/// Builds the benchmarks where needed, optimised, and runs them in place of this program.
pub fn bench(arguments: &[OsString]) -> ExitCode {
    match bench_command(arguments) {
        Ok(command) => {
            eprintln!("Building what has changed; the first build takes ten minutes.");
            process::exec(command)
        }
        Err(missing) => {
            eprintln!("{}. To run it: {}.", missing.reason, missing.remedy);
            ExitCode::FAILURE
        }
    }
}

fn bench_command(arguments: &[OsString]) -> Result<Command, Missing> {
    let mut cargo = process::cargo(["run", "--profile", "measure", "-p", "alimi-bench", "--"]);
    cargo.args(arguments);
    // What builds functions, and what starts them.
    if arguments.first().is_some_and(|part| BENCHMARKS_OF_FUNCTIONS.iter().any(|it| part == it)) {
        cargo.arg("--cargo-lambda").arg(tool::CARGO_LAMBDA.ready()?);
        cargo.arg("--sam").arg(tool::SAM.ready()?);
    }
    Ok(cargo)
}

const BENCHMARKS_OF_FUNCTIONS: [&str; 3] = ["all", "binaries", "profiles"];
