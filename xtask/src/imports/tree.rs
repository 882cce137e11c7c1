//! Reads the modules of a crate, and the names that each module defines and uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// The names of a path, as the source has them: `crate::domain::Status` has three.
pub type Names = Vec<String>;

/// A module: a whole file, or an inline module of a file.
#[derive(Debug)]
pub struct Module {
    pub file: PathBuf,
    /// The index of the parent module; `None` for a crate's root.
    pub parent: Option<usize>,
    /// The indices of the child modules, by name.
    pub children: BTreeMap<String, usize>,
    /// The items that this module defines.
    pub items: BTreeSet<String>,
    /// The names that `use` declarations bring in, with the path of each.
    pub bindings: BTreeMap<String, Names>,
    /// The paths of `use` declarations that end in `*`, without the `*`.
    pub globs: Vec<Names>,
    /// The paths of `use` declarations, except re-exports (`pub use`).
    pub imports: Vec<Names>,
    /// Paths in expressions, types and patterns.
    pub paths: Vec<Names>,
}

/// A crate: its modules, the root first.
#[derive(Debug)]
pub struct Crate {
    /// The crate's name in paths, with `_` for `-`.
    pub name: String,
    /// Whether other crates can import this crate.
    pub is_library: bool,
    /// The indices of parents and children are positions in this vector.
    pub modules: Vec<Module>,
}

impl Crate {
    /// Reads a crate from its root file.
    pub fn read(name: &str, root: &Path) -> Result<Self, String> {
        let is_library = root.ends_with("lib.rs");
        let mut made = Self { name: name.to_owned(), is_library, modules: vec![] };
        let folder = root.parent().unwrap_or(root).to_owned();
        made.read_file(root, &folder, None)?;
        Ok(made)
    }

    /// Reads a file as a module. The files of its child modules are in `folder`.
    fn read_file(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| fault(&error))?;
        let parsed = syn::parse_file(&text).map_err(|error| fault(&error))?;
        self.read_items(file, folder, parent, &parsed.items)
    }

    fn read_items(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
        items: &[Item],
    ) -> Result<usize, String> {
        let index = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            bindings: BTreeMap::new(),
            globs: vec![],
            imports: vec![],
            paths: vec![],
        });
        let mut children = Vec::new();
        for item in items {
            if let Item::Mod(module) = item {
                if !is_for_tests(&module.attrs) {
                    children.push(module);
                }
            } else {
                Reader(&mut self.modules[index]).visit_item(item);
            }
        }
        for module in children {
            let name = module.ident.to_string();
            let child = self.read_child(file, folder, index, module, &name)?;
            self.modules[index].children.insert(name, child);
        }
        Ok(index)
    }

    fn read_child(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: usize,
        module: &ItemMod,
        name: &str,
    ) -> Result<usize, String> {
        let inner = folder.join(name);
        if let Some((_, items)) = &module.content {
            return self.read_items(file, &inner, Some(parent), items);
        }
        let beside = folder.join(format!("{name}.rs"));
        let child = if beside.exists() { beside } else { inner.join("mod.rs") };
        self.read_file(&child, &inner, Some(parent))
    }
}

/// Whether an item has the attribute `#[cfg(test)]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// Reads every item of a module except its child modules.
struct Reader<'a>(&'a mut Module);

impl<'ast> Visit<'ast> for Reader<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "syn's kinds of items are not exhaustive")]
    fn visit_item(&mut self, item: &'ast Item) {
        let (attributes, name) = match item {
            Item::Const(item) => (&item.attrs, Some(&item.ident)),
            Item::Enum(item) => (&item.attrs, Some(&item.ident)),
            Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
            Item::Static(item) => (&item.attrs, Some(&item.ident)),
            Item::Struct(item) => (&item.attrs, Some(&item.ident)),
            Item::Trait(item) => (&item.attrs, Some(&item.ident)),
            Item::Type(item) => (&item.attrs, Some(&item.ident)),
            Item::Use(item) => (&item.attrs, None),
            Item::Impl(item) => (&item.attrs, None),
            Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
            _ => return visit::visit_item(self, item),
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name {
            self.0.items.insert(name.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let hands_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.read_use(&item.tree, &mut vec![], hands_on);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Names = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.0.paths.push(names);
        visit::visit_path(self, path);
    }

    /// Each macro has its own grammar, so this looks only for paths in the arguments.
    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.0.paths.extend(paths_in(&invoked.tokens.to_string()));
        visit::visit_macro(self, invoked);
    }
}

/// All paths of two or more names in the text of a macro's arguments.
fn paths_in(tokens: &str) -> Vec<Names> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut paths = Vec::new();
    let mut path = Names::new();
    let mut rest = tokens.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(if length == 0 { first.len_utf8() } else { length });
        rest = after.trim_start();
        if length == 0 {
            continue;
        }
        path.push(name.to_owned());
        match rest.strip_prefix("::") {
            Some(after) => rest = after.trim_start(),
            None => paths.push(std::mem::take(&mut path)),
        }
    }
    paths.retain(|path| path.len() > 1);
    paths
}

impl Reader<'_> {
    fn read_use(&mut self, tree: &UseTree, before: &mut Names, hands_on: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.read_use(&path.tree, before, hands_on);
                before.pop();
            }
            UseTree::Name(name) => {
                self.bind(&name.ident.to_string(), &name.ident, before, hands_on);
            }
            UseTree::Rename(name) => {
                self.bind(&name.rename.to_string(), &name.ident, before, hands_on);
            }
            UseTree::Glob(_) => {
                self.0.globs.push(before.clone());
                if !hands_on {
                    self.0.imports.push(before.clone());
                }
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.read_use(tree, before, hands_on);
                }
            }
        }
    }

    fn bind(&mut self, name: &str, ident: &syn::Ident, before: &Names, hands_on: bool) {
        let mut path = before.clone();
        // `use a::b::{self}` brings in b.
        let name = if ident == "self" {
            before.last().cloned().unwrap_or_default()
        } else {
            path.push(ident.to_string());
            name.to_owned()
        };
        if !hands_on {
            self.0.imports.push(path.clone());
        }
        self.0.bindings.insert(name, path);
    }
}
