//! Checks that files do not import each other in cycles.
//!
//! `syn` parses the code, and every `use` declaration and every path in an expression or a type
//! counts as an import. If a path goes through a re-export (`pub use`), the import counts for the
//! file that defines the name. `mod` declarations and code for tests do not count.
//!
//! - `tree.rs`: reads the modules of a crate, and the names that each module defines and uses.
//! - `graph.rs`: resolves names to files, and records which file imports which.
//! - `cycles.rs`: finds cycles in the graph.

mod cycles;
mod graph;
mod tree;

use std::path::Path;

use self::graph::Graph;
use self::tree::Crate;

/// Looks for import cycles in all crates of a workspace. Returns the number of files and imports.
/// The error lists every cycle, with the names that its files import from each other.
pub fn check(root: &Path) -> Result<String, String> {
    let crates = crates(root)?;
    if crates.is_empty() {
        return Err(format!("there is no crate in {}", root.display()));
    }
    let graph = Graph::new(&crates);
    let cycles = cycles::cycles(&graph);
    if cycles.is_empty() {
        let (files, imports) = (graph.file_count(), graph.count());
        return Ok(format!("{files} files, {imports} imports, no import cycle"));
    }
    let descriptions = cycles.iter().map(|cycle| graph.describe(cycle, root));
    let descriptions: Vec<String> = descriptions.collect();
    Err(format!("{} import cycle(s):\n{}", cycles.len(), descriptions.join("\n")))
}

fn crates(root: &Path) -> Result<Vec<Crate>, String> {
    let unreadable = |what: &Path, error: std::io::Error| format!("{}: {error}", what.display());
    let mut folders = Vec::new();
    for parent in [root.to_owned(), root.join("functions")] {
        let entries = std::fs::read_dir(&parent).map_err(|error| unreadable(&parent, error))?;
        for entry in entries {
            folders.push(entry.map_err(|error| unreadable(&parent, error))?.path());
        }
    }
    folders.sort();
    let mut crates = Vec::new();
    for folder in folders {
        let manifest = folder.join("Cargo.toml");
        let Ok(manifest) = std::fs::read_to_string(&manifest) else { continue };
        let Some(name) = package_name(&manifest) else { continue };
        for file in ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file)) {
            if file.exists() {
                crates.push(Crate::read(&name.replace('-', "_"), &file)?);
            }
        }
    }
    Ok(crates)
}

/// The package's name; `None` for a manifest without a package.
fn package_name(manifest: &str) -> Option<&str> {
    let package = manifest.split("[package]").nth(1)?;
    let line = package.lines().find(|line| line.starts_with("name"))?;
    line.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A workspace of one crate with these files.
    fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: PathBuf, text: &str| {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write(folder.path().join("functions/.keep"), "");
        write(folder.path().join("member/Cargo.toml"), "[package]\nname = \"a-member\"\n");
        for (name, text) in files {
            write(folder.path().join("member/src").join(name), text);
        }
        folder
    }

    fn found(files: &[(&str, &str)]) -> Result<String, String> {
        check(workspace(files).path())
    }

    #[test]
    fn files_that_import_each_other_form_a_cycle() {
        let error = found(&[
            ("lib.rs", "mod one; mod two; mod three;"),
            ("one.rs", "use crate::two::Two; pub struct One(Two);"),
            ("two.rs", "use super::three::Three; pub struct Two(Box<Three>);"),
            ("three.rs", "pub struct Three(Box<crate::one::One>);"),
        ]);
        let error = error.expect_err("a cycle");
        assert!(error.contains("member/src/one.rs -> member/src/two.rs: Two"), "{error}");
        assert!(error.contains("member/src/three.rs -> member/src/one.rs: One"), "{error}");
    }

    #[test]
    fn a_parent_and_a_child_that_import_each_other_form_a_cycle() {
        let files = [
            ("lib.rs", "mod parent;"),
            (
                "parent/mod.rs",
                "mod child; use child::Child; pub const N: usize = 1; struct P(Child);",
            ),
            ("parent/child.rs", "use super::N; pub struct Child([u8; N]);"),
        ];
        assert!(found(&files).expect_err("a cycle").contains("mod.rs: N"));
    }

    #[test]
    fn a_reexported_name_counts_as_an_import_of_the_file_that_defines_it() {
        let files = [
            ("lib.rs", "pub mod rules; pub mod work;"),
            ("rules/mod.rs", "mod pace; mod hours; pub use pace::Pace; pub use hours::*;"),
            ("rules/pace.rs", "use crate::rules::Hours; pub struct Pace(Hours);"),
            ("rules/hours.rs", "use super::Pace; pub struct Hours(Box<Pace>);"),
            ("work.rs", "use crate::rules; pub fn f(_: rules::Pace) {}"),
        ];
        let error = found(&files).expect_err("a cycle");
        assert!(error.contains("hours.rs -> member/src/rules/pace.rs: Pace"), "{error}");
        assert!(!error.contains("mod.rs"), "{error}");
        assert!(!error.contains("work.rs"), "{error}");
    }

    #[test]
    fn imports_in_test_code_do_not_count() {
        let files = [
            ("lib.rs", "mod one; #[cfg(test)] mod fixtures;"),
            ("one.rs", "pub struct One; #[cfg(test)] mod tests { use crate::fixtures::f; }"),
            ("fixtures.rs", "use crate::one::One; pub fn f() -> One { One }"),
        ];
        assert_eq!(found(&files).as_deref(), Ok("2 files, 0 imports, no import cycle"));
    }

    #[test]
    fn inline_modules_belong_to_their_file() {
        let files = [
            ("lib.rs", "mod one; mod two;"),
            ("one.rs", "pub mod inner { pub struct A(crate::two::B); pub fn g() {} }"),
            ("two.rs", "pub struct B; fn f() { let _ = crate::one::inner::g; }"),
        ];
        assert!(found(&files).is_err());
    }

    #[test]
    fn paths_in_the_arguments_of_macros_count() {
        let files = [
            ("lib.rs", "mod one; mod two;"),
            ("one.rs", "pub fn f() -> u8 { 1 } fn g() { println!(\"{}\", crate::two::h ()); }"),
            ("two.rs", "pub fn h() -> u8 { crate::one::f() }"),
        ];
        assert!(found(&files).is_err());
    }

    #[test]
    fn an_error_names_the_file_that_does_not_parse() {
        let error =
            found(&[("lib.rs", "mod one;"), ("one.rs", "pub struct {")]).expect_err("a fault");
        assert!(error.contains("one.rs"), "{error}");
    }
}
