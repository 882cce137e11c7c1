//! The steps of the gate, and the commands that each step runs.

use std::ffi::OsStr;

use strum::VariantArray;

use crate::changes::Affected;
use crate::cost::{StepCost, Work};
use crate::e2e::{self, Build};
use crate::imports;
use crate::process::{self, Failure};
use crate::tool::{self, Missing};
use crate::workspace;

/// A check that every commit has to pass. The steps of one queue start in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
pub enum Step {
    /// rustfmt would change nothing.
    Format,
    /// Files import each other without cycles.
    Imports,
    /// Everything compiles, and clippy finds nothing.
    Lints,
    /// `sam build` builds every function.
    Functions,
    /// The templates are valid for `CloudFormation`.
    Template,
    /// Checkov finds no insecure setting in the template.
    Security,
    /// The project accepts the licence and source of every dependency.
    Licences,
    /// Every test passes.
    Tests,
    /// The documentation builds, and no link in it is broken.
    Docs,
    /// The end-to-end tests pass on a deployed stack.
    E2e,
    /// `sam local` runs every function in a container.
    SamLocal,
}

/// How much of the workspace a step checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Whole,
    /// Only the packages that the present changes may break, without the slowest tests.
    Quick,
}

impl Scope {
    /// The word on the command line of a step's process.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Quick => "quick",
        }
    }
}

/// The steps of one queue run one after the other. The two queues run in parallel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// First the steps that compile, then `e2e` and `sam-local`, which mostly wait.
    Compilers,
    /// The steps that need no compiler, and the tests. The tests use the processors while `e2e` and
    /// `sam-local` wait.
    Others,
}

/// Why a step did not pass.
#[derive(Debug)]
pub enum StepError {
    /// The step found a fault.
    Failed(String),
    /// A tool is missing that the gate installs itself, so the step did not run.
    NotRun(Missing),
    /// A tool is missing that the gate cannot install, so this machine cannot run the step.
    NotPossible(Missing),
}

const TEMPLATES: [&str; 2] = ["examples/network.yaml", "template.yaml"];

/// Modules of `local`'s tests that take half a minute or more. `--quick` skips them.
const SLOW_TESTS: [&str; 7] =
    ["crash::", "faults::", "permissions::", "runs::", "stories::", "virtual_days::", "windows::"];

impl Step {
    /// The steps that `--quick` runs.
    pub const QUICK: [Self; 4] = [Self::Format, Self::Imports, Self::Lints, Self::Tests];

    /// The step with this name on the command line.
    pub fn named(name: &OsStr) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|step| name == step.name())
    }

    /// The name on the command line and in the table.
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

    /// The steps that must pass before this step starts. A step that is not in the run does not
    /// count.
    pub const fn after(self) -> &'static [Self] {
        match self {
            Self::Format
            | Self::Imports
            | Self::Lints
            | Self::Licences
            | Self::Template
            | Self::Security => &[],
            Self::Functions | Self::Docs => &[Self::Lints],
            // The tests need only the lints. Starting them later keeps the processors free for
            // compiling now, and busy later, while `e2e` and `sam-local` mostly wait.
            Self::Tests | Self::E2e => &[Self::Lints, Self::Functions],
            // Both steps use the built functions and the port of the AWS emulator.
            Self::SamLocal => &[Self::E2e],
        }
    }

    /// Whether cargo needs the source of every dependency for this step.
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

    /// Runs the step and adds its cost to `cost`. The step inherits this process's output.
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
                let deny = cost.measure(Work::Checking, || tool::CARGO_DENY.ready())?;
                let mut deny = process::program(deny);
                // This leaves out `advisories`. cargo-deny downloads their database each time, so
                // the check would need a network, and its result for one commit could change any
                // day.
                deny.args(["--locked", "check", "licenses", "bans", "sources"]);
                cost.measure(Work::Checking, || process::run(&mut deny))?;
            }
            Self::Template => {
                let cfn_lint = cost.measure(Work::Checking, || tool::CFN_LINT.ready())?;
                // `sam validate --lint` calls the same linter, for one template in each process.
                let mut lint = process::program(cfn_lint);
                // The region in samconfig.toml.
                lint.args(["--regions", "ap-northeast-2", "--"]).args(TEMPLATES);
                cost.measure(Work::Checking, || process::run(&mut lint))?;
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
                return Err(StepError::Failed("cargo listed no test program".to_owned()));
            }
            let affected = Affected::by_changes();
            for test in programs.iter().filter(|test| affected.includes(&test.package)) {
                println!("-- {}", test.package.display());
                let mut run = workspace::run_tests(test, &SLOW_TESTS);
                cost.measure(Work::Checking, || process::run(&mut run))?;
            }
            println!("NOT RUN, because these test modules are slow: {}", SLOW_TESTS.join(" "));
        }
    }
    Ok(())
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
