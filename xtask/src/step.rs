//! The steps of the gate: what each one runs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use strum::VariantArray;

use crate::changes::Affected;
use crate::cost::{StepCost, Work};
use crate::e2e::{self, Build};
use crate::imports;
use crate::process::{self, Failure};
use crate::tool::{self, Missing};
use crate::workspace;

/// One check that a commit has to pass. Steps of one queue start in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
pub enum Step {
    /// The code is laid out as rustfmt does it.
    Format,
    /// No file imports one that imports it.
    Imports,
    /// Everything compiles, and clippy finds nothing.
    Lints,
    /// `sam build` builds every function.
    Functions,
    /// `CloudFormation` would understand the templates.
    Template,
    /// The template leaves nothing open that should be closed.
    Security,
    /// Every dependency's licence and source is one that we accept.
    Licences,
    /// Every test passes.
    Tests,
    /// The documentation builds, and its links lead somewhere.
    Docs,
    /// Alimi keeps its promises where it is deployed.
    E2e,
    /// Every function runs as developers run it, in a container.
    SamLocal,
}

/// How much of the workspace is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Whole,
    /// What the present changes may break, without the tests that take longest.
    Quick,
}

impl Scope {
    /// The word for it on the command line of a step's process.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Quick => "quick",
        }
    }
}

/// Steps of one queue run one after the other, beside those of the other queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Steps that compile, and then those that mostly wait: the deployed stack, containers.
    Compilers,
    /// Steps that need no compiler, and the tests, which keep the processors busy while the steps of
    /// the other queue wait.
    Others,
}

/// Why a step did not pass.
#[derive(Debug)]
pub enum StepError {
    /// It found a fault.
    Failed(String),
    /// It could not look for one, since a tool is missing.
    NotRun(Missing),
    /// The same, and the gate cannot install that tool: not every machine is made for this step.
    NotPossible(Missing),
}

/// Modules of `local`'s tests that take half a minute or more. `--quick` leaves them out.
const SLOW_TESTS: [&str; 7] =
    ["crash::", "faults::", "permissions::", "runs::", "stories::", "virtual_days::", "windows::"];

impl Step {
    /// Those of `--quick`.
    pub const QUICK: [Self; 4] = [Self::Format, Self::Imports, Self::Lints, Self::Tests];

