//! Calls to Bizppurio: the token, and one message a request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use secrecy::{ExposeSecret, SecretString};

use super::codes::{ApiCode, api_code};
use super::wire::{Alimtalk, Answer, Content, SendRequest, fallback};
use crate::domain::channel::Provider as ProviderConfig;
use crate::domain::transition::Response;
use crate::domain::{Channel, Notification, Outcome, Reference};
use crate::ports::{
    Clock, Http, HttpRequest, HttpResponse, LaneAdvice, NoResponse, NotPrepared, PortError,
    Provider, Readiness, SendResult, StoredToken, Tokens, WayListener,
};

/// Tokens hold for 24 hours. They are renewed this long before, which also covers the doubt about
/// the zone of their end only where that errs to the safe side: see [`token_end_ms`].
const RENEW_BEFORE_MS: i64 = 60 * 60 * 1000;
/// A token that is refused at this age was never any good: asking for another would not help.
const TOKEN_YOUNG_MS: i64 = 60_000;
/// How long a token may take: well under a lease.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to leave the account alone after an answer that every message would meet.
const HOLD_DOWN: Duration = Duration::from_secs(30);
/// How long to pause after a 429 that does not say.
const HOLD_THROTTLED: Duration = Duration::from_secs(1);
/// The longest pause that is taken from a 429.
const HOLD_MAX: Duration = Duration::from_secs(300);

/// One Bizppurio account.
pub struct Bizppurio {
    channel: Channel,
    password: SecretString,
    http: Arc<dyn Http>,
    tokens: Arc<dyn Tokens>,
    clock: Arc<dyn Clock>,
    token: Mutex<TokenState>,
}

#[derive(Default)]
struct TokenState {
    current: Option<StoredToken>,
    /// The token that the provider refused: not to be taken from the store again.
    refused: Option<SecretString>,
}

