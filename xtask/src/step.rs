//! The steps of the gate: what each one runs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::changes::Affected;
use crate::e2e::{self, Build};
use crate::figures::{Figures, Work};
use crate::imports;
use crate::process::{self, Failure};
use crate::tool::{self, Missing};
use crate::workspace;

/// One check that a commit has to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The code is laid out as rustfmt does it.
    Format,
    /// No file imports one that imports it.
    Imports,
    /// Everything compiles, and clippy finds nothing.
    Lints,
    /// `sam build` builds every function.
    Functions,
    /// Every test passes.
    Tests,
    /// The documentation builds, and its links lead somewhere.
    Docs,
    /// Every dependency's licence and source is one that we accept.
    Licences,
    /// `CloudFormation` would understand the templates.
    Template,
    /// The template leaves nothing open that should be closed.
    Security,
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
pub enum Unpassed {
    /// It found a fault.
    Failed(String),
    /// It could not look for one, since a tool is missing.
    NotRun(Missing),
    /// The same, and the gate cannot install that tool: not every machine is made for this step.
    NotPossible(Missing),
}

/// Modules of `local`'s tests that take longest. `--quick` leaves them out.
const SLOW_TESTS: [&str; 3] = ["crash::", "faults::", "virtual_days::"];

impl Step {
    /// All of them, in the order in which the steps of a queue start.
    pub const ALL: [Self; 11] = [
        Self::Format,
        Self::Imports,
        Self::Lints,
        Self::Functions,
        Self::Template,
        Self::Security,
        Self::Licences,
        Self::Tests,
        Self::Docs,
        Self::E2e,
        Self::SamLocal,
    ];

    /// Those of `--quick`.
    pub const QUICK: [Self; 4] = [Self::Format, Self::Imports, Self::Lints, Self::Tests];

    /// The step that a command line means.
    pub fn named(name: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|step| name == step.name())
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
    pub fn run(self, scope: Scope, figures: &mut Figures) -> Result<(), Unpassed> {
        if self.needs_crates() {
            figures.measure(Work::Checking, tool::crates)?;
        }
        match self {
            Self::Format => {
                let mut format = process::cargo(["fmt", "--all", "--check"]);
                figures.measure(Work::Checking, || process::run(&mut format))?;
            }
            Self::Imports => {
                let found = figures.measure(Work::Checking, || imports::check(process::root()));
                println!("{}", found.map_err(Unpassed::Failed)?);
            }
            Self::Lints => {
                figures.measure(Work::Compiling, || process::run(&mut workspace::build()))?;
            }
            Self::Functions => {
                e2e::compile(figures)?;
                let mut build = e2e::command(Build::Only)?;
                figures.measure(Work::Compiling, || process::run(&mut build))?;
            }
            Self::Tests => run_tests(scope, figures)?,
            Self::Docs => {
                figures.measure(Work::Compiling, || process::run(&mut workspace::docs()))?;
            }
            Self::Licences => {
                let deny = figures.measure(Work::Compiling, tool::cargo_deny)?;
                let mut deny = process::program(deny);
                // Not advisories: those are a database that is fetched anew, so that the verdict
                // on a commit would change from day to day, and need a network.
                deny.args(["--locked", "check", "licenses", "bans", "sources"]);
                figures.measure(Work::Checking, || process::run(&mut deny))?;
            }
            Self::Template => {
                let sam = figures.measure(Work::Checking, tool::sam)?;
                for template in ["examples/network.yaml", "template.yaml"] {
                    let mut validate = validation(&sam, template);
                    figures.measure(Work::Checking, || process::run(&mut validate))?;
                }
            }
            Self::Security => {
                let checkov = figures.measure(Work::Checking, tool::checkov)?;
                let mut checkov = process::program(checkov);
                checkov.args(["--config-file", ".checkov.yaml"]);
                figures.measure(Work::Checking, || process::run(&mut checkov))?;
            }
            Self::E2e => {
                e2e::compile(figures)?;
                let mut stories = e2e::command(Build::Keep)?;
                figures.measure(Work::Checking, || process::run(&mut stories))?;
            }
            Self::SamLocal => {
                tool::docker().map_err(Unpassed::NotPossible)?;
                e2e::compile(figures)?;
                let mut sam_local = e2e::sam_local()?;
                figures.measure(Work::Checking, || process::run(&mut sam_local))?;
            }
        }
        Ok(())
    }
}

fn run_tests(scope: Scope, figures: &mut Figures) -> Result<(), Unpassed> {
    let programs = figures.measure(Work::Compiling, workspace::test_programs)?;
    match scope {
        Scope::Whole => {
            figures.measure(Work::Checking, || process::run(&mut workspace::test()))?;
        }
        Scope::Quick => {
            let affected = Affected::by_changes();
            for test in programs.iter().filter(|test| affected.includes(&test.package)) {
                println!("-- {}", test.package.display());
                let mut run = workspace::run_tests(test, &SLOW_TESTS);
                figures.measure(Work::Checking, || process::run(&mut run))?;
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

impl From<Failure> for Unpassed {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<Missing> for Unpassed {
    fn from(missing: Missing) -> Self {
        Self::NotRun(missing)
    }
}
