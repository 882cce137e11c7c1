//! The steps of the gate: what each one runs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::e2e;
use crate::process::{self, Failure};
use crate::tool::{self, Missing};

/// One check that a commit has to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The code is laid out as rustfmt does it.
    Format,
    /// Clippy has nothing to say.
    Lints,
    /// Every test passes.
    Tests,
    /// The documentation builds, and its links lead somewhere.
    Docs,
    /// Every dependency may be used, and comes from where it should.
    Licences,
    /// `CloudFormation` would understand the templates.
    Template,
    /// They leave nothing open that should be closed.
    Security,
    /// Alimi keeps its promises where it is deployed.
    E2e,
    /// Every function runs as developers run it, in a container.
    SamLocal,
}

/// Why a step did not pass.
#[derive(Debug)]
pub enum Unpassed {
    /// It found a fault.
    Failed(Failure),
    /// It could not look for one.
    NotRun(Missing),
    /// The same, and nothing that the gate installs would change that: not every machine is made
    /// for it.
    NotPossible(Missing),
}

impl Step {
    /// All of them, the quick and likely ones to fail first.
    pub const ALL: [Self; 9] = [
        Self::Format,
        Self::Lints,
        Self::Tests,
        Self::Docs,
        Self::Licences,
        Self::Template,
        Self::Security,
        Self::E2e,
        Self::SamLocal,
    ];

    /// The step that a command line means.
    pub fn named(name: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|step| name == step.name())
    }

    /// Its name on the command line and in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lints => "lints",
            Self::Tests => "tests",
            Self::Docs => "docs",
            Self::Licences => "licences",
            Self::Template => "template",
            Self::Security => "security",
            Self::E2e => "e2e",
            Self::SamLocal => "sam-local",
        }
    }

    /// Whether it needs the crates that everything is built from.
    const fn builds(self) -> bool {
        match self {
            Self::Format | Self::Template | Self::Security => false,
            Self::Lints
            | Self::Tests
            | Self::Docs
            | Self::Licences
            | Self::E2e
            | Self::SamLocal => true,
        }
    }

    /// Runs it; what it has to say goes to the terminal.
    pub fn run(self) -> Result<(), Unpassed> {
        if self.builds() {
            tool::crates()?;
        }
        let mut command = match self {
            Self::Format => process::cargo(["fmt", "--all", "--check"]),
            Self::Lints => process::cargo([
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ]),
            Self::Tests => process::cargo(["test", "--workspace", "--locked"]),
            Self::Docs => {
                let mut cargo = process::cargo(["doc", "--workspace", "--no-deps", "--locked"]);
                cargo.env("RUSTDOCFLAGS", "-D warnings");
                cargo
            }
            Self::Licences => {
                let mut deny = process::program(tool::cargo_deny()?);
                // Not advisories: those are a database that is fetched anew, so that the verdict
                // on a commit would change from day to day, and need a network.
                deny.args(["--locked", "check", "licenses", "bans", "sources"]);
                deny
            }
            Self::Template => {
                let sam = tool::sam()?;
                process::run(&mut validation(&sam, "examples/network.yaml"))?;
                validation(&sam, "template.yaml")
            }
            Self::Security => {
                let mut checkov = process::program(tool::checkov()?);
                checkov.args(["--config-file", ".checkov.yaml"]);
                checkov
            }
            Self::E2e => e2e::command(&[])?,
            Self::SamLocal => {
                tool::docker().map_err(Unpassed::NotPossible)?;
                e2e::sam_local(&[])?
            }
        };
        Ok(process::run(&mut command)?)
    }
}

/// What has a template checked.
fn validation(sam: &Path, template: &str) -> Command {
    let mut sam = process::program(sam);
    // The region of samconfig.toml, whatever this machine's user has set.
    sam.env("AWS_DEFAULT_REGION", "ap-northeast-2").env("SAM_CLI_TELEMETRY", "0");
    sam.args(["validate", "--lint", "--template-file", template]);
    sam
}

impl From<Failure> for Unpassed {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Missing> for Unpassed {
    fn from(missing: Missing) -> Self {
        Self::NotRun(missing)
    }
}
