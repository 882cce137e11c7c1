//! The access token that this process uses, and when it expires.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use crate::ports::StoredToken;

/// Tokens are valid for 24 hours by Bizppurio's document. They are renewed this long before their
/// end. [`token_end_ms`] says how the undocumented zone of that end is handled.
const RENEW_BEFORE_MS: i64 = 60 * 60 * 1000;

#[derive(Default)]
pub(super) struct TokenCache(Mutex<State>);

#[derive(Default)]
struct State {
    current: Option<StoredToken>,
    /// The token that the provider refused: never taken from the store again.
    refused: Option<SecretString>,
}

impl TokenCache {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn current(&self) -> Option<StoredToken> {
        self.state().current.clone()
    }

    /// Whether there is a token that is not due for renewal.
    pub(super) fn is_usable(&self, now_ms: i64) -> bool {
        let state = self.state();
        state.current.as_ref().is_some_and(|token| token.expires_at_ms - RENEW_BEFORE_MS > now_ms)
    }

    /// Uses a token that the provider has just given.
    pub(super) fn set(&self, token: StoredToken) {
        self.state().current = Some(token);
    }

    /// Uses a token that the store had, unless the provider refused that token.
    pub(super) fn adopt(&self, stored: StoredToken) {
        let mut state = self.state();
        let refused = state.refused.as_ref().map(ExposeSecret::expose_secret);
        if refused != Some(stored.token.expose_secret()) {
            state.current = Some(stored);
        }
    }

    /// Forgets a token that the provider refused. Keeps the current token if it is another one.
    pub(super) fn refuse(&self, token: &StoredToken) {
        let mut state = self.state();
        let same = |known: &SecretString| known.expose_secret() == token.token.expose_secret();
        if state.current.as_ref().is_some_and(|current| same(&current.token)) {
            state.current = None;
        }
        state.refused = Some(token.token.clone());
    }
}

/// When a token expires. Bizppurio's document does not state the zone of `expired`, so the text is
/// read as Korean time. If that gives more than 24 hours, or less than twice [`RENEW_BEFORE_MS`],
/// half of the documented 24 hours is used instead.
pub(super) fn token_end_ms(expired: Option<&str>, fetched_at_ms: i64) -> i64 {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let read = expired
        .and_then(|text| DateTime::strptime("%Y%m%d%H%M%S", text).ok())
        .and_then(|civil| civil.to_zoned(TimeZone::fixed(jiff::tz::offset(9))).ok())
        .map(|zoned| zoned.timestamp().as_millisecond());
    match read {
        Some(end_ms)
            if (fetched_at_ms + 2 * RENEW_BEFORE_MS..=fetched_at_ms + DAY_MS).contains(&end_ms) =>
        {
            end_ms
        }
        Some(_) | None => fetched_at_ms + DAY_MS / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tokens_end_is_read_in_korean_time() {
        // 2026-11-22 09:00 in Seoul is midnight UTC.
        let fetched_at_ms = 1_795_305_600_000;
        assert_eq!(token_end_ms(Some("20261123090000"), fetched_at_ms), fetched_at_ms + 86_400_000);
    }

    #[test]
    fn an_implausible_end_is_replaced_by_half_a_day() {
        let fetched_at_ms = 1_795_305_600_000;
        for expired in [None, Some("soon"), Some("20201122090000"), Some("20301122090000")] {
            assert_eq!(token_end_ms(expired, fetched_at_ms), fetched_at_ms + 43_200_000);
        }
    }
}
