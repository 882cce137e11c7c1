//! Starting the end-to-end tests.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::cost::{StepCost, Work};
use crate::process;
use crate::tool::{self, Missing};
use crate::workspace;

/// What the end-to-end test does about building the functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Builds them, and tells no story.
    Only,
    /// Builds them if a source is newer than the last build.
    IfStale,
}

/// Builds the end-to-end tests where needed, and runs them in place of this program.
pub fn run(arguments: &[OsString]) -> ExitCode {
    exec(deployed(arguments))
}

/// The same for the check of `sam local`.
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

/// The end-to-end test as a step of the gate runs it, with its tools installed.
pub fn command(build: Build) -> Result<Command, Missing> {
    let option = match build {
        Build::Only => "--build-only",
        Build::IfStale => "--build-if-stale",
    };
    deployed(&[option.into()])
}

/// The check of `sam local` as the gate runs it, with its tools installed.
pub fn sam_local() -> Result<Command, Missing> {
    containers(&[])
}

/// Compiles both, where the lints have not.
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

/// With the whole workspace's features: all its crates are there already when its tests have run.
fn test(name: &str) -> Command {
    workspace::cargo(["test", "--workspace", "--locked", "--test", name])
}
