//! A channel: one configured provider account, with its limit and its policies.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::delivery_policy::{Confirmation, DeliveryPolicy, RetryPolicy};
use super::duration::millis;
use super::field_error::FieldError;
use super::hours::Window;
use super::name::{MUST_BE_A_NAME, is_name};
use super::provider_config::ProviderConfig;
use super::rate_limit::RateLimit;
use super::zone::{MUST_BE_A_ZONE, zone};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Unique in the stack. The channel's lane has the same name.
    #[serde(default)]
    pub name: String,
    pub provider: ProviderConfig,
    pub limit: RateLimit,
    /// What to do when the provider was not reached.
    #[serde(default)]
    pub retry: RetryPolicy,
    #[serde(default)]
    pub confirmation: Confirmation,
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The provider takes the notification's id as an idempotency key and sends each message once,
    /// however often it is asked. An attempt whose outcome is unknown may then be repeated.
    #[serde(default)]
    pub provider_deduplicates: bool,
    /// IANA zone of recipients whose own zone is not given.
    #[serde(default = "seoul")]
    pub timezone: String,
    /// When this channel's messages may leave, in the recipient's zone. The stack's and the
    /// template's windows apply as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Nothing leaves over a paused channel.
    #[serde(default)]
    pub paused: bool,
    /// Name of the secret that holds the account's credentials and the webhook's secrets.
    pub secret: String,
}

fn seoul() -> String {
    "Asia/Seoul".to_owned()
}

/// Time-outs of one request to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    pub connect: SignedDuration,
    /// For the whole request, opening the connection included.
    pub total: SignedDuration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: SignedDuration::from_secs(2), total: SignedDuration::from_secs(10) }
    }
}

