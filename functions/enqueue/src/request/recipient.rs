//! Whom a message goes to.

use alimi::domain::zone::{MUST_BE_A_ZONE, zone};
use alimi::domain::{Addresses, FieldError, PhoneNumber, RecipientRef};
use serde::Deserialize;

const RECIPIENT_ID_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipientRequest {
    id: String,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    timezone: Option<String>,
}

impl RecipientRequest {
    /// The recipient, with the addresses that the request brings along.
    pub(super) fn read(self) -> Result<(RecipientRef, Addresses), FieldError> {
        let id_bytes = self.id.len();
        if !(1..=RECIPIENT_ID_BYTES_MAX).contains(&id_bytes) {
            let detail = format!("has {id_bytes} bytes; must have 1 to {RECIPIENT_ID_BYTES_MAX}");
            return Err(FieldError::new("to.id", detail));
        }
        if self.id.trim().is_empty() {
            let must = "has only white space; must be your own id of the recipient";
            return Err(FieldError::new("to.id", must));
        }
        let phone = self
            .phone
            .map(PhoneNumber::try_from)
            .transpose()
            .map_err(|error| FieldError::new("to.phone", error.to_string()))?;
        if self.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
            return Err(FieldError::new("to.timezone", MUST_BE_A_ZONE));
        }
        Ok((RecipientRef { id: self.id, timezone: self.timezone }, Addresses { phone }))
    }
}