impl Bizppurio {
    /// An account as `channel` configures it.
    #[must_use]
    pub fn new(
        channel: Channel,
        password: SecretString,
        http: Arc<dyn Http>,
        tokens: Arc<dyn Tokens>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let ProviderConfig::Bizppurio { base_url, .. } = &channel.provider;
        let connect_timeout = channel.timeouts.connect.unsigned_abs();
        http.freshen(base_url, connect_timeout);
        Self { channel, password, http, tokens, clock, token: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, TokenState> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self, now_ms: i64) -> Option<StoredToken> {
        self.state().current.clone().filter(|token| token.expires_at_ms - RENEW_BEFORE_MS > now_ms)
    }

    fn post(&self, path: &str, authorization: String, body: Bytes) -> HttpRequest {
        let ProviderConfig::Bizppurio { base_url, .. } = &self.channel.provider;
        HttpRequest {
            url: format!("{}{path}", base_url.trim_end_matches('/')),
            authorization: SecretString::from(authorization),
            body,
            connect_timeout: self.channel.timeouts.connect.unsigned_abs(),
            total_timeout: self.channel.timeouts.total.unsigned_abs(),
            way: None,
        }
    }

    fn message(&self, notification: &Notification, reference: &Reference) -> Result<Bytes, String> {
        let ProviderConfig::Bizppurio { account, sender_key, from, lms_keyword, .. } =
            &self.channel.provider;
        let message = &notification.message;
        let to = notification.recipient.phone.as_ref().ok_or("the recipient has no phone")?;
        let (resend, recontent) = fallback(message, lms_keyword);
        let request = SendRequest {
            account,
            kind: "at",
            from,
            to: to.expose(),
            content: Content {
                at: Alimtalk {
                    senderkey: sender_key,
                    templatecode: message.template_code.as_deref().unwrap_or_default(),
                    message: &message.body,
                    button: &message.buttons,
                },
            },
            refkey: reference.to_string(),
            resend,
            recontent,
        };
        serde_json::to_vec(&request).map(Bytes::from).map_err(|error| error.to_string())
    }

    /// What became of a request for sending.
    fn read(
        &self,
        answer: Result<HttpResponse, NoResponse>,
        token: &StoredToken,
        sent_at_ms: i64,
    ) -> SendResult {
        let received_at_ms = self.clock.now_ms();
        let result = |outcome, code: Option<u32>, provider_message_id, advice| SendResult {
            response: Response {
                sent_at_ms,
                received_at_ms,
                outcome,
                code: code.map(|code| code.to_string()),
                provider_message_id,
            },
            advice,
            was_asked: true,
        };
        let response = match answer {
            Ok(response) => response,
            Err(NoResponse::NotSent(detail)) => {
                tracing::warn!(channel = %self.channel.name, %detail, "the provider was not reached");
                return result(Outcome::Unreachable, None, None, LaneAdvice::GoOn);
            }
            Err(NoResponse::MaybeSent(detail)) => {
                tracing::warn!(channel = %self.channel.name, %detail, "no answer from the provider");
                return result(Outcome::Uncertain, None, None, LaneAdvice::GoOn);
            }
        };
        let answer = Answer::read(&response.body);
        let shown = answer.code.or(Some(u32::from(response.status)));
        match api_code(answer.code, response.status) {
            ApiCode::Message(Outcome::Accepted) => {
                result(Outcome::Accepted, shown, answer.messagekey, LaneAdvice::GoOn)
            }
            ApiCode::Message(Outcome::Throttled) => result(
                Outcome::Throttled,
                shown,
                None,
                LaneAdvice::SlowDown(pause(&response, sent_at_ms)),
            ),
            ApiCode::Message(Outcome::ChannelDown) => {
                tracing::error!(
                    channel = %self.channel.name,
                    code = shown,
                    "the account cannot send: see the provider's code; messages wait"
                );
                result(Outcome::ChannelDown, shown, None, LaneAdvice::HoldFor(HOLD_DOWN))
            }
            ApiCode::Message(
                outcome @ (Outcome::Rejected | Outcome::Unreachable | Outcome::Uncertain),
            ) => result(outcome, shown, None, LaneAdvice::GoOn),
            ApiCode::TokenRefused => {
                self.refuse(token);
                let was_young = received_at_ms - token.fetched_at_ms < TOKEN_YOUNG_MS;
                let advice =
                    if was_young { LaneAdvice::HoldFor(HOLD_DOWN) } else { LaneAdvice::GoOn };
                result(Outcome::ChannelDown, shown, None, advice)
            }
        }
    }

    /// Forgets a token that was refused, unless there is another one already.
    fn refuse(&self, token: &StoredToken) {
        let mut state = self.state();
        let same = |known: &SecretString| known.expose_secret() == token.token.expose_secret();
        if state.current.as_ref().is_some_and(|current| same(&current.token)) {
            state.current = None;
        }
        state.refused = Some(token.token.clone());
    }
}

#[async_trait]
impl Provider for Bizppurio {
    async fn readiness(&self, now_ms: i64) -> Result<Readiness, PortError> {
        if self.usable(now_ms).is_some() {
            return Ok(Readiness::Ready);
        }
        let stored = self.tokens.load_token(&self.channel.name).await?;
        {
            let mut state = self.state();
            let refused = state.refused.as_ref().map(ExposeSecret::expose_secret);
            if let Some(stored) = stored
                && refused != Some(stored.token.expose_secret())
            {
                state.current = Some(stored);
            }
        }
        match self.usable(now_ms) {
            Some(_) => Ok(Readiness::Ready),
            None => Ok(Readiness::NeedsPreparation),
        }
    }

    /// Fetches a token and shares it. Only the holder of the lane's lease comes here, so tokens are
    /// fetched by one sender at a time.
    async fn prepare(&self) -> Result<(), NotPrepared> {
        let not_prepared = |outcome, advice, detail| NotPrepared { advice, outcome, detail };
        let ProviderConfig::Bizppurio { account, .. } = &self.channel.provider;
        let credentials = STANDARD.encode(format!("{account}:{}", self.password.expose_secret()));
        let mut request = self.post("/v1/token", format!("Basic {credentials}"), Bytes::from("{}"));
        // The lane stands still meanwhile, and its lease runs.
        request.total_timeout = request.total_timeout.min(TOKEN_TIMEOUT);
        let response = self.http.post(request).await.map_err(|error| {
            // No message is in doubt, whatever became of this.
            let pause = LaneAdvice::HoldFor(Duration::from_secs(3));
            not_prepared(Some(Outcome::Unreachable), pause, error.to_string())
        })?;
        let fetched_at_ms = self.clock.now_ms();
        let answer = Answer::read(&response.body);
        let Some(token) = answer.accesstoken else {
            let code = answer.code.unwrap_or_else(|| u32::from(response.status));
            let (outcome, advice) = match api_code(answer.code, response.status) {
                ApiCode::Message(Outcome::Throttled) => {
                    let pause = pause(&response, fetched_at_ms);
                    (Outcome::Throttled, LaneAdvice::SlowDown(pause))
                }
                // No word on the account.
                ApiCode::Message(Outcome::Uncertain | Outcome::Unreachable) => {
                    (Outcome::Unreachable, LaneAdvice::HoldFor(HOLD_DOWN))
                }
                ApiCode::Message(Outcome::Accepted | Outcome::Rejected | Outcome::ChannelDown)
                | ApiCode::TokenRefused => (Outcome::ChannelDown, LaneAdvice::HoldFor(HOLD_DOWN)),
            };
            return Err(not_prepared(
                Some(outcome),
                advice,
                format!(
                    "no token: code {code}; check the account, its password and its allowed addresses"
                ),
            ));
        };
        let token = StoredToken {
            token: SecretString::from(token),
            fetched_at_ms,
            expires_at_ms: token_end_ms(answer.expired.as_deref(), fetched_at_ms),
        };
        self.state().current = Some(token.clone());
        self.tokens.save_token(&self.channel.name, &token).await.map_err(|error| {
            not_prepared(None, LaneAdvice::GoOn, format!("the token could not be shared: {error}"))
        })
    }

