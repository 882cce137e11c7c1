//! Requests to Bizppurio: the token, one message a request, and questions about a message.

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Answer, TokenVerdict, asked, meaning_of, no_response_to_token, no_token};
use super::codes::{ApiCode, api_code};
use super::guarantees::GUARANTEES;
use super::request::{message_body, report_body};
use super::settings::Settings;
use super::token::{Token, TokenCache, token_end_ms};
use crate::domain::{Channel, Guarantees, Outcome, Response, Timeouts};
use crate::ports::{
    Asked, ConnectionObserver, Inquiry, LaneAdvice, NoResponse, NotPrepared, Outgoing, PortError,
    Provider, ProviderCall, Readiness, SendResult, StoredToken,
};
use crate::providers::io::ProviderIo;

/// How long fetching a token may take: much less than a lease, which runs on meanwhile.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(3);

/// One Bizppurio account.
pub(super) struct Bizppurio {
    /// The channel's name. The account's token is stored under it.
    channel: String,
    timeouts: Timeouts,
    settings: Settings,
    password: SecretString,
    io: ProviderIo,
    token: TokenCache,
}

impl Bizppurio {
    /// The account that a channel configures. Closes the client's stale connections to Bizppurio.
    pub(super) fn new(
        channel: &Channel,
        settings: Settings,
        password: SecretString,
        io: ProviderIo,
    ) -> Self {
        let timeouts = channel.timeouts;
        io.http.drop_stale_connections(&settings.base_url, timeouts.connect.unsigned_abs());
        let channel = channel.name.clone();
        Self { channel, timeouts, settings, password, io, token: TokenCache::default() }
    }

    /// A call without an observer. Fails when the address or the credentials cannot be written.
    fn build_call(
        &self,
        path: &str,
        authorization: &SecretString,
        body: Bytes,
    ) -> Result<ProviderCall, NoResponse> {
        let mut authorization =
            HeaderValue::from_str(authorization.expose_secret()).map_err(|_| {
                let detail = "the token cannot be an HTTP header; check the password in the \
                          channel's secret";
                NoResponse::NotSent(detail.to_owned())
            })?;
        authorization.set_sensitive(true);
        let request = Request::post(format!("{}{path}", self.settings.base_url))
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body)
            .map_err(|error| {
                NoResponse::NotSent(format!("the provider's address is unusable: {error}"))
            })?;
        Ok(ProviderCall {
            request,
            connect_timeout: self.timeouts.connect.unsigned_abs(),
            total_timeout: self.timeouts.total.unsigned_abs(),
            on_connection: None,
        })
    }

    /// Posts with an access token.
    async fn post(
        &self,
        path: &str,
        token: &Token,
        body: Bytes,
        on_connection: Option<ConnectionObserver>,
    ) -> Result<http::Response<Bytes>, NoResponse> {
        let authorization =
            SecretString::from(format!("Bearer {}", token.secret().expose_secret()));
        let call = self.build_call(path, &authorization, body)?;
        self.io.http.send(ProviderCall { on_connection, ..call }).await
    }

    /// Forgets a token that Bizppurio refused. Returns what the lane does about it.
    fn token_refused(&self, token: &Token) -> LaneAdvice {
        let advice = self.token.refuse(token);
        if advice == LaneAdvice::OpenCircuit {
            tracing::error!(
                channel = %self.channel,
                "the provider refuses every new access token; messages wait"
            );
        }
        advice
    }

    /// Fetches a token and shares it.
    async fn fetch_token(&self) -> Result<(), NotPrepared> {
        let account = &self.settings.account;
        let credentials = STANDARD.encode(format!("{account}:{}", self.password.expose_secret()));
        let authorization = SecretString::from(format!("Basic {credentials}"));
        let mut call = self
            .build_call("/v1/token", &authorization, Bytes::from("{}"))
            .map_err(|error| no_response_to_token(&error))?;
        call.total_timeout = call.total_timeout.min(TOKEN_TIMEOUT);
        let response =
            self.io.http.send(call).await.map_err(|error| no_response_to_token(&error))?;
        let fetched_at_ms = self.io.clock.now_ms();
        let answer = Answer::read(response.body());
        let Some(token) = answer.accesstoken else {
            return Err(no_token(answer.code, &response, fetched_at_ms));
        };
        let token = StoredToken {
            token: SecretString::from(token),
            fetched_at_ms,
            expires_at_ms: token_end_ms(answer.expired.as_deref(), fetched_at_ms),
        };
        self.token.set(token.clone());
        self.io.tokens.save_token(&self.channel, &token).await.map_err(|error| NotPrepared {
            advice: LaneAdvice::Continue,
            outcome: None,
            detail: format!("the token could not be shared: {error}"),
        })
    }
}

