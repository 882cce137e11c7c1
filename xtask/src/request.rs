//! Parses the command line.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use strum::VariantArray;

use crate::step::{Scope, Step};

/// The help text.
pub const USAGE: &str = "\
Usage: cargo xtask COMMAND

  demo [ARGS...]      shows Alimi at work, all on this machine
  serve [ARGS...]     runs Alimi on this machine until you stop it
  bench [ARGS...]     measures Alimi's performance and cost
  e2e [ARGS...]       deploys Alimi to an emulator of AWS and tests it there
  sam-local [ARGS...] runs every function in a container with `sam local`
  test [--only STEP]  runs the whole gate, as CI does, or only the named steps
  test --quick        runs format, imports, lints, and the tests that your changes may break
  help                shows this
  --version           shows the version

`cargo xtask demo --help`, and so on, lists the ARGS of each.

Steps of the test. --only may be given several times. Up to two steps run at the same time:

  format     cargo fmt --check
  imports    no import cycle between files
  lints      compiles everything with clippy; a warning is an error
  functions  sam build
  template   sam validate --lint, of template.yaml and examples/network.yaml
  security   checkov, of template.yaml: .checkov.yaml has the exceptions
  licences   cargo-deny: licences, banned crates and sources of all dependencies
  tests      cargo test, the whole workspace
  docs       rustdoc of every library; a warning is an error
  e2e        deploys the stack with the SAM CLI to an emulator of AWS, and uses it
  sam-local  runs every function in a container with `sam local` and every sample event

Six steps install their tools once, in $ALIMI_TOOLS or else in the user's cache folder. If the
gate cannot install a tool, it skips the step; with CI=true the step fails instead. Without a Docker
engine the gate skips sam-local, even with CI=true.";

/// A valid command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Run the benchmarks with these arguments.
    Bench(Vec<OsString>),
    /// Run the end-to-end tests with these arguments.
    E2e(Vec<OsString>),
    /// Run the check of `sam local` with these arguments.
    SamLocal(Vec<OsString>),
    /// Run a command of the local stack.
    Local {
        command: &'static str,
        /// The arguments after the command. Only the local stack can parse them.
        arguments: Vec<OsString>,
    },
    /// Run these steps of the gate.
    Test {
        /// In the order of the gate.
        steps: Vec<Step>,
        scope: Scope,
    },
    /// Run one step in this process. Only the gate sends this command.
    Step {
        step: Step,
        scope: Scope,
        /// The file for the step's result.
        report: PathBuf,
    },
    /// Print the help text.
    Help,
    /// Print the version.
    Version,
}

/// An invalid command line.
#[derive(Debug, PartialEq, Eq)]
pub enum ParseError {
    NoCommand,
    UnknownCommand(OsString),
    /// `test` has no such option.
    UnknownOption(OsString),
    /// No step follows `--only`.
    NoStep,
    UnknownStep(OsString),
}

impl Request {
    /// Parses the arguments that follow the program's name.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ParseError> {
        let mut arguments = arguments.into_iter();
        let command = arguments.next().ok_or(ParseError::NoCommand)?;
        match command.to_str() {
            Some("demo") => Ok(Self::Local { command: "demo", arguments: arguments.collect() }),
            Some("serve") => Ok(Self::Local { command: "serve", arguments: arguments.collect() }),
            Some("e2e") => Ok(Self::E2e(arguments.collect())),
            Some("sam-local") => Ok(Self::SamLocal(arguments.collect())),
            Some("bench") => Ok(Self::Bench(arguments.collect())),
            Some("test") => Self::read_test(arguments),
            Some("step") => Self::read_step(arguments),
            Some("help" | "--help" | "-h") => Ok(Self::Help),
            Some("--version" | "-V") => Ok(Self::Version),
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

    /// Parses the arguments that the gate gives to a step's process.
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
            Self::NoCommand => write!(f, "a command is missing: use one from the list below"),
            Self::UnknownCommand(command) => {
                write!(f, "there is no command {}: use one from the list below", command.display())
            }
            Self::UnknownOption(option) => {
                write!(f, "test has no option {}: use --only STEP or --quick", option.display())
            }
            Self::NoStep => write!(f, "--only needs the name of a step after it"),
            Self::UnknownStep(step) => {
                write!(f, "test has no step {}: use one from the list below", step.display())
            }
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
    fn xtask_passes_the_arguments_of_the_local_stack_on() {
        let arguments = vec!["--help".into(), "--only".into()];
        assert_eq!(read("demo --help --only"), Ok(Request::Local { command: "demo", arguments }));
    }

    #[test]
    fn test_without_step_names_runs_the_whole_gate() {
        let whole = Request::Test { steps: Step::VARIANTS.to_vec(), scope: Scope::Whole };
        assert_eq!(read("test"), Ok(whole));
    }

    #[test]
    fn a_quick_test_runs_only_the_quick_steps() {
        let quick = Request::Test { steps: Step::QUICK.to_vec(), scope: Scope::Quick };
        assert_eq!(read("test --quick"), Ok(quick));
    }

    #[test]
    fn the_gate_can_start_one_step_in_a_separate_process() {
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
    fn the_version_is_shown_on_request() {
        assert_eq!(read("--version"), Ok(Request::Version));
        assert_eq!(read("-V"), Ok(Request::Version));
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
