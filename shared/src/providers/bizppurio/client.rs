//! Requests to Bizppurio: the token, and one message a request.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::codes::{ApiCode, api_code};
use super::pause::pause;
use super::token::{TokenCache, token_end_ms};
use super::wire::{Alimtalk, Answer, Content, SendRequest, fallback};
use crate::domain::{Channel, Notification, Outcome, ProviderConfig, Reference, Response};
use crate::ports::{
    Clock, ConnectionObserver, LaneAdvice, NoResponse, NotPrepared, PortError, Provider,
    ProviderCall, ProviderHttp, Readiness, SendResult, StoredToken, Tokens,
};

/// A token that is refused so soon after it was fetched was never valid, so fetching another one
/// would not help.
const TOKEN_NEVER_VALID_WITHIN_MS: i64 = 60_000;
/// How long fetching a token may take: much less than a lease, which runs on meanwhile.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to leave the account alone after a response that every message would get.
const HOLD_AFTER_ACCOUNT_REFUSED: Duration = Duration::from_secs(30);
/// How long to wait after the token's request had no response.
const HOLD_AFTER_NO_RESPONSE: Duration = Duration::from_secs(3);

/// One Bizppurio account.
pub struct Bizppurio {
    channel: Channel,
    password: SecretString,
    http: Arc<dyn ProviderHttp>,
    tokens: Arc<dyn Tokens>,
    clock: Arc<dyn Clock>,
    token: TokenCache,
}

impl Bizppurio {
    /// The account that `channel` configures. Closes the client's stale connections to Bizppurio.
    #[must_use]
    pub fn new(
        channel: Channel,
        password: SecretString,
        http: Arc<dyn ProviderHttp>,
        tokens: Arc<dyn Tokens>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let ProviderConfig::Bizppurio { base_url, .. } = &channel.provider;
        let connect_timeout = channel.timeouts.connect.unsigned_abs();
        http.drop_stale_connections(base_url, connect_timeout);
        Self { channel, password, http, tokens, clock, token: TokenCache::default() }
    }

    /// A call without an observer. Fails when the address or the credentials cannot be written.
    fn build_call(
        &self,
        path: &str,
        authorization: &SecretString,
        body: Bytes,
    ) -> Result<ProviderCall, NoResponse> {
        let ProviderConfig::Bizppurio { base_url, .. } = &self.channel.provider;
        let mut authorization =
            HeaderValue::from_str(authorization.expose_secret()).map_err(|_| {
                let detail = "the token cannot be an HTTP header; check the password in the \
                          channel's secret";
                NoResponse::NotSent(detail.to_owned())
            })?;
        authorization.set_sensitive(true);
        let request = Request::post(format!("{}{path}", base_url.trim_end_matches('/')))
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body)
            .map_err(|error| NoResponse::NotSent(format!("base_url is unusable: {error}")))?;
        Ok(ProviderCall {
            request,
            connect_timeout: self.channel.timeouts.connect.unsigned_abs(),
            total_timeout: self.channel.timeouts.total.unsigned_abs(),
            on_connection: None,
        })
    }

    fn message_body(
        &self,
        notification: &Notification,
        reference: &Reference,
    ) -> Result<Bytes, String> {
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

    /// What the response to a message, or its absence, means for the message and for the lane.
    fn meaning_of(
        &self,
        received: Result<http::Response<Bytes>, NoResponse>,
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
            was_tried: true,
        };
        let response = match received {
            Ok(response) => response,
            Err(NoResponse::NotSent(detail)) => {
                tracing::warn!(channel = %self.channel.name, %detail, "the provider was not reached");
                return result(Outcome::Unreachable, None, None, LaneAdvice::Continue);
            }
            Err(NoResponse::MaybeSent(detail)) => {
                tracing::warn!(channel = %self.channel.name, %detail, "no answer from the provider");
                return result(Outcome::Uncertain, None, None, LaneAdvice::Continue);
            }
        };
        let answer = Answer::read(response.body());
        let status = response.status().as_u16();
        let code = answer.code.or(Some(u32::from(status)));
        match api_code(answer.code, status) {
            ApiCode::Message(Outcome::Accepted) => {
                result(Outcome::Accepted, code, answer.messagekey, LaneAdvice::Continue)
            }
            ApiCode::Message(Outcome::Throttled) => result(
                Outcome::Throttled,
                code,
                None,
                LaneAdvice::SlowDown(pause(&response, sent_at_ms)),
            ),
            ApiCode::Message(Outcome::ChannelDown) => {
                tracing::error!(
                    channel = %self.channel.name,
                    code,
                    "the account cannot send: see the provider's code; messages wait"
                );
                let advice = LaneAdvice::HoldFor(HOLD_AFTER_ACCOUNT_REFUSED);
                result(Outcome::ChannelDown, code, None, advice)
            }
            ApiCode::Message(
                outcome @ (Outcome::Rejected | Outcome::Unreachable | Outcome::Uncertain),
            ) => result(outcome, code, None, LaneAdvice::Continue),
            ApiCode::TokenRefused => {
                self.token.refuse(token);
                let token_age_ms = received_at_ms - token.fetched_at_ms;
                let advice = if token_age_ms < TOKEN_NEVER_VALID_WITHIN_MS {
                    LaneAdvice::HoldFor(HOLD_AFTER_ACCOUNT_REFUSED)
                } else {
                    LaneAdvice::Continue
                };
                result(Outcome::ChannelDown, code, None, advice)
            }
        }
    }
}