    async fn send(
        &self,
        notification: &Notification,
        reference: &Reference,
        way: WayListener,
    ) -> SendResult {
        let sent_at_ms = self.clock.now_ms();
        let unsent = |outcome, advice| SendResult {
            response: Response {
                sent_at_ms,
                received_at_ms: sent_at_ms,
                outcome,
                code: None,
                provider_message_id: None,
            },
            advice,
            was_asked: false,
        };
        let Some(token) = self.state().current.clone() else {
            // Refused since the lane asked for readiness.
            return unsent(Outcome::ChannelDown, LaneAdvice::GoOn);
        };
        let body = match self.message(notification, reference) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(notification = %notification.id, %error, "a message that cannot be written");
                return unsent(Outcome::Rejected, LaneAdvice::GoOn);
            }
        };
        let authorization = format!("Bearer {}", token.token.expose_secret());
        let request = self.post("/v3/message", authorization, body);
        let answer = self.http.post(HttpRequest { way: Some(way), ..request }).await;
        self.read(answer, &token, sent_at_ms)
    }

    fn total_timeout(&self) -> Duration {
        self.channel.timeouts.total.unsigned_abs()
    }
}

/// How long a 429 asks to pause. `RateLimit-Reset` and `Retry-After` are seconds; the latter may
/// be a date instead (RFC 9110).
fn pause(response: &HttpResponse, now_ms: i64) -> Duration {
    let until = |date: &str| {
        let at = jiff::fmt::rfc2822::parse(date).ok()?;
        Some((at.timestamp().as_millisecond() - now_ms) as f64 / 1000.0)
    };
    ["ratelimit-reset", "retry-after"]
        .iter()
        .filter_map(|name| response.header(name).map(str::trim))
        .filter_map(|text| text.parse::<f64>().ok().or_else(|| until(text)))
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .map(|seconds| Duration::from_secs_f64(seconds.min(HOLD_MAX.as_secs_f64())))
        .max()
        .map_or(HOLD_THROTTLED, |asked| asked.max(Duration::from_millis(100)))
}

/// When a token runs out. The zone of `expired` is not documented: it is read as Korean time. A
/// reading that would give it more than 24 hours, or none at all, is replaced by what is safe.
fn token_end_ms(expired: Option<&str>, fetched_at_ms: i64) -> i64 {
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
        // Valid for a day by the document, whatever this says: use it for half of one.
        _ => fetched_at_ms + DAY_MS / 2,
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
    fn an_end_that_makes_no_sense_is_replaced_by_half_a_day() {
        let fetched_at_ms = 1_795_305_600_000;
        for expired in [None, Some("soon"), Some("20201122090000"), Some("20301122090000")] {
            assert_eq!(token_end_ms(expired, fetched_at_ms), fetched_at_ms + 43_200_000);
        }
    }

    #[test]
    fn the_longest_pause_that_is_asked_for_is_taken_within_reason() {
        let response = |headers: &[(&str, &str)]| HttpResponse {
            status: 429,
            headers: headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
            body: Bytes::new(),
        };
        // 2026-11-22 00:00:00 UTC.
        let seconds =
            |headers: &[(&str, &str)]| pause(&response(headers), 1_795_305_600_000).as_secs_f64();
        assert!((seconds(&[]) - 1.0).abs() < 1e-9);
        assert!((seconds(&[("ratelimit-reset", "2"), ("retry-after", "5")]) - 5.0).abs() < 1e-9);
        let date = [("retry-after", "Sun, 22 Nov 2026 00:00:07 GMT")];
        assert!((seconds(&date) - 7.0).abs() < 1e-9);
        assert!((seconds(&[("retry-after", "86400")]) - 300.0).abs() < 1e-9);
        assert!((seconds(&[("retry-after", "NaN")]) - 1.0).abs() < 1e-9);
    }
}