impl Channel {
    #[must_use]
    pub fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            retry: self.retry,
            confirmation: self.confirmation,
            provider_deduplicates: self.provider_deduplicates,
            retry_wait_min_ms: millis(self.provider.retry_wait_min()),
        }
    }

    /// How long after a claim the answer or the receipt must come.
    #[must_use]
    pub fn confirm_within_ms(&self) -> i64 {
        self.confirmation.within_ms()
    }

    /// What has to be changed before the channel can be saved.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let provider = self.provider.faults().into_iter().map(|fault| fault.within("provider"));
        let mut faults = Vec::new();
        faults.extend(FieldError::unless(is_name(&self.name), "name", MUST_BE_A_NAME));
        faults.extend(self.timing_faults().into_iter().flatten());
        faults.extend(provider);
        faults.extend(self.confirmation_faults().into_iter().flatten());
        faults.extend(FieldError::unless(
            zone(&self.timezone).is_some(),
            "timezone",
            MUST_BE_A_ZONE,
        ));
        faults.extend(FieldError::unless(
            !self.secret.is_empty(),
            "secret",
            "is empty; must be the name of a secret",
        ));
        faults
    }

    fn timing_faults(&self) -> [Option<FieldError>; 6] {
        let RateLimit { per_second, jitter, .. } = self.limit;
        let per_second_max = RateLimit::PER_SECOND_MAX;
        let Timeouts { connect, total } = self.timeouts;
        let bad_wait = self
            .retry
            .waits()
            .into_iter()
            .find(|wait| !wait.is_positive() || *wait > SignedDuration::from_hours(24));
        let within = self.confirm_within();
        [
            FieldError::unless(
                (1..=per_second_max).contains(&per_second),
                "limit.per_second",
                format!("is {per_second}; must be 1 to {per_second_max}"),
            ),
            FieldError::unless(
                (0..=1000).contains(&jitter.as_millis()),
                "limit.jitter",
                format!("is {jitter:#}; must be 0s to 1s"),
            ),
            // Otherwise a connection that never opens would look like an answer that never came.
            FieldError::unless(
                connect.is_positive() && total > connect,
                "timeouts",
                format!(
                    "has connect {connect:#} and total {total:#}; connect must be more than 0s, \
                     and total more than connect"
                ),
            ),
            FieldError::unless(
                total <= SignedDuration::from_secs(10),
                "timeouts.total",
                format!("is {total:#}; must be at most 10s: a sender waits for its last answers"),
            ),
            bad_wait.map(|wait| {
                let detail = format!("has a wait of {wait:#}; must be more than 0s, at most 24h");
                FieldError::new("retry", detail)
            }),
            FieldError::unless(
                within <= SignedDuration::from_hours(72),
                "confirmation.within",
                format!("is {within:#}; must be at most 72h"),
            ),
        ]
    }

    fn confirmation_faults(&self) -> [Option<FieldError>; 3] {
        let (within, total) = (self.confirm_within(), self.timeouts.total);
        [
            FieldError::unless(
                !self.provider_deduplicates,
                "provider_deduplicates",
                "must be false: Bizppurio documents no idempotency, so a repeated request could \
                 be delivered twice",
            ),
            FieldError::unless(
                matches!(self.confirmation, Confirmation::Receipt { .. }),
                "confirmation.by",
                "must be receipt: Bizppurio's acceptance says nothing about delivery",
            ),
            // A claim must not be declared lost while its answer may still come.
            FieldError::unless(
                self.confirm_within_ms() > 2 * millis(total),
                "confirmation.within",
                format!("is {within:#}; must be more than twice timeouts.total, {total:#}"),
            ),
        ]
    }

    fn confirm_within(&self) -> SignedDuration {
        SignedDuration::from_millis(self.confirm_within_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::provider_config::lms;
    use crate::domain::rate_limit::default_jitter;

    fn channel() -> Channel {
        Channel {
            name: "alimtalk-main".into(),
            provider: ProviderConfig::Bizppurio {
                base_url: "https://api.bizppurio.com".into(),
                account: "a".into(),
                sender_key: "k".into(),
                from: "0212345678".into(),
                lms_keyword: lms(),
            },
            limit: RateLimit { per_second: 10, jitter: default_jitter(), strict: false },
            retry: RetryPolicy::default(),
            confirmation: Confirmation::default(),
            timeouts: Timeouts::default(),
            provider_deduplicates: false,
            timezone: seoul(),
            window: None,
            paused: false,
            secret: "alimi/alimtalk-main".into(),
        }
    }

    #[test]
    fn each_fault_of_a_channel_is_named_by_its_field() {
        type Change = fn(&mut Channel);
        let seconds = SignedDuration::from_secs;
        assert_eq!(channel().faults(), []);
        let cases: [(Change, &str); 13] = [
            (|c| c.name = "A b".into(), "name"),
            (|c| c.limit.per_second = 0, "limit.per_second"),
            (|c| c.limit.per_second = 301, "limit.per_second"),
            (|c| c.limit.jitter = SignedDuration::from_secs(2), "limit.jitter"),
            (|c| c.timeouts.connect = c.timeouts.total, "timeouts"),
            (|c| c.timeouts.total = SignedDuration::from_secs(11), "timeouts.total"),
            (|c| c.timezone = "Seoul".into(), "timezone"),
            (|c| c.secret = String::new(), "secret"),
            (|c| c.provider_deduplicates = true, "provider_deduplicates"),
            (|c| c.confirmation = Confirmation::Acceptance, "confirmation.by"),
            (
                |c| {
                    c.retry = RetryPolicy::Fixed { retries: 1, every: SignedDuration::ZERO };
                },
                "retry",
            ),
            (
                |c| {
                    let ProviderConfig::Bizppurio { account, .. } = &mut c.provider;
                    *account = "a".repeat(21);
                },
                "provider.account",
            ),
            (
                |c| {
                    let ProviderConfig::Bizppurio { base_url, .. } = &mut c.provider;
                    *base_url = "api.bizppurio.com".into();
                },
                "provider.base_url",
            ),
        ];
        for (change, field) in cases {
            let mut faulty = channel();
            change(&mut faulty);
            let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, [field]);
        }
        for within in [seconds(1), seconds(80 * 3600)] {
            let faulty = Channel { confirmation: Confirmation::Receipt { within }, ..channel() };
            let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, ["confirmation.within"]);
        }
    }

    #[test]
    fn a_fault_says_what_was_sent_and_what_is_allowed() {
        let within = SignedDuration::from_hours(80);
        let wrong = Channel { confirmation: Confirmation::Receipt { within }, ..channel() };
        let faults: Vec<_> = wrong.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["confirmation.within: is 80h; must be at most 72h"]);
    }
}
