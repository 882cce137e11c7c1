//! Builds, lints, tests and documents the workspace.
//!
//! Compiling the AWS clients takes most of the gate's time, so the gate compiles them once. `cargo
//! clippy` and `cargo doc` would each compile metadata of every dependency besides. Instead,
//! clippy's driver compiles the workspace's own crates, the gate runs the resulting test programs,
//! and rustdoc reads the resulting libraries.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::Value;

use crate::process::{self, Failure};

/// The value that `cargo clippy -- -D warnings` passes to clippy's driver in `CLIPPY_ARGS`.
const DENY_WARNINGS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

/// A cargo that compiles the workspace's own crates with clippy's driver, where a warning is an
/// error. The compiled programs behave as rustc's do. Plain cargo shares the compiled dependencies.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = process::cargo(arguments);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", DENY_WARNINGS);
    cargo
}

/// Builds, and so lints, every target of the whole workspace. Building only a part would select
/// fewer features of the dependencies, and cargo would then compile their dependents again.
pub fn build() -> Command {
    let mut cargo = cargo(["build", "--workspace", "--locked", "--lib", "--bins", "--tests"]);
    // `--tests` does not select these two, because their manifest sets `test = false`: they need
    // arguments. `--all-targets` would also link a test program for every target without tests.
    cargo.args(["--test", "deployed", "--test", "sam_local"]);
    cargo
}

/// Runs the tests of every target, except where a manifest sets `test = false`. The workspace has
/// no documentation tests.
pub fn test() -> Command {
    cargo(["test", "--workspace", "--locked", "--tests", "--no-fail-fast"])
}

/// The environment variable that tells this program to act as rustdoc.
pub const IS_RUSTDOC: &str = "ALIMI_XTASK_IS_RUSTDOC";

/// Documents every library; a warning is an error. `cargo doc` would compile metadata of every
/// dependency first, which takes as long as linting. `cargo test --doc` gives rustdoc the libraries
/// that are already built. So this program replaces rustdoc in `cargo test --doc`, and documents
/// the library instead of testing it.
pub fn docs() -> Command {
    let mut cargo = cargo(["test", "--doc", "--workspace", "--locked"]);
    cargo.env(IS_RUSTDOC, "1").env("RUSTDOC", std::env::current_exe().unwrap_or_default());
    cargo
}

/// Documents a library, given the arguments with which cargo asks rustdoc to test it.
pub fn document(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut rustdoc = process::program("rustdoc");
    rustdoc.args(documenting(arguments));
    rustdoc.args(["-D", "warnings", "--out-dir"]).arg(process::root().join("target/doc"));
    rustdoc.env_remove(IS_RUSTDOC);
    // Cargo starts rustdoc in the package's folder, and its file names are relative to that folder.
    if let Ok(here) = std::env::current_dir() {
        rustdoc.current_dir(here);
    }
    match process::run(&mut rustdoc) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Rustdoc's arguments without the ones that ask for tests.
fn documenting(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--test" | "--no-run") => {}
            Some("--test-run-directory" | "--test-args" | "--test-runtool") => {
                arguments.next();
            }
            _ => kept.push(argument),
        }
    }
    kept
}

/// A compiled test program and its package.
#[derive(Debug, PartialEq, Eq)]
pub struct TestProgram {
    /// The package's folder, relative to the workspace. The tests run in this folder.
    pub package: PathBuf,
    pub program: PathBuf,
}

/// Builds every test program if needed, and lists them.
pub fn test_programs() -> Result<Vec<TestProgram>, Failure> {
    let mut cargo = test();
    cargo.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    let messages = process::captured(&mut cargo)?;
    Ok(messages.lines().filter_map(|line| read_program(line, process::root())).collect())
}

fn read_program(message: &str, root: &Path) -> Option<TestProgram> {
    let message: Value = serde_json::from_str(message).ok()?;
    let text = |value: &Value| value.as_str().map(PathBuf::from);
    let program = text(&message["executable"])?;
    if message["profile"]["test"] != true {
        return None;
    }
    let folder = text(&message["manifest_path"])?.parent()?.to_owned();
    Some(TestProgram { package: folder.strip_prefix(root).ok()?.to_owned(), program })
}

/// Runs one test program without the tests whose names contain one of the `skipped` parts.
pub fn run_tests(test: &TestProgram, skipped: &[&str]) -> Command {
    let mut command = process::program(&test.program);
    command.current_dir(process::root().join(&test.package));
    for part in skipped {
        command.args([OsStr::new("--skip"), OsStr::new(part)]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustdoc_documents_the_library_that_cargo_wants_to_test() {
        let asked = ["--crate-name", "alimi", "--test", "src/lib.rs", "--test-run-directory", "/x"];
        let kept = documenting(asked.into_iter().chain(["--extern", "a=b"]).map(OsString::from));
        assert_eq!(kept, ["--crate-name", "alimi", "src/lib.rs", "--extern", "a=b"]);
    }

    #[test]
    fn only_test_programs_count_as_test_programs() {
        let message = |test: bool| {
            let message = serde_json::json!({
                "reason": "compiler-artifact", "manifest_path": "/w/functions/sender/Cargo.toml",
                "profile": { "test": test }, "executable": "/w/target/debug/deps/it-1",
            });
            read_program(&message.to_string(), Path::new("/w"))
        };
        let package = PathBuf::from("functions/sender");
        let program = PathBuf::from("/w/target/debug/deps/it-1");
        assert_eq!(message(true), Some(TestProgram { package, program }));
        assert_eq!(message(false), None);
    }
}
