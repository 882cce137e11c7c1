//! Whom a message goes to.

use serde::{Deserialize, Serialize};

use super::phone::PhoneNumber;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The producer's own id of the person.
    pub id: String,
    /// Required by channels that send to phones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The person's IANA time zone. Without one the channel's zone applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}
