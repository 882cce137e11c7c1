//! A new receipt secret, with the address that the provider posts its receipts to.

use alimi::use_cases::NewReceiptSecret;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct ReceiptSecretView<'a> {
    id: &'a str,
    secret: &'a str,
    /// The path of the webhook's address.
    path: String,
    created_at: Timestamp,
}

impl<'a> ReceiptSecretView<'a> {
    pub(crate) fn of(channel: &str, made: &'a NewReceiptSecret) -> Self {
        let secret = made.secret.expose_secret();
        Self {
            id: &made.id,
            secret,
            path: format!("/webhooks/{channel}/{secret}"),
            created_at: made.created_at,
        }
    }
}
