//! Finds the packages that the present changes affect, for `cargo xtask test --quick`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::process;

/// The packages whose tests a change may break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    All,
    /// The packages in these folders, relative to the workspace.
    Packages(BTreeSet<PathBuf>),
}

/// The packages that depend on `shared`.
const ON_SHARED: [&str; 14] = [
    "functions/authorizer",
    "functions/console",
    "functions/enqueue",
    "functions/observer",
    "functions/planner",
    "functions/sender",
    "functions/sweeper",
    "functions/trigger",
    "functions/webhook",
    "catalog",
    "cli",
    "local",
    "bench",
    "e2e",
];

impl Affected {
    /// Asks git for the changed files: uncommitted changes, and the commits since this branch left
    /// its upstream. A branch without an upstream is compared with the main branch. Without git,
    /// every package counts as affected.
    pub fn by_changes() -> Self {
        let Some(base) = base() else { return Self::All };
        println!("Changes since commit {}:", base.get(..12).unwrap_or(&base));
        let mut differing = process::program("git");
        // Moving a file out of a package changes that package, too.
        differing.args(["diff", "--name-only", "--no-renames", &base]);
        let mut untracked = process::program("git");
        untracked.args(["ls-files", "--others", "--exclude-standard"]);
        let differing = process::stdout_if_successful(&mut differing);
        let untracked = process::stdout_if_successful(&mut untracked);
        match (differing, untracked) {
            (Some(differing), Some(untracked)) => {
                Self::by_files(differing.lines().chain(untracked.lines()))
            }
            _ => Self::All,
        }
    }

    fn by_files<'a>(files: impl Iterator<Item = &'a str>) -> Self {
        let mut packages = BTreeSet::new();
        for file in files {
            match packages_of(file) {
                Some(affected) => packages.extend(affected.into_iter().map(PathBuf::from)),
                None => return Self::All,
            }
        }
        Self::Packages(packages)
    }

    /// Whether the changes may break this package's tests.
    pub fn includes(&self, package: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Packages(packages) => packages.contains(package),
        }
    }
}

/// The merge base of this branch and its upstream or, without an upstream, the main branch.
fn base() -> Option<String> {
    ["@{upstream}", "origin/main", "main"].into_iter().find_map(|other| {
        let mut git = process::program("git");
        git.args(["merge-base", "HEAD", other]);
        process::stdout_if_successful(&mut git).map(|commit| commit.trim().to_owned())
    })
}

/// The packages whose tests depend on a file or read it; `None` when every package may be affected.
fn packages_of(file: &str) -> Option<Vec<&str>> {
    let folders: Vec<&str> = file.split('/').collect();
    match folders.as_slice() {
        ["shared", ..] => Some([&["shared"], ON_SHARED.as_slice()].concat()),
        ["functions", ..] => {
            let end = file.match_indices('/').nth(1)?.0;
            Some(vec![&file[..end], "cli", "local", "bench", "e2e"])
        }
        // The tests of every package that reads catalogs read the example catalog.
        ["catalog" | "examples", ..] => Some(vec!["catalog", "cli", "local", "bench", "e2e"]),
        ["cli", ..] => Some(vec!["cli"]),
        ["local", ..] => Some(vec!["shared", "cli", "local", "bench", "e2e"]),
        ["bench", ..] => Some(vec!["bench"]),
        ["xtask", ..] => Some(vec!["xtask"]),
        // Tests read the template, its settings, the sample events and the guides.
        // The command line has the errors' page in it.
        ["docs", "errors.md"] => Some(vec!["cli", "local", "e2e"]),
        ["docs" | "events", ..] | ["template.yaml" | "samconfig.toml"] => {
            Some(vec!["local", "e2e"])
        }
        ["e2e", ..] => Some(vec!["e2e"]),
        ["ARCHITECTURE.md" | "CONTRIBUTING.md" | "README.md" | "README.ko.md"] => {
            Some(vec!["local"])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affected(files: &[&str]) -> Affected {
        Affected::by_files(files.iter().copied())
    }

    #[test]
    fn a_change_affects_every_package_that_depends_on_it() {
        let rule = affected(&["shared/src/domain/pacer.rs"]);
        for package in ["shared", "functions/sender", "local", "e2e"] {
            assert!(rule.includes(Path::new(package)), "{package}");
        }
        assert!(!rule.includes(Path::new("xtask")));
        let route = affected(&["functions/console/src/lib.rs"]);
        assert!(route.includes(Path::new("functions/console")));
        assert!(!route.includes(Path::new("functions/sender")));
        assert!(!route.includes(Path::new("shared")));
    }

    #[test]
    fn a_changed_file_affects_the_packages_whose_tests_read_it() {
        assert!(affected(&["events/sender/wake.json"]).includes(Path::new("local")));
        assert!(affected(&["README.md"]).includes(Path::new("local")));
        assert!(affected(&["template.yaml"]).includes(Path::new("e2e")));
        let example = affected(&["examples/teacher-onboarding/catalog.yaml"]);
        assert!(example.includes(Path::new("catalog")));
    }

    #[test]
    fn a_changed_dependency_affects_every_package() {
        assert_eq!(affected(&["Cargo.lock", "xtask/src/step.rs"]), Affected::All);
        assert_eq!(affected(&[]), Affected::Packages(BTreeSet::new()));
    }

    #[test]
    fn every_package_of_the_workspace_is_known() {
        let members = |folder: &str| {
            let entries = std::fs::read_dir(process::root().join(folder)).expect("a folder");
            let paths = entries.map(|entry| entry.expect("an entry").path());
            let packages = paths.filter(|path| path.join("Cargo.toml").exists());
            packages
                .map(|path| path.strip_prefix(process::root()).expect("inside").to_owned())
                .collect::<BTreeSet<_>>()
        };
        let found: BTreeSet<PathBuf> = members("").union(&members("functions")).cloned().collect();
        let known = ON_SHARED.into_iter().chain(["shared", "xtask"]).map(PathBuf::from).collect();
        assert_eq!(found, known);
    }
}
