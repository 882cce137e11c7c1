//! API keys: a new one with its text, and the stored ones without.

use alimi::domain::{ApiKey, Scope};
use alimi::use_cases::{ListedKey, NewApiKey};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct ApiKeyView<'a> {
    #[serde(flatten)]
    stored: StoredView<'a>,
    /// The text that the service sends as `Authorization: Bearer …`.
    key: &'a str,
}

#[derive(Serialize)]
pub(crate) struct ListedKeyView<'a> {
    #[serde(flatten)]
    stored: StoredView<'a>,
    has_expired: bool,
    last_used_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct StoredView<'a> {
    id: &'a str,
    scopes: Vec<Scope>,
    created_at: Timestamp,
    created_by: &'a str,
    expires_at: Option<Timestamp>,
}

impl<'a> ApiKeyView<'a> {
    pub(crate) fn of(made: &'a NewApiKey) -> Self {
        Self { stored: StoredView::of(&made.stored), key: made.text.expose_secret() }
    }
}

impl<'a> ListedKeyView<'a> {
    pub(crate) fn of(listed: &'a ListedKey) -> Self {
        Self {
            stored: StoredView::of(&listed.stored),
            has_expired: listed.has_expired,
            last_used_at: listed.last_used_at,
        }
    }
}

impl<'a> StoredView<'a> {
    fn of(stored: &'a ApiKey) -> Self {
        Self {
            id: &stored.id,
            scopes: stored.scopes.iter().copied().collect(),
            created_at: stored.created_at,
            created_by: &stored.created_by,
            expires_at: stored.expires_at,
        }
    }
}
