//! Which provider a channel uses, and how the account is set up there.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A provider's kind and its settings. Only the kind's adapter knows what the settings mean.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderConfig {
    /// The name of the adapter.
    pub kind: String,
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// Leaves out the settings: an operator may have put a secret there by mistake.
impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderConfig").field("kind", &self.kind).finish_non_exhaustive()
    }
}
