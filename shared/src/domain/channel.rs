//! A channel: one configured provider account, with its limit and its policies.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::hours::Window;

/// One configured provider account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name, unique in the stack; the name of its lane.
    #[serde(default)]
    pub name: String,
    /// Which provider, and how the account is set up there.
    pub provider: Provider,
    /// How many requests the provider allows.
    pub limit: RateLimit,
    /// What to do when the provider was not reached.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// How this channel's messages are confirmed.
    #[serde(default)]
    pub confirmation: Confirmation,
    /// Time-outs of one request.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// The provider takes the notification's id as an idempotency key and sends each message once
    /// however often it is asked, so an attempt whose outcome is unknown may be repeated.
    #[serde(default)]
    pub provider_deduplicates: bool,
    /// IANA zone of recipients who name none.
    #[serde(default = "seoul")]
    pub timezone: String,
    /// When this channel's messages may leave, in the recipient's zone; the stack's and the
    /// template's windows hold as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Nothing leaves while this is set.
    #[serde(default)]
    pub paused: bool,
    /// Name of the secret that holds the account's credentials and the webhook's secrets.
    pub secret: String,
}

fn seoul() -> String {
    "Asia/Seoul".to_owned()
}

/// Which provider a channel uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Provider {
    /// Bizppurio: Kakao Alimtalk with text-message fallback.
    Bizppurio {
        /// `https://api.bizppurio.com`, or `https://dev-api.bizppurio.com` for the test account.
        base_url: String,
        /// The account's name at Bizppurio.
        account: String,
        /// The Kakao sender profile's key.
        sender_key: String,
        /// The registered sender number of fallback text messages.
        from: String,
        /// What the `resend` field calls a long text message: `lms` or `mms`. The provider's
        /// documents leave it open; ask the account manager.
        #[serde(default = "lms")]
        lms_keyword: String,
    },
}

fn lms() -> String {
    "lms".to_owned()
}

impl Provider {
    /// How long the provider's documents ask to wait between two attempts at one message.
    #[must_use]
    pub fn retry_wait_min(&self) -> SignedDuration {
        match self {
            // They name none.
            Self::Bizppurio { .. } => SignedDuration::ZERO,
        }
    }
}

/// How many requests a second the provider lets arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests that may arrive in any sliding second.
    pub per_second: u32,
    /// How much the way from departure to arrival may vary between two requests. Departures keep
    /// this much more distance, so that arrivals keep the limit.
    #[serde(default = "default_jitter")]
    pub jitter: SignedDuration,
    /// Assume nothing of the way to the provider: hold each request back until one second after
    /// the answer to the one that is `per_second` before it.
    #[serde(default)]
    pub strict: bool,
}

fn default_jitter() -> SignedDuration {
    SignedDuration::from_millis(50)
}

/// What to do when a request was never written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "backoff", rename_all = "snake_case", deny_unknown_fields)]
pub enum RetryPolicy {
    /// The same wait before every retry.
    Fixed {
        /// How many retries after the first attempt.
        retries: u8,
        /// The wait.
        every: SignedDuration,
    },
    /// A wait that doubles, with full jitter.
    Exponential {
        /// How many retries after the first attempt.
        retries: u8,
        /// The ceiling of the first wait.
        first: SignedDuration,
        /// The ceiling of every wait.
        longest: SignedDuration,
    },
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::Fixed { retries: 2, every: SignedDuration::from_secs(3) }
    }
}

impl RetryPolicy {
    fn waits(&self) -> Vec<SignedDuration> {
        match *self {
            Self::Fixed { every, .. } => vec![every],
            Self::Exponential { first, longest, .. } => vec![first, longest],
        }
    }

