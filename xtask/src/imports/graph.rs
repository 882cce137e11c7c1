//! Resolves names to files, and records which file imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::tree::{Crate, Module, Names};

/// Identifies a module by two indices: its crate, and its position in that crate.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ModuleId {
    krate: usize,
    module: usize,
}

/// The greatest number of steps for resolving a name. A name that refers to itself needs more.
const STEPS_MAX: usize = 32;

/// All files and their imports.
pub struct Graph<'a> {
    crates: &'a [Crate],
    /// The imported names, by importing file and imported file.
    imports: BTreeMap<(&'a Path, &'a Path), BTreeSet<String>>,
}

impl<'a> Graph<'a> {
    pub fn new(crates: &'a [Crate]) -> Self {
        let mut graph = Self { crates, imports: BTreeMap::new() };
        for (krate, found) in crates.iter().enumerate() {
            for (index, module) in found.modules.iter().enumerate() {
                let here = ModuleId { krate, module: index };
                for names in module.imports.iter().chain(&module.paths) {
                    graph.add(here, names);
                }
            }
        }
        graph
    }

    pub fn file_count(&self) -> usize {
        self.files().len()
    }

    /// The number of pairs of files where the first imports the second.
    pub fn count(&self) -> usize {
        self.imports.len()
    }

    pub fn files(&self) -> BTreeSet<&'a Path> {
        let modules = self.crates.iter().flat_map(|found| &found.modules);
        modules.map(|module| module.file.as_path()).collect()
    }

    pub fn imports_of_each(&self) -> BTreeMap<&'a Path, Vec<&'a Path>> {
        let mut all: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
        for (from, to) in self.imports.keys() {
            all.entry(from).or_default().push(to);
        }
        all
    }

    /// Lists the imports between the files of a cycle, one import on a line.
    pub fn describe(&self, cycle: &[&Path], root: &Path) -> String {
        let short = |file: &Path| -> PathBuf { file.strip_prefix(root).unwrap_or(file).to_owned() };
        let inside = |file: &Path| cycle.contains(&file);
        let inner = self.imports.iter().filter(|((from, to), _)| inside(from) && inside(to));
        let lines = inner.map(|((from, to), names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("  {} -> {}: {}", short(from).display(), short(to).display(), names.join(", "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn add(&mut self, here: ModuleId, names: &Names) {
        let Some((there, name)) = self.resolve(here, names, STEPS_MAX) else { return };
        let (from, to) = (&self.module(here).file, &self.module(there).file);
        if from != to {
            self.imports.entry((from, to)).or_default().insert(name);
        }
    }

    fn module(&self, id: ModuleId) -> &'a Module {
        &self.crates[id.krate].modules[id.module]
    }

    /// Resolves a path. Returns the module that defines the item, and the item's name in that
    /// module; `None` if no crate of the workspace defines the item.
    fn resolve(
        &self,
        here: ModuleId,
        names: &[String],
        steps: usize,
    ) -> Option<(ModuleId, String)> {
        let steps = steps.checked_sub(1)?;
        let (first, rest) = names.split_first()?;
        let module = self.module(here);
        let id = match first.as_str() {
            "crate" => ModuleId { module: 0, ..here },
            "self" => here,
            "super" => ModuleId { module: module.parent?, ..here },
            name => {
                if let Some(found) = self.named_in(here, name, rest, steps) {
                    return Some(found);
                }
                let library = |found: &Crate| found.is_library && found.name == name;
                ModuleId { krate: self.crates.iter().position(library)?, module: 0 }
            }
        };
        match rest {
            // The path names a module and no item in it.
            [] => None,
            [name, ..] if name == "super" => self.resolve(id, rest, steps),
            [name, after @ ..] => self.named_in(id, name, after, steps),
        }
    }

    /// Resolves a name in a module, and the rest of the path after the name.
    fn named_in(
        &self,
        id: ModuleId,
        name: &str,
        after: &[String],
        steps: usize,
    ) -> Option<(ModuleId, String)> {
        let steps = steps.checked_sub(1)?;
        let module = self.module(id);
        // A module and a function may share a name. Only the module can have more path after it.
        let is_module = !after.is_empty() && module.children.contains_key(name);
        if module.items.contains(name) && !is_module {
            return Some((id, name.to_owned()));
        }
        if let Some(child) = module.children.get(name) {
            let child = ModuleId { module: *child, ..id };
            let [name, after @ ..] = after else { return None };
            return self.named_in(child, name, after, steps);
        }
        if let Some(path) = module.bindings.get(name) {
            let whole: Names = path.iter().chain(after).cloned().collect();
            return self.resolve_binding(id, name, &whole, steps);
        }
        module.globs.iter().find_map(|glob| {
            let whole: Names = glob
                .iter()
                .cloned()
                .chain([name.to_owned()])
                .chain(after.iter().cloned())
                .collect();
            self.resolve_binding(id, name, &whole, steps)
        })
    }

    /// Resolves the path of a `use` declaration. Returns `None` if the path is only the name that
    /// the declaration brings in, as in `use http::{self}`.
    fn resolve_binding(
        &self,
        id: ModuleId,
        name: &str,
        path: &[String],
        steps: usize,
    ) -> Option<(ModuleId, String)> {
        if path.first().is_some_and(|first| first == name) && path.len() == 1 {
            return None;
        }
        self.resolve(id, path, steps)
    }
}
