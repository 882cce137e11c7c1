//! The legal category of a message.

use serde::{Deserialize, Serialize};

/// Decides, together with a message's [origin](super::hours::Origin), which sending hours apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Tells the recipient something that they need to know.
    Informational,
    /// Wants to sell something. The law forbids advertising in quiet hours.
    Advertising,
}