    /// The wait in milliseconds before the attempt that follows `failures` failed ones, or `None`
    /// when there is no further attempt. `jitter_permille` (0 to 1000) is the caller's dice.
    #[must_use]
    pub fn wait_ms(&self, failures: u8, jitter_permille: u16) -> Option<i64> {
        match *self {
            Self::Fixed { retries, every } => (failures <= retries).then(|| millis(every)),
            Self::Exponential { retries, first, longest } => {
                let doublings = u32::from(failures.saturating_sub(1)).min(30);
                let ceiling_ms = millis(first).saturating_mul(1 << doublings).min(millis(longest));
                (failures <= retries)
                    .then(|| ceiling_ms.saturating_mul(i64::from(jitter_permille.min(1000))) / 1000)
            }
        }
    }
}

/// How a channel's messages are confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Confirmation {
    /// The provider sends a receipt.
    Receipt {
        /// How long to wait for it.
        within: SignedDuration,
    },
    /// There are no receipts: accepted is as good as it gets.
    Acceptance,
}

impl Default for Confirmation {
    fn default() -> Self {
        Self::Receipt { within: SignedDuration::from_mins(30) }
    }
}

/// Time-outs of one request to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// For the connection.
    pub connect: SignedDuration,
    /// For the whole request, connection included.
    pub total: SignedDuration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: SignedDuration::from_secs(2), total: SignedDuration::from_secs(10) }
    }
}

/// The part of a channel's configuration that decides what becomes of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// See [`Channel::retry`].
    pub retry: RetryPolicy,
    /// See [`Channel::confirmation`].
    pub confirmation: Confirmation,
    /// See [`Channel::provider_deduplicates`].
    pub provider_deduplicates: bool,
    /// The provider asks for at least this long between two attempts, in milliseconds.
    pub retry_wait_min_ms: i64,
}

impl DeliveryPolicy {
    /// The wait in milliseconds before the attempt that follows `failures` failed ones, or `None`
    /// when there is no further attempt.
    #[must_use]
    pub fn retry_wait_ms(&self, failures: u8, jitter_permille: u16) -> Option<i64> {
        let wait_ms = self.retry.wait_ms(failures, jitter_permille)?;
        Some(wait_ms.max(self.retry_wait_min_ms))
    }
}

/// How long a claim on a channel that confirms by acceptance may stay without an answer before it
/// is taken for lost.
const ACCEPTANCE_WITHIN_MS: i64 = 60_000;

impl Channel {
    /// The most that `per_second` may be: one lane's reach.
    pub const PER_SECOND_MAX: u32 = 300;