    /// The step that a command line means.
    pub fn named(name: &OsStr) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|step| name == step.name())
    }

    /// Its name on the command line and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Imports => "imports",
            Self::Lints => "lints",
            Self::Functions => "functions",
            Self::Tests => "tests",
            Self::Docs => "docs",
            Self::Licences => "licences",
            Self::Template => "template",
            Self::Security => "security",
            Self::E2e => "e2e",
            Self::SamLocal => "sam-local",
        }
    }

    /// The queue that it waits in.
    pub const fn queue(self) -> Queue {
        match self {
            Self::Lints | Self::Functions | Self::E2e | Self::SamLocal => Queue::Compilers,
            Self::Format
            | Self::Imports
            | Self::Tests
            | Self::Docs
            | Self::Licences
            | Self::Template
            | Self::Security => Queue::Others,
        }
    }

    /// The steps that have to have passed before it starts, where they run at all.
    pub const fn after(self) -> &'static [Self] {
        match self {
            Self::Format
            | Self::Imports
            | Self::Lints
            | Self::Licences
            | Self::Template
            | Self::Security => &[],
            Self::Functions | Self::Docs => &[Self::Lints],
            // Tests could start as soon as everything is linted. But then compilers would have nothing
            // to share the processors with later, while the deployed stack is waited for.
            Self::Tests | Self::E2e => &[Self::Lints, Self::Functions],
            // Both use the functions that were built, and the port of the emulated AWS.
            Self::SamLocal => &[Self::E2e],
        }
    }

    /// Whether it needs the crates that everything is built from.
    const fn needs_crates(self) -> bool {
        match self {
            Self::Format | Self::Imports | Self::Template | Self::Security => false,
            Self::Lints
            | Self::Functions
            | Self::Tests
            | Self::Docs
            | Self::Licences
            | Self::E2e
            | Self::SamLocal => true,
        }
    }

    /// Runs it. Its output goes to the terminal or wherever this process's output goes.
    pub fn run(self, scope: Scope, cost: &mut StepCost) -> Result<(), StepError> {
        if self.needs_crates() {
            cost.measure(Work::Checking, tool::crates)?;
        }
        match self {
            Self::Format => {
                let mut format = process::cargo(["fmt", "--all", "--check"]);
                cost.measure(Work::Checking, || process::run(&mut format))?;
            }
            Self::Imports => {
                let found = cost.measure(Work::Checking, || imports::check(process::root()));
                println!("{}", found.map_err(StepError::Failed)?);
            }
            Self::Lints => {
                cost.measure(Work::Compiling, || process::run(&mut workspace::build()))?;
            }
            Self::Functions => {
                e2e::compile(cost)?;
                let mut build = e2e::command(Build::Only)?;
                cost.measure(Work::Compiling, || process::run(&mut build))?;
            }
            Self::Tests => run_tests(scope, cost)?,
            Self::Docs => {
                cost.measure(Work::Compiling, || process::run(&mut workspace::docs()))?;
            }
            Self::Licences => {
                let deny = cost.measure(Work::Compiling, || tool::CARGO_DENY.ready())?;
                let mut deny = process::program(deny);
                // Not advisories: those are a database that is fetched anew, so that the verdict
                // on a commit would change from day to day, and need a network.
                deny.args(["--locked", "check", "licenses", "bans", "sources"]);
                cost.measure(Work::Checking, || process::run(&mut deny))?;
            }
            Self::Template => {
                let sam = cost.measure(Work::Checking, || tool::SAM.ready())?;
                for template in ["examples/network.yaml", "template.yaml"] {
                    let mut validate = validation(&sam, template);
                    cost.measure(Work::Checking, || process::run(&mut validate))?;
                }
            }
            Self::Security => {
                let checkov = cost.measure(Work::Checking, || tool::CHECKOV.ready())?;
                let mut checkov = process::program(checkov);
                checkov.args(["--config-file", ".checkov.yaml"]);
                cost.measure(Work::Checking, || process::run(&mut checkov))?;
            }
            Self::E2e => {
                e2e::compile(cost)?;
                let mut stories = e2e::command(Build::IfStale)?;
                cost.measure(Work::Checking, || process::run(&mut stories))?;
            }
            Self::SamLocal => {
                tool::docker().map_err(StepError::NotPossible)?;
                e2e::compile(cost)?;
                let mut sam_local = e2e::sam_local()?;
                cost.measure(Work::Checking, || process::run(&mut sam_local))?;
            }
        }
        Ok(())
    }
}

fn run_tests(scope: Scope, cost: &mut StepCost) -> Result<(), StepError> {
    let programs = cost.measure(Work::Compiling, workspace::test_programs)?;
    match scope {
        Scope::Whole => {
            cost.measure(Work::Checking, || process::run(&mut workspace::test()))?;
        }
        Scope::Quick => {
            if programs.is_empty() {
                return Err(StepError::Failed("cargo named no test program".to_owned()));
            }
            let affected = Affected::by_changes();
            for test in programs.iter().filter(|test| affected.includes(&test.package)) {
                println!("-- {}", test.package.display());
                let mut run = workspace::run_tests(test, &SLOW_TESTS);
                cost.measure(Work::Checking, || process::run(&mut run))?;
            }
            println!("NOT RUN, since they take longest: {}", SLOW_TESTS.join(" "));
        }
    }
    Ok(())
}

/// Checks a template as `CloudFormation` reads it.
fn validation(sam: &Path, template: &str) -> Command {
    let mut sam = process::program(sam);
    // The region of samconfig.toml, whatever this machine's user has set.
    sam.env("AWS_DEFAULT_REGION", "ap-northeast-2").env("SAM_CLI_TELEMETRY", "0");
    sam.args(["validate", "--lint", "--template-file", template]);
    sam
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<Missing> for StepError {
    fn from(missing: Missing) -> Self {
        Self::NotRun(missing)
    }
}
