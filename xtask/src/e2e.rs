//! Starting the end-to-end test.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::process;
use crate::tool::{self, Missing};

/// Builds the end-to-end test where needed and becomes it.
pub fn run(arguments: &[OsString]) -> ExitCode {
    match command(arguments) {
        Ok(command) => process::become_it(command),
        Err(missing) => {
            eprintln!("{}. To run it: {}.", missing.reason, missing.remedy);
            ExitCode::FAILURE
        }
    }
}

/// What builds and runs it, with its tools installed.
pub fn command(arguments: &[OsString]) -> Result<Command, Missing> {
    let (sam, python, cargo_lambda) = (tool::sam()?, tool::ministack()?, tool::cargo_lambda()?);
    // The whole workspace's features: all its crates are there already when its tests have run.
    let mut cargo = process::cargo(["test", "--workspace", "--locked", "--test", "deployed", "--"]);
    cargo.arg("--sam").arg(sam).arg("--python").arg(python);
    cargo.arg("--cargo-lambda").arg(cargo_lambda).args(arguments);
    Ok(cargo)
}
