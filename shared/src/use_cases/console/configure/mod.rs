//! Changes the catalog for operators. A document is checked against the documents that it names and
//! that name it, and the history records who changed what.
//!
//! The checks read other documents before the write. Two operators at once can therefore leave a
//! schedule without its template. No wrong message leaves by that: the run fails and says why.

mod api_keys;
mod changes;
pub mod check;
mod consistency;
mod edits;
mod entry;
mod lane_contents;
mod lookups;
mod receipt_secrets;
mod server_fields;
mod uploaded_files;
mod wakes;
mod windows;

use std::sync::Arc;

pub use self::api_keys::{ListedKey, NewApiKey};
pub use self::changes::NotChanged;
pub use self::entry::{Entry, read};
pub use self::receipt_secrets::NewReceiptSecret;
use crate::ports::{
    Adapters, Agenda, Catalog, Clock, Documents, KeyUses, Randomness, Uploads, Waker, WindowClasses,
};

#[derive(Clone)]
pub struct ConfigureCatalog {
    /// The documents with their revisions.
    pub documents: Arc<dyn Documents>,
    /// The documents as the functions read them.
    pub catalog: Arc<dyn Catalog>,
    pub adapters: Arc<dyn Adapters>,
    pub agenda: Arc<dyn Agenda>,
    pub classes: Arc<dyn WindowClasses>,
    /// The records of uploaded files.
    pub uploads: Arc<dyn Uploads>,
    pub waker: Arc<dyn Waker>,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
    /// When the producers' API keys were last used.
    pub key_uses: Arc<dyn KeyUses>,
}
