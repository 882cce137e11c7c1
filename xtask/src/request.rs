//! What the command line asks for.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;

use crate::step::Step;

/// How to call this.
pub const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo [ARGS...]      shows Alimi at work, all on this machine
  serve [ARGS...]     runs Alimi on this machine until it is stopped
  catalog [ARGS...]   stores a catalog file in a deployed stack's table
  bench [ARGS...]     measures what Alimi reaches and costs
  e2e [ARGS...]       deploys Alimi to an emulator of AWS and tries it there
  sam-local [ARGS...] runs every function in a container, as developers do
  test [--only STEP]  runs the whole gate, as CI does, or only the named steps
  help                shows this

`cargo xtask demo --help`, and so on, lists the ARGS of each.

Steps of the test, in this order; --only may be given several times:

  format     cargo fmt --check
  lints      cargo clippy, where a warning is an error
  tests      cargo test, the whole workspace
  docs       cargo doc, where a warning is an error
  licences   cargo-deny: licences, banned crates and sources of all dependencies
  template   sam validate --lint, of template.yaml
  security   checkov, of template.yaml: .checkov.yaml has the exceptions
  e2e        the stack, built and deployed by the SAM CLI to an emulator of AWS, and used
  sam-local  every function in a container, with every sample event, by `sam local`

The last five install their tools once, in $ALIMI_TOOLS, or else in the user's cache folder. A tool
that cannot be had skips its step; with CI=true that is a failure. Without a Docker engine sam-local
is skipped, with CI=true too.";

/// A command line, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Start the benchmarks, with what follows.
    Bench(Vec<OsString>),
    /// Deploy to an emulator of AWS, with what follows.
    E2e(Vec<OsString>),
    /// Run every function by `sam local`, with what follows.
    SamLocal(Vec<OsString>),
    /// Start the local stack.
    Local {
        /// Which of its commands.
        command: &'static str,
        /// What follows it, which only the local stack understands.
        arguments: Vec<OsString>,
    },
    /// Run these steps of the gate, in its order.
    Test(Vec<Step>),
    /// Say how to call this.
    Help,
}

/// A command line that means nothing here.
#[derive(Debug, PartialEq, Eq)]
pub enum Misread {
    /// There was nothing to read.
    NoCommand,
    /// There is no such command.
    UnknownCommand(OsString),
    /// `test` has no such option.
    UnknownOption(OsString),
    /// `--only` was last.
    NoStep,
    /// The gate has no such step.
    UnknownStep(OsString),
}

impl Request {
    /// Understands the arguments that follow the program's name.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Misread> {
        let mut arguments = arguments.into_iter();
        let command = arguments.next().ok_or(Misread::NoCommand)?;
        match command.to_str() {
            Some("demo") => Ok(Self::Local { command: "demo", arguments: arguments.collect() }),
            Some("serve") => Ok(Self::Local { command: "serve", arguments: arguments.collect() }),
            Some("catalog") => {
                Ok(Self::Local { command: "catalog", arguments: arguments.collect() })
            }
            Some("e2e") => Ok(Self::E2e(arguments.collect())),
            Some("sam-local") => Ok(Self::SamLocal(arguments.collect())),
            Some("bench") => Ok(Self::Bench(arguments.collect())),
            Some("test") => Self::read_test(arguments),
            Some("help" | "--help" | "-h") => Ok(Self::Help),
            _ => Err(Misread::UnknownCommand(command)),
        }
    }

    fn read_test(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, Misread> {
        let mut asked = Vec::new();
        while let Some(option) = arguments.next() {
            match option.to_str() {
                Some("--only") => {
                    let name = arguments.next().ok_or(Misread::NoStep)?;
                    asked.push(Step::named(&name).ok_or(Misread::UnknownStep(name))?);
                }
                Some("--help" | "-h") => return Ok(Self::Help),
                _ => return Err(Misread::UnknownOption(option)),
            }
        }
        let steps = Step::ALL.into_iter();
        Ok(Self::Test(steps.filter(|step| asked.is_empty() || asked.contains(step)).collect()))
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => write!(f, "which command?"),
            Self::UnknownCommand(command) => write!(f, "no command {}", command.display()),
            Self::UnknownOption(option) => write!(f, "test has no option {}", option.display()),
            Self::NoStep => write!(f, "--only is followed by a step"),
            Self::UnknownStep(step) => write!(f, "test has no step {}", step.display()),
        }
    }
}

impl Error for Misread {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, Misread> {
        Request::read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_local_stack_reads_its_own_arguments() {
        let arguments = vec!["--help".into(), "--only".into()];
        assert_eq!(read("demo --help --only"), Ok(Request::Local { command: "demo", arguments }));
    }

    #[test]
    fn a_test_without_names_is_the_whole_gate() {
        assert_eq!(read("test"), Ok(Request::Test(Step::ALL.to_vec())));
    }

    #[test]
    fn named_steps_run_once_and_in_the_order_of_the_gate() {
        assert_eq!(
            read("test --only template --only format --only template"),
            Ok(Request::Test(vec![Step::Format, Step::Template]))
        );
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert_eq!(read(""), Err(Misread::NoCommand));
        assert_eq!(read("deploy"), Err(Misread::UnknownCommand("deploy".into())));
        assert_eq!(read("test --fast"), Err(Misread::UnknownOption("--fast".into())));
        assert_eq!(read("test --only"), Err(Misread::NoStep));
        assert_eq!(read("test --only spelling"), Err(Misread::UnknownStep("spelling".into())));
    }

    #[test]
    fn the_usage_lists_every_step() {
        for step in Step::ALL {
            assert!(USAGE.contains(&format!("\n  {:10} ", step.name())), "{step:?}");
        }
    }
}
