//! Finds import cycles. In a cycle, every file reaches every other file through imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::graph::Graph;

/// All cycles. The files of a cycle are in alphabetical order.
pub fn cycles<'a>(graph: &Graph<'a>) -> Vec<Vec<&'a Path>> {
    let files = graph.files();
    let imports = graph.imports_of_each();
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        files.iter().map(|file| (*file, reachable(&imports, file))).collect();
    let mut seen = BTreeSet::new();
    let mut cycles = Vec::new();
    for file in files {
        if seen.contains(file) || !reached[file].contains(file) {
            continue;
        }
        let cycle: Vec<&Path> =
            reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect();
        seen.extend(cycle.iter().copied());
        cycles.push(cycle);
    }
    cycles
}

/// The files that a file imports directly or through other files. The result contains the file
/// itself only if its imports lead back to it.
fn reachable<'a>(imports: &BTreeMap<&Path, Vec<&'a Path>>, file: &Path) -> BTreeSet<&'a Path> {
    let imported = |file: &Path| imports.get(file).into_iter().flatten().copied();
    let mut found = BTreeSet::new();
    let mut open: Vec<&Path> = imported(file).collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(imported(next));
        }
    }
    found
}
