//! Runs other programs.

use std::env;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

/// A command that did not start, or ended with an error.
#[derive(Debug)]
pub struct Failure {
    command: String,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    NotStarted(io::Error),
    Ended(ExitStatus),
}

/// The workspace's folder.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// An environment variable, unless it is empty.
pub fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The cargo that started this program, in the workspace's folder.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = Command::new(variable("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(arguments);
    // Cargo sets these variables to describe xtask. Some build scripts (ring's) watch them. Without
    // this removal, alternating with plain cargo would run those scripts and rebuild their
    // dependents.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(describes_a_package) {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn describes_a_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// A program in the workspace's folder.
pub fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    command.current_dir(root());
    command
}

/// Runs a command to its end. The command inherits the output and has no input, so it cannot
/// prompt.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure { command: words(command), cause: Cause::Ended(status) }),
        Err(error) => Err(Failure { command: words(command), cause: Cause::NotStarted(error) }),
    }
}

/// Runs a command to its end and returns its standard output.
pub fn captured(command: &mut Command) -> Result<String, Failure> {
    match command.stdin(Stdio::null()).stderr(Stdio::inherit()).output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => Err(Failure { command: words(command), cause: Cause::Ended(output.status) }),
        Err(error) => Err(Failure { command: words(command), cause: Cause::NotStarted(error) }),
    }
}

/// The standard output of a command; `None` if the command fails.
pub fn stdout_if_successful(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Replaces this program with a command, so that a signal to this program reaches the command.
#[cfg(unix)]
pub fn exec(mut command: Command) -> ExitCode {
    use std::os::unix::process::CommandExt;

    let error = command.exec();
    eprintln!("{}", Failure { command: words(&command), cause: Cause::NotStarted(error) });
    ExitCode::FAILURE
}

/// Runs a command to its end and returns the command's exit code.
#[cfg(not(unix))]
pub fn exec(mut command: Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            code.map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            eprintln!("{}", Failure { command: words(&command), cause: Cause::NotStarted(error) });
            ExitCode::FAILURE
        }
    }
}

/// The command as a person would type it. The program has no folder.
fn words(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_stem().unwrap_or(command.get_program());
    let all = std::iter::once(name).chain(command.get_args());
    all.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::NotStarted(error) => write!(f, "`{}` did not start: {error}", self.command),
            Cause::Ended(status) => write!(f, "`{}` ended with {status}", self.command),
        }
    }
}

impl Error for Failure {}
