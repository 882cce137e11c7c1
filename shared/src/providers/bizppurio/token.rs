//! The access token that this process uses, when it expires, and what a refusal of it means.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use crate::ports::{LaneAdvice, StoredToken};

/// Tokens are valid for 24 hours by Bizppurio's document. They are renewed this long before their
/// end. [`token_end_ms`] says how the undocumented zone of that end is handled.
const RENEW_BEFORE_MS: i64 = 60 * 60 * 1000;

/// The token in use, and what is known about the account's tokens.
///
/// Another user of the account may revoke a token at any time, however young it is. Then the next
/// token serves. But if Bizppurio refuses the next one too, and no message was answered otherwise in
/// between, it refuses the account, and fetching more tokens would only use up the limit.
#[derive(Default)]
pub(super) struct TokenCache(Mutex<State>);

#[derive(Default)]
struct State {
    current: Option<Token>,
    /// How many tokens were used so far.
    used: u64,
    /// The token that the provider refused: never taken from the store again.
    refused: Option<SecretString>,
    /// Whether a refusal of the current token means that the account is refused.
    is_on_trial: bool,
}

/// A token in use.
#[derive(Clone)]
pub(super) struct Token {
    stored: StoredToken,
    /// Tells the uses apart: Bizppurio may give the same token twice.
    number: u64,
}

impl Token {
    pub(super) fn secret(&self) -> &SecretString {
        &self.stored.token
    }
}

impl State {
    fn begin_to_use(&mut self, stored: StoredToken) {
        self.used += 1;
        self.current = Some(Token { stored, number: self.used });
    }

    fn is_current(&self, token: &Token) -> bool {
        self.current.as_ref().is_some_and(|current| current.number == token.number)
    }
}

impl TokenCache {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn current(&self) -> Option<Token> {
        self.state().current.clone()
    }

    /// Whether there is a token that is not due for renewal.
    pub(super) fn is_usable(&self, now_ms: i64) -> bool {
        let state = self.state();
        let current = state.current.as_ref();
        current.is_some_and(|token| token.stored.expires_at_ms - RENEW_BEFORE_MS > now_ms)
    }

    /// Uses a token that the provider has just given.
    pub(super) fn set(&self, token: StoredToken) {
        self.state().begin_to_use(token);
    }

    /// Uses a token that the store had, unless the provider refused that token.
    pub(super) fn adopt(&self, stored: StoredToken) {
        let mut state = self.state();
        let refused = state.refused.as_ref().map(ExposeSecret::expose_secret);
        if refused != Some(stored.token.expose_secret()) {
            state.begin_to_use(stored);
        }
    }

    /// Treats a refusal of the next token as a refusal of the account. A probe asks for this,
    /// because it runs while the account counts as unable to send.
    pub(super) fn put_on_trial(&self) {
        self.state().is_on_trial = true;
    }

    /// Notes that the provider looked at a message that was sent with this token.
    pub(super) fn was_taken(&self, token: &Token) {
        let mut state = self.state();
        if state.is_current(token) {
            state.is_on_trial = false;
        }
    }

    /// Forgets a token that the provider refused, and says what the lane does. Requests that were
    /// in flight together are refused together: only the first refusal of a token counts.
    pub(super) fn refuse(&self, token: &Token) -> LaneAdvice {
        let mut state = self.state();
        if !state.is_current(token) {
            return LaneAdvice::Continue;
        }
        state.current = None;
        state.refused = Some(token.stored.token.clone());
        if std::mem::replace(&mut state.is_on_trial, true) {
            LaneAdvice::OpenCircuit
        } else {
            LaneAdvice::Continue
        }
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

    fn token(text: &str) -> StoredToken {
        StoredToken { token: SecretString::from(text), fetched_at_ms: 0, expires_at_ms: i64::MAX }
    }

    /// Begins to use a new token.
    fn fetch(cache: &TokenCache, text: &str) -> Token {
        cache.set(token(text));
        cache.current().expect("a token")
    }

    #[test]
    fn only_the_second_token_in_a_row_that_is_refused_opens_the_circuit() {
        let cache = TokenCache::default();
        let first = fetch(&cache, "a");
        assert_eq!(cache.refuse(&first), LaneAdvice::Continue);
        let second = fetch(&cache, "b");
        // A late answer to a request with the first token.
        assert_eq!(cache.refuse(&first), LaneAdvice::Continue);
        cache.was_taken(&first);
        assert_eq!(cache.refuse(&second), LaneAdvice::OpenCircuit);
        let third = fetch(&cache, "c");
        assert_eq!(cache.refuse(&third), LaneAdvice::OpenCircuit);
    }

    #[test]
    fn a_message_that_was_answered_otherwise_shows_that_new_tokens_help() {
        let cache = TokenCache::default();
        for text in ["a", "b", "c"] {
            let token = fetch(&cache, text);
            cache.was_taken(&token);
            assert_eq!(cache.refuse(&token), LaneAdvice::Continue, "{text}");
        }
    }

    #[test]
    fn requests_in_flight_with_one_token_are_refused_once() {
        let cache = TokenCache::default();
        let token = fetch(&cache, "a");
        for _ in 0..3 {
            assert_eq!(cache.refuse(&token), LaneAdvice::Continue);
        }
        assert!(cache.current().is_none());
    }

    #[test]
    fn the_same_token_given_twice_counts_as_two() {
        let cache = TokenCache::default();
        let token = fetch(&cache, "a");
        cache.refuse(&token);
        let again = fetch(&cache, "a");
        assert_eq!(cache.refuse(&again), LaneAdvice::OpenCircuit);
    }

    #[test]
    fn a_token_that_is_refused_after_a_probe_opens_the_circuit_again() {
        let cache = TokenCache::default();
        cache.put_on_trial();
        let probed = fetch(&cache, "a");
        assert_eq!(cache.refuse(&probed), LaneAdvice::OpenCircuit);
    }

    #[test]
    fn a_stored_token_is_used_unless_it_was_refused() {
        let cache = TokenCache::default();
        let first = fetch(&cache, "a");
        cache.refuse(&first);
        cache.adopt(token("a"));
        assert!(cache.current().is_none());
        cache.adopt(token("b"));
        assert_eq!(cache.current().expect("a token").secret().expose_secret(), "b");
        assert!(cache.is_usable(0));
    }

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
