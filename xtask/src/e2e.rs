//! Starting the end-to-end test.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::process;
use crate::tool::{self, Missing};

/// Builds the end-to-end test where needed and becomes it.
pub fn run(arguments: &[OsString]) -> ExitCode {
    become_it(command(arguments))
}

/// The same for the check of `sam local`.
pub fn run_sam_local(arguments: &[OsString]) -> ExitCode {
    become_it(tool::docker().and_then(|()| sam_local(arguments)))
}

fn become_it(command: Result<Command, Missing>) -> ExitCode {
    match command {
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

/// What builds and runs the check of `sam local`, with its tools installed.
pub fn sam_local(arguments: &[OsString]) -> Result<Command, Missing> {
    let (sam, cargo_lambda) = (tool::sam()?, tool::cargo_lambda()?);
    let mut cargo =
        process::cargo(["test", "--workspace", "--locked", "--test", "sam_local", "--"]);
    cargo.arg("--sam").arg(sam).arg("--cargo-lambda").arg(cargo_lambda).args(arguments);
    Ok(cargo)
}
