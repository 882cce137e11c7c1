//! What the command line asks for.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use strum::VariantArray;

use crate::step::{Scope, Step};

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
  test --quick        format, imports, lints, and the tests that the present changes may break
  help                shows this

`cargo xtask demo --help`, and so on, lists the ARGS of each.

Steps of the test; --only may be given several times. Two steps at a time run beside each other:

  format     cargo fmt --check
  imports    no file imports one that imports it
  lints      everything is compiled with clippy, where a warning is an error
  functions  sam build
  template   sam validate --lint, of template.yaml and examples/network.yaml
  security   checkov, of template.yaml: .checkov.yaml has the exceptions
  licences   cargo-deny: licences, banned crates and sources of all dependencies
  tests      cargo test, the whole workspace
  docs       rustdoc of every library, where a warning is an error
  e2e        the stack, deployed by the SAM CLI to an emulator of AWS, and used
  sam-local  every function in a container, with every sample event, by `sam local`

Six of them install their tools once, in $ALIMI_TOOLS, or else in the user's cache folder. A tool
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
    /// Store a catalog file, as what follows says.
    Catalog(Vec<OsString>),
    /// Run these steps of the gate, in its order.
    Test {
        /// The steps.
        steps: Vec<Step>,
        /// How much of the workspace they check.
        scope: Scope,
    },
    /// Run one step for a gate, which started this process.
    Step {
        /// The step.
        step: Step,
        /// How much of the workspace it checks.
        scope: Scope,
        /// The file that its end is written into.
        report: PathBuf,
    },
    /// Say how to call this.
    Help,
}

/// A command line that means nothing here.
#[derive(Debug, PartialEq, Eq)]
pub enum ParseError {
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
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ParseError> {
        let mut arguments = arguments.into_iter();
        let command = arguments.next().ok_or(ParseError::NoCommand)?;
        match command.to_str() {
            Some("demo") => Ok(Self::Local { command: "demo", arguments: arguments.collect() }),
            Some("serve") => Ok(Self::Local { command: "serve", arguments: arguments.collect() }),
            Some("catalog") => Ok(Self::Catalog(arguments.collect())),
            Some("e2e") => Ok(Self::E2e(arguments.collect())),
            Some("sam-local") => Ok(Self::SamLocal(arguments.collect())),
            Some("bench") => Ok(Self::Bench(arguments.collect())),
            Some("test") => Self::read_test(arguments),
            Some("step") => Self::read_step(arguments),
            Some("help" | "--help" | "-h") => Ok(Self::Help),
            _ => Err(ParseError::UnknownCommand(command)),
        }
    }

    fn read_test(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, ParseError> {
        let mut asked = Vec::new();
        let mut scope = Scope::Whole;
        while let Some(option) = arguments.next() {
            match option.to_str() {
                Some("--only") => {
                    let name = arguments.next().ok_or(ParseError::NoStep)?;
                    asked.push(Step::named(&name).ok_or(ParseError::UnknownStep(name))?);
                }
                Some("--quick") => scope = Scope::Quick,
                Some("--help" | "-h") => return Ok(Self::Help),
                _ => return Err(ParseError::UnknownOption(option)),
            }
        }
        let steps = match scope {
            Scope::Whole => Step::VARIANTS.to_vec(),
            Scope::Quick => Step::QUICK.to_vec(),
        };
        let is_asked = |step: &Step| asked.is_empty() || asked.contains(step);
        Ok(Self::Test { steps: steps.into_iter().filter(is_asked).collect(), scope })
    }

    /// What a gate says to the process of a step.
    fn read_step(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, ParseError> {
        let mut next = || arguments.next().ok_or(ParseError::NoStep);
        let (name, scope, report) = (next()?, next()?, next()?);
        let step = Step::named(&name).ok_or(ParseError::UnknownStep(name))?;
        let scope = if scope == Scope::Quick.name() { Scope::Quick } else { Scope::Whole };
        Ok(Self::Step { step, scope, report: report.into() })
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => write!(f, "no command was given"),
            Self::UnknownCommand(command) => write!(f, "no command {}", command.display()),
            Self::UnknownOption(option) => write!(f, "test has no option {}", option.display()),
            Self::NoStep => write!(f, "--only is followed by a step"),
            Self::UnknownStep(step) => write!(f, "test has no step {}", step.display()),
        }
    }
}

impl Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, ParseError> {
        Request::read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_local_stack_reads_its_own_arguments() {
        let arguments = vec!["--help".into(), "--only".into()];
        assert_eq!(read("demo --help --only"), Ok(Request::Local { command: "demo", arguments }));
    }

    #[test]
    fn a_test_without_names_is_the_whole_gate() {
        let whole = Request::Test { steps: Step::VARIANTS.to_vec(), scope: Scope::Whole };
        assert_eq!(read("test"), Ok(whole));
    }

    #[test]
    fn a_quick_test_leaves_out_what_is_not_changed() {
        let quick = Request::Test { steps: Step::QUICK.to_vec(), scope: Scope::Quick };
        assert_eq!(read("test --quick"), Ok(quick));
    }

    #[test]
    fn a_gate_starts_each_step_in_a_process_of_its_own() {
        let step = Request::Step {
            step: Step::Docs,
            scope: Scope::Quick,
            report: "target/docs.report".into(),
        };
        assert_eq!(read("step docs quick target/docs.report"), Ok(step));
        assert_eq!(read("step docs quick"), Err(ParseError::NoStep));
    }

    #[test]
    fn named_steps_run_once_and_in_the_order_of_the_gate() {
        assert_eq!(
            read("test --only template --only format --only template"),
            Ok(Request::Test { steps: vec![Step::Format, Step::Template], scope: Scope::Whole })
        );
    }

    #[test]
    fn unknown_commands_options_and_steps_are_refused() {
        assert_eq!(read(""), Err(ParseError::NoCommand));
        assert_eq!(read("deploy"), Err(ParseError::UnknownCommand("deploy".into())));
        assert_eq!(read("test --fast"), Err(ParseError::UnknownOption("--fast".into())));
        assert_eq!(read("test --only"), Err(ParseError::NoStep));
        assert_eq!(read("test --only spelling"), Err(ParseError::UnknownStep("spelling".into())));
    }

    #[test]
    fn the_usage_lists_every_step() {
        for &step in Step::VARIANTS {
            assert!(USAGE.contains(&format!("\n  {:10} ", step.name())), "{step:?}");
        }
    }
}
