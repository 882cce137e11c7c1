//! Starts the end-to-end tests and the check of `sam local`.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::cost::{StepCost, Work};
use crate::process;
use crate::tool::{self, Missing};
use crate::workspace;

/// When the end-to-end test builds the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Builds the functions and runs no test.
    Only,
    /// Builds the functions if a source is newer than the last build, then runs the tests.
    IfStale,
}

/// Builds the end-to-end tests if needed, and replaces this program with them.
pub fn run(arguments: &[OsString]) -> ExitCode {
    exec(deployed(arguments))
}

/// Builds the check of `sam local` if needed, and replaces this program with it.
pub fn run_sam_local(arguments: &[OsString]) -> ExitCode {
    exec(tool::docker().and_then(|()| containers(arguments)))
}

fn exec(command: Result<Command, Missing>) -> ExitCode {
    match command {
        Ok(command) => process::exec(command),
        Err(missing) => {
            eprintln!("{}. To run it: {}.", missing.reason, missing.remedy);
            ExitCode::FAILURE
        }
    }
}

/// The command that runs the end-to-end test for the gate. Installs the tools that the test needs.
pub fn command(build: Build) -> Result<Command, Missing> {
    let option = match build {
        Build::Only => "--build-only",
        Build::IfStale => "--build-if-stale",
    };
    deployed(&[option.into()])
}

/// The command that checks `sam local` for the gate. Installs the tools that the check needs.
pub fn sam_local() -> Result<Command, Missing> {
    containers(&[])
}

/// Compiles both test programs, unless the `lints` step already has.
pub fn compile(cost: &mut StepCost) -> Result<(), process::Failure> {
    let mut cargo = test("deployed");
    cargo.args(["--test", "sam_local", "--no-run"]);
    cost.measure(Work::Compiling, || process::run(&mut cargo))
}

fn deployed(arguments: &[OsString]) -> Result<Command, Missing> {
    let (sam, python) = (tool::SAM.ready()?, tool::ministack()?);
    let cargo_lambda = tool::CARGO_LAMBDA.ready()?;
    let mut cargo = test("deployed");
    cargo.args(["--", "--sam"]).arg(sam).arg("--python").arg(python);
    cargo.arg("--cargo-lambda").arg(cargo_lambda).args(arguments);
    Ok(cargo)
}

fn containers(arguments: &[OsString]) -> Result<Command, Missing> {
    let (sam, cargo_lambda) = (tool::SAM.ready()?, tool::CARGO_LAMBDA.ready()?);
    let mut cargo = test("sam_local");
    cargo.args(["--", "--sam"]).arg(sam).arg("--cargo-lambda").arg(cargo_lambda).args(arguments);
    Ok(cargo)
}

/// Selects the whole workspace, so cargo uses the same features and reuses the crates that are
/// built.
fn test(name: &str) -> Command {
    workspace::cargo(["test", "--workspace", "--locked", "--test", name])
}
