//! Starts the local stack and the benchmarks.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::process;
use crate::tool::{self, Missing};

/// Builds `alimi-local` if needed, and replaces this program with it.
pub fn run(command: &str, arguments: &[OsString]) -> ExitCode {
    eprintln!("Compiling changed code. The first build takes a few minutes.");
    let mut cargo = process::cargo(["run", "-p", "alimi-local", "--", command]);
    // The paths in the arguments are relative to where the command was given.
    cargo.current_dir(".").args(arguments);
    process::exec(cargo)
}

/// Builds the benchmarks with optimisation if needed, and replaces this program with them.
pub fn bench(arguments: &[OsString]) -> ExitCode {
    match bench_command(arguments) {
        Ok(command) => {
            eprintln!("Compiling changed code. The first build takes about ten minutes.");
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
    // cargo-lambda builds the functions, and the SAM CLI starts them.
    if arguments.first().is_some_and(|part| BENCHMARKS_OF_FUNCTIONS.iter().any(|it| part == it)) {
        cargo.arg("--cargo-lambda").arg(tool::CARGO_LAMBDA.ready()?);
        cargo.arg("--sam").arg(tool::SAM.ready()?);
    }
    Ok(cargo)
}

/// Benchmarks that build and start the functions.
const BENCHMARKS_OF_FUNCTIONS: [&str; 4] = ["all", "binaries", "profiles", "quota"];
