//! Starting the end-to-end test.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::process;
use crate::step::Unpassed;
use crate::tool;

/// Builds `alimi-e2e` where needed and becomes it.
pub fn run(arguments: &[OsString]) -> ExitCode {
    match ready(arguments) {
        Ok(command) => process::become_it(command),
        Err(Unpassed::Failed(failure)) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
        Err(Unpassed::NotRun(missing)) => {
            eprintln!("{}: {}", missing.reason, missing.remedy);
            ExitCode::FAILURE
        }
    }
}

/// The command, with its tools installed, and what it starts built.
pub fn ready(arguments: &[OsString]) -> Result<Command, Unpassed> {
    let (sam, python, cargo_lambda) = (tool::sam()?, tool::ministack()?, tool::cargo_lambda()?);
    eprintln!("Building what has changed; the first build takes a quarter of an hour.");
    let mut build = process::cargo(["build", "--locked", "-p", "alimi-local", "-p", "alimi-e2e"]);
    process::run(&mut build)?;
    let mut cargo = process::cargo(["run", "--locked", "--quiet", "-p", "alimi-e2e", "--"]);
    cargo.arg("--sam").arg(sam).arg("--python").arg(python);
    cargo.arg("--cargo-lambda").arg(cargo_lambda).args(arguments);
    Ok(cargo)
}
