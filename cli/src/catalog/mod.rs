//! Catalog files against the documents of a stack.

pub(crate) mod file;
pub(crate) mod plan;
mod sections;
pub(crate) mod stored;