    /// What decides the fate of this channel's notifications.
    #[must_use]
    pub fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            retry: self.retry,
            confirmation: self.confirmation,
            provider_deduplicates: self.provider_deduplicates,
            retry_wait_min_ms: millis(self.provider.retry_wait_min()),
        }
    }

    /// How long after a claim there must be word of it, in milliseconds.
    #[must_use]
    pub fn confirm_within_ms(&self) -> i64 {
        match self.confirmation {
            Confirmation::Receipt { within } => millis(within),
            Confirmation::Acceptance => ACCEPTANCE_WITHIN_MS,
        }
    }

    /// What is wrong with this configuration: the field and what it must be.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, field, must: &str| {
            if !holds {
                faults.push((field, must.to_owned()));
            }
        };
        require(is_name(&self.name), "name", "must be 1 to 64 of a-z, 0-9 and -");
        require(
            (1..=Self::PER_SECOND_MAX).contains(&self.limit.per_second),
            "limit.per_second",
            "must be 1 to 300",
        );
        require(
            (0..=1000).contains(&self.limit.jitter.as_millis()),
            "limit.jitter",
            "must be between 0 and 1 second",
        );
        // Otherwise a connection that is never made would look like an answer that never came.
        require(
            self.timeouts.connect.is_positive() && self.timeouts.total > self.timeouts.connect,
            "timeouts",
            "total must be more than connect, and connect more than 0",
        );
        require(
            self.timeouts.total <= SignedDuration::from_secs(10),
            "timeouts.total",
            "must be at most 10 seconds: a sender waits for its last answers",
        );
        require(
            self.retry
                .waits()
                .iter()
                .all(|wait| wait.is_positive() && *wait <= SignedDuration::from_hours(24)),
            "retry",
            "must wait for more than 0 and at most 24 hours",
        );
        require(
            self.confirm_within_ms() <= millis(SignedDuration::from_hours(72)),
            "confirmation.within",
            "must be at most 72 hours",
        );
        let Provider::Bizppurio { base_url, account, sender_key, from, .. } = &self.provider;
        require(
            base_url.starts_with("https://") || base_url.starts_with("http://"),
            "provider.base_url",
            "must begin with https://",
        );
        for (field, text, characters_max) in [
            ("provider.account", account, 20),
            ("provider.sender_key", sender_key, 40),
            ("provider.from", from, 16),
        ] {
            require(
                (1..=characters_max).contains(&text.len()),
                field,
                &format!("must have 1 to {characters_max} characters"),
            );
        }
        require(
            !self.provider_deduplicates,
            "provider_deduplicates",
            "must not be set: Bizppurio documents no idempotency, so a repetition could arrive twice",
        );
        require(
            matches!(self.confirmation, Confirmation::Receipt { .. }),
            "confirmation.by",
            "must be receipt: Bizppurio's acceptance says nothing of delivery",
        );
        // The answer has to be in before the deadline could declare the claim lost.
        require(
            self.confirm_within_ms() > 2 * millis(self.timeouts.total),
            "confirmation.within",
            "must be more than twice timeouts.total",
        );
        require(
            super::zone::zone(&self.timezone).is_some(),
            "timezone",
            super::zone::MUST_BE_A_ZONE,
        );
        require(!self.secret.is_empty(), "secret", "must name a secret");
        faults
    }
}

/// Whether a text can name a channel, template or lane: it becomes part of keys, of which `#` is
/// the separator.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// A duration in whole milliseconds, at most what an `i64` holds.
#[must_use]
pub fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_retries_twice_three_seconds_apart() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait_ms(1, 500), Some(3000));
        assert_eq!(policy.wait_ms(2, 500), Some(3000));
        assert_eq!(policy.wait_ms(3, 500), None);
    }

    #[test]
    fn an_exponential_wait_doubles_up_to_its_ceiling_and_is_scaled_by_the_dice() {
        let policy = RetryPolicy::Exponential {
            retries: 5,
            first: SignedDuration::from_secs(10),
            longest: SignedDuration::from_secs(60),
        };
        let full: Vec<_> = (1..=6).map(|failures| policy.wait_ms(failures, 1000)).collect();
        assert_eq!(
            full,
            [Some(10_000), Some(20_000), Some(40_000), Some(60_000), Some(60_000), None]
        );
        assert_eq!(policy.wait_ms(2, 250), Some(5000));
    }

    fn channel() -> Channel {
        Channel {
            name: "alimtalk-main".into(),
            provider: Provider::Bizppurio {
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
                    let Provider::Bizppurio { account, .. } = &mut c.provider;
                    *account = "a".repeat(21);
                },
                "provider.account",
            ),
            (
                |c| {
                    let Provider::Bizppurio { base_url, .. } = &mut c.provider;
                    *base_url = "api.bizppurio.com".into();
                },
                "provider.base_url",
            ),
        ];
        for (change, field) in cases {
            let mut faulty = channel();
            change(&mut faulty);
            let fields: Vec<_> = faulty.faults().into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, [field]);
        }
        for within in [seconds(1), seconds(80 * 3600)] {
            let faulty = Channel { confirmation: Confirmation::Receipt { within }, ..channel() };
            let fields: Vec<_> = faulty.faults().into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, ["confirmation.within"]);
        }
    }

    #[test]
    fn names_are_safe_inside_keys() {
        assert!(is_name("alimtalk-main"));
        for name in ["", "a#b", "A", "알림톡", "a b", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