#[async_trait]
impl Provider for Bizppurio {
    async fn readiness(&self, now_ms: i64) -> Result<Readiness, PortError> {
        if self.token.is_usable(now_ms) {
            return Ok(Readiness::Ready);
        }
        if let Some(stored) = self.tokens.load_token(&self.channel.name).await? {
            self.token.adopt(stored);
        }
        if self.token.is_usable(now_ms) {
            Ok(Readiness::Ready)
        } else {
            Ok(Readiness::NeedsPreparation)
        }
    }

    /// Fetches a token and shares it. Only the holder of the lane's lease calls this, so one sender
    /// at a time fetches a channel's token.
    async fn prepare(&self) -> Result<(), NotPrepared> {
        let not_prepared = |outcome, advice, detail| NotPrepared { advice, outcome, detail };
        // No message is in doubt, whatever became of the request.
        let no_response = |error: NoResponse| {
            let advice = LaneAdvice::HoldFor(HOLD_AFTER_NO_RESPONSE);
            not_prepared(Some(Outcome::Unreachable), advice, error.to_string())
        };
        let ProviderConfig::Bizppurio { account, .. } = &self.channel.provider;
        let credentials = STANDARD.encode(format!("{account}:{}", self.password.expose_secret()));
        let authorization = SecretString::from(format!("Basic {credentials}"));
        let mut call =
            self.build_call("/v1/token", &authorization, Bytes::from("{}")).map_err(no_response)?;
        call.total_timeout = call.total_timeout.min(TOKEN_TIMEOUT);
        let response = self.http.send(call).await.map_err(no_response)?;
        let fetched_at_ms = self.clock.now_ms();
        let answer = Answer::read(response.body());
        let Some(token) = answer.accesstoken else {
            let status = response.status().as_u16();
            let code = answer.code.unwrap_or_else(|| u32::from(status));
            let (outcome, advice) = match api_code(answer.code, status) {
                ApiCode::Message(Outcome::Throttled) => {
                    let pause = pause(&response, fetched_at_ms);
                    (Outcome::Throttled, LaneAdvice::SlowDown(pause))
                }
                // Such a code does not speak of the account.
                ApiCode::Message(Outcome::Uncertain | Outcome::Unreachable) => {
                    (Outcome::Unreachable, LaneAdvice::HoldFor(HOLD_AFTER_ACCOUNT_REFUSED))
                }
                ApiCode::Message(Outcome::Accepted | Outcome::Rejected | Outcome::ChannelDown)
                | ApiCode::TokenRefused => {
                    (Outcome::ChannelDown, LaneAdvice::HoldFor(HOLD_AFTER_ACCOUNT_REFUSED))
                }
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
        self.token.set(token.clone());
        self.tokens.save_token(&self.channel.name, &token).await.map_err(|error| {
            let detail = format!("the token could not be shared: {error}");
            not_prepared(None, LaneAdvice::Continue, detail)
        })
    }

    async fn send(
        &self,
        notification: &Notification,
        reference: &Reference,
        on_connection: ConnectionObserver,
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
            was_tried: false,
        };
        let Some(token) = self.token.current() else {
            // The provider refused the token after the lane checked readiness.
            return unsent(Outcome::ChannelDown, LaneAdvice::Continue);
        };
        let body = match self.message_body(notification, reference) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(notification = %notification.id, %error, "a message cannot be written");
                return unsent(Outcome::Rejected, LaneAdvice::Continue);
            }
        };
        let authorization = SecretString::from(format!("Bearer {}", token.token.expose_secret()));
        let received = match self.build_call("/v3/message", &authorization, body) {
            Ok(call) => {
                let call = ProviderCall { on_connection: Some(on_connection), ..call };
                self.http.send(call).await
            }
            Err(error) => Err(error),
        };
        self.meaning_of(received, &token, sent_at_ms)
    }

    fn total_timeout(&self) -> Duration {
        self.channel.timeouts.total.unsigned_abs()
    }
}
