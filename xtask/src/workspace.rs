//! How the workspace is built, linted, tested and documented.
//!
//! Compiling the AWS clients dominates the gate, so they are compiled once. `cargo clippy` and
//! `cargo doc` would each need a second copy of every dependency, made for checking only. Instead
//! clippy's driver is the compiler of the workspace's own crates, whose programs then run as tests;
//! and rustdoc reads the libraries that this made.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::Value;

use crate::process::{self, Failure};

/// What `cargo clippy -- -D warnings` hands to clippy's driver.
const DENY_WARNINGS: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";

/// A cargo that compiles the workspace's own crates with clippy, where a warning is an error. The
/// programs do the same as the plain compiler's; dependencies are shared with it.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = process::cargo(arguments);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", DENY_WARNINGS);
    cargo
}

/// Builds, and so lints, every target. The whole workspace always: a part of it would have its
/// dependencies built with fewer features, and all that depends on them once more.
pub fn build() -> Command {
    let mut cargo = cargo(["build", "--workspace", "--locked", "--lib", "--bins", "--tests"]);
    // These two are no tests for cargo, since they are run with arguments. `--all-targets` would
    // include them, and link a test program for every target without tests besides.
    cargo.args(["--test", "deployed", "--test", "sam_local"]);
    cargo
}

/// Runs every test: those of libraries and programs too, where their manifests do not say that there
/// are none. There are no documentation tests.
pub fn test() -> Command {
    cargo(["test", "--workspace", "--locked", "--tests"])
}

/// Set where this program stands in for rustdoc.
pub const IS_RUSTDOC: &str = "ALIMI_XTASK_IS_RUSTDOC";

/// Documents every library, where a warning is an error. For `cargo doc`, cargo would make metadata of
/// every dependency first, which takes as long as linting. For documentation tests it hands rustdoc
/// the libraries that are there; this program stands in for rustdoc and documents them instead.
pub fn docs() -> Command {
    let mut cargo = cargo(["test", "--doc", "--workspace", "--locked"]);
    cargo.env(IS_RUSTDOC, "1").env("RUSTDOC", std::env::current_exe().unwrap_or_default());
    cargo
}

/// Documents what cargo wanted tested.
pub fn document(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut rustdoc = process::program("rustdoc");
    rustdoc.args(documenting(arguments));
    rustdoc.args(["-D", "warnings", "--out-dir"]).arg(process::root().join("target/doc"));
    rustdoc.env_remove(IS_RUSTDOC);
    // Cargo calls it in the package's folder and names files from there.
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

/// Rustdoc's arguments without those that ask for tests.
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

/// A test program, and the folder that its tests run in.
#[derive(Debug, PartialEq, Eq)]
pub struct TestProgram {
    /// The package's folder, relative to the workspace's.
    pub package: PathBuf,
    pub program: PathBuf,
}

/// Every test program, built if need be.
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

/// Runs one test program, leaving out the tests whose names have one of these parts.
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
    fn rustdoc_is_asked_for_documentation_where_cargo_asked_for_tests() {
        let asked = ["--crate-name", "alimi", "--test", "src/lib.rs", "--test-run-directory", "/x"];
        let kept = documenting(asked.into_iter().chain(["--extern", "a=b"]).map(OsString::from));
        assert_eq!(kept, ["--crate-name", "alimi", "src/lib.rs", "--extern", "a=b"]);
    }

    #[test]
    fn test_programs_are_told_from_the_programs_that_they_test() {
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
