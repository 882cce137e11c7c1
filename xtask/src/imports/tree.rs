//! The modules of a crate, and what each one names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

/// A path as it is written: `crate::domain::Status` is three names.
pub type Names = Vec<String>;

/// A module: a file, or a part of one.
#[derive(Debug)]
pub struct Module {
    /// The file that it is in.
    pub file: PathBuf,
    /// The module that it is in; `None` for a crate's root.
    pub parent: Option<usize>,
    /// Modules in it.
    pub children: BTreeMap<String, usize>,
    /// Items that it defines.
    pub items: BTreeSet<String>,
    /// Names that `use` declarations bring in, and the path of each.
    pub bindings: BTreeMap<String, Names>,
    /// Paths that end in `*`.
    pub globs: Vec<Names>,
    /// `use` declarations that only hand a name on are no imports of this module.
    pub imports: Vec<Names>,
    /// Paths in expressions, types and patterns.
    pub paths: Vec<Names>,
}

/// A crate: its modules, the root first.
#[derive(Debug)]
pub struct Crate {
    /// Its name, as paths have it.
    pub name: String,
    /// Whether others can import it.
    pub is_library: bool,
    /// Its modules. Children are indices into this.
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

    /// Reads a file as a module whose children are in `folder`.
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

/// Whether code is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// Reads everything but modules into a module.
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

    /// A macro's arguments have a grammar of their own; only paths are looked for.
    fn visit_macro(&mut self, invoked: &'ast syn::Macro) {
        self.0.paths.extend(paths_in(&invoked.tokens.to_string()));
        visit::visit_macro(self, invoked);
    }
}

/// Every path of more than one name in a text of tokens.
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