#[async_trait]
impl Provider for Bizppurio {
    fn guarantees(&self) -> Guarantees {
        GUARANTEES
    }

    async fn readiness(&self, now_ms: i64) -> Result<Readiness, PortError> {
        if self.token.is_usable(now_ms) {
            return Ok(Readiness::Ready);
        }
        if let Some(stored) = self.io.tokens.load_token(&self.channel).await? {
            self.token.adopt(stored);
        }
        if self.token.is_usable(now_ms) {
            Ok(Readiness::Ready)
        } else {
            Ok(Readiness::NeedsPreparation)
        }
    }

    /// Only the holder of the lane's lease calls this, so one sender at a time fetches a channel's
    /// token.
    async fn prepare(&self) -> Result<(), NotPrepared> {
        self.fetch_token().await
    }

    async fn send(&self, message: Outgoing<'_>, on_connection: ConnectionObserver) -> SendResult {
        let sent_at_ms = self.io.clock.now_ms();
        let unsent = |outcome| SendResult {
            response: Response {
                sent_at_ms,
                received_at_ms: sent_at_ms,
                outcome,
                code: None,
                provider_message_id: None,
            },
            advice: LaneAdvice::Continue,
        };
        let Some(token) = self.token.current() else {
            // The provider refused the token after the lane checked readiness.
            return unsent(Outcome::Unsent);
        };
        let body = match message_body(&self.settings, &message) {
            Ok(body) => body,
            Err(error) => {
                let notification = &message.reference.id;
                tracing::error!(%notification, %error, "a message cannot be written");
                // Final, as if the provider had refused it: the same message can never be written.
                return unsent(Outcome::Rejected);
            }
        };
        let received = self.post("/v3/message", &token, body, Some(on_connection)).await;
        let received_at_ms = self.io.clock.now_ms();
        let meaning = meaning_of(received, &self.channel, sent_at_ms);
        let advice = match meaning.token {
            TokenVerdict::Refused => self.token_refused(&token),
            TokenVerdict::Taken => {
                self.token.was_taken(&token);
                meaning.advice
            }
            TokenVerdict::Unknown => meaning.advice,
        };
        SendResult {
            response: Response {
                sent_at_ms,
                received_at_ms,
                outcome: meaning.outcome,
                code: meaning.code.map(|code| code.to_string()),
                provider_message_id: meaning.provider_message_id,
            },
            advice,
        }
    }

    /// Fetches a token, because that sends nothing and tells whether the account can be used. The
    /// new token replaces the one before.
    async fn probe(&self) -> Result<(), NotPrepared> {
        self.token.put_on_trial();
        self.fetch_token().await.or_else(|error| match (error.advice, error.outcome) {
            // The provider gave a token, and only the database failed.
            (LaneAdvice::Continue, None) => {
                tracing::warn!(channel = %self.channel, %error, "a probe's token is not shared");
                Ok(())
            }
            _ => Err(error),
        })
    }

    /// Asks for the receipt again. Bizppurio knows a message only by its own key, which came with
    /// the response to the message.
    async fn ask(&self, inquiry: Inquiry<'_>) -> Asked {
        let Some(messagekey) = inquiry.attempt.provider_message_id.as_deref() else {
            return Asked::CannotBeAsked;
        };
        // Loads the token if another sender fetched it. One that has to be fetched first would take
        // a second request.
        let readiness = self.readiness(self.io.clock.now_ms()).await;
        let is_ready = readiness.is_ok_and(|readiness| readiness == Readiness::Ready);
        let Some(token) = self.token.current().filter(|_| is_ready) else {
            return Asked::NoAnswer;
        };
        let Ok(body) = report_body(&self.settings, messagekey) else { return Asked::NoAnswer };
        let Ok(response) = self.post("/v2/report", &token, body, None).await else {
            return Asked::NoAnswer;
        };
        let answer = Answer::read(response.body());
        if api_code(answer.code, response.status().as_u16()) == ApiCode::TokenRefused {
            self.token_refused(&token);
        }
        asked(&answer)
    }

    fn total_timeout(&self) -> Duration {
        self.timeouts.total.unsigned_abs()
    }
}
