//! A channel: one configured provider account, with its limit and its policies.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::content::Media;
use super::delivery_policy::{Confirmation, DeliveryPolicy, RetryPolicy};
use super::duration::millis;
use super::field_error::FieldError;
use super::guarantees::Guarantees;
use super::hours::Window;
use super::name::{MUST_BE_A_NAME, is_name};
use super::phone::PhoneNumber;
use super::provider_config::ProviderConfig;
use super::rate_limit::RateLimit;
use super::receipt_secret::{RECEIPT_SECRETS_MAX, ReceiptSecret};
use super::receipt_sources::{RECEIPT_SOURCES_MAX, networks};
use super::resend_policy::ResendPolicy;
use super::written;
use super::zone::{MUST_BE_A_ZONE, zone};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Unique in the stack. The channel's lane has the same name.
    #[serde(default)]
    pub name: String,
    pub provider: ProviderConfig,
    pub limit: RateLimit,
    /// What to do when the provider answers that a later attempt may succeed.
    #[serde(default)]
    pub retry: RetryPolicy,
    #[serde(default)]
    pub confirmation: Confirmation,
    #[serde(default)]
    pub timeouts: Timeouts,
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
    /// How long messages wait while the provider cannot take them. A message that has waited longer
    /// in an outage expires.
    #[serde(default = "default_give_up_after", deserialize_with = "written::duration")]
    pub give_up_after: SignedDuration,
    /// When failed messages are sent again without a person. Nothing is, without a policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resend: Vec<ResendPolicy>,
    /// If given, messages leave to these addresses only. A stack for tests never reaches customers
    /// then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_to: Option<Vec<String>>,
    /// By these the webhook recognises the provider. The server makes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipt_secrets: Vec<ReceiptSecret>,
    /// If given, receipts are taken from these networks only, such as `203.0.113.0/24`.
    #[serde(default, deserialize_with = "networks", skip_serializing_if = "Option::is_none")]
    pub receipt_sources: Option<Vec<IpNet>>,
}

/// Long enough for an outage over night, and short enough that a message still makes sense.
fn default_give_up_after() -> SignedDuration {
    SignedDuration::from_hours(24)
}

fn seoul() -> String {
    "Asia/Seoul".to_owned()
}

/// Time-outs of one request to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    #[serde(deserialize_with = "written::duration")]
    pub connect: SignedDuration,
    /// For the whole request, opening the connection included.
    #[serde(deserialize_with = "written::duration")]
    pub total: SignedDuration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: SignedDuration::from_secs(2), total: SignedDuration::from_secs(10) }
    }
}

impl Channel {
    /// The longest that messages may wait in an outage.
    pub const GIVE_UP_AFTER_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);

    #[must_use]
    pub fn policy(&self, guarantees: &Guarantees) -> DeliveryPolicy {
        DeliveryPolicy {
            retry: self.retry,
            confirmation: self.confirmation,
            provider_deduplicates: guarantees.deduplicates,
            retry_wait_min_ms: millis(guarantees.retry_wait_min),
        }
    }

    /// How long after a claim the answer or the receipt of a message must come.
    #[must_use]
    pub fn confirm_within_ms(&self, media: Media) -> i64 {
        self.confirmation.within_ms(media.first)
    }

    /// Whether receipts may come from this address. Without a list they may come from anywhere, also
    /// where the address is not known.
    #[must_use]
    pub fn takes_receipts_from(&self, source: Option<IpAddr>) -> bool {
        let Some(networks) = &self.receipt_sources else { return true };
        // An IPv4 address may be written as an IPv6 one, `::ffff:203.0.113.7`.
        source.is_some_and(|source| {
            let forms = [source, source.to_canonical()];
            networks.iter().any(|network| forms.iter().any(|form| network.contains(form)))
        })
    }

    /// The time within which the channel's own messages must be confirmed, in milliseconds: that of
    /// the channel types whose receipts do not take longer.
    #[must_use]
    pub fn own_confirm_within_ms(&self) -> i64 {
        millis(self.confirmation.configured_within())
    }

    /// What has to be changed before the channel can be saved, apart from its provider's settings.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        faults.extend(FieldError::unless(is_name(&self.name), "name", MUST_BE_A_NAME));
        faults.extend(self.timing_faults().into_iter().flatten());
        faults.extend(self.address_faults());
        faults.extend(ResendPolicy::faults(&self.resend));
        faults.extend(FieldError::unless(
            zone(&self.timezone).is_some(),
            "timezone",
            MUST_BE_A_ZONE,
        ));
        faults
    }

    fn timing_faults(&self) -> [Option<FieldError>; 8] {
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
                (SignedDuration::from_mins(1)..=Self::GIVE_UP_AFTER_MAX)
                    .contains(&self.give_up_after),
                "give_up_after",
                format!("is {:#}; must be 1m to {:#}", self.give_up_after, Self::GIVE_UP_AFTER_MAX),
            ),
            FieldError::unless(
                within <= Confirmation::WITHIN_MAX,
                "confirmation.within",
                format!("is {within:#}; must be at most {:#}", Confirmation::WITHIN_MAX),
            ),
            // A claim must not be declared lost while its answer may still come.
            FieldError::unless(
                within > 2 * total,
                "confirmation.within",
                format!("is {within:#}; must be more than twice timeouts.total, {total:#}"),
            ),
        ]
    }

    fn address_faults(&self) -> Vec<FieldError> {
        let permitted = self.only_to.iter().flatten().enumerate();
        let malformed = permitted.filter_map(|(index, text)| {
            let malformed = PhoneNumber::try_from(text.clone()).err()?;
            Some(FieldError::new(format!("only_to[{index}]"), malformed.to_string()))
        });
        let secrets = self.receipt_secrets.len();
        let too_many = FieldError::unless(
            secrets <= RECEIPT_SECRETS_MAX,
            "receipt_secrets",
            format!("has {secrets} secrets; must have at most {RECEIPT_SECRETS_MAX}"),
        );
        let sources = self.receipt_sources.as_ref().map_or(1, Vec::len);
        // An empty list would refuse all receipts.
        let too_many_or_none = FieldError::unless(
            (1..=RECEIPT_SOURCES_MAX).contains(&sources),
            "receipt_sources",
            format!(
                "has {sources} networks; must have 1 to {RECEIPT_SOURCES_MAX}, or be left out if \
                 receipts may come from everywhere"
            ),
        );
        malformed.chain(too_many).chain(too_many_or_none).collect()
    }

    fn confirm_within(&self) -> SignedDuration {
        self.confirmation.configured_within()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rate_limit::default_jitter;

    fn channel() -> Channel {
        Channel {
            name: "alimtalk-main".into(),
            provider: ProviderConfig { kind: "p".into(), settings: serde_json::Map::new() },
            limit: RateLimit { per_second: 10, jitter: default_jitter(), strict: false },
            retry: RetryPolicy::default(),
            confirmation: Confirmation::default(),
            timeouts: Timeouts::default(),
            timezone: seoul(),
            window: None,
            paused: false,
            give_up_after: default_give_up_after(),
            resend: vec![],
            only_to: None,
            receipt_secrets: vec![],
            receipt_sources: None,
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
            (|c| c.give_up_after = SignedDuration::from_secs(59), "give_up_after"),
            (|c| c.give_up_after = SignedDuration::from_hours(14 * 24 + 1), "give_up_after"),
            (|c| c.receipt_sources = Some(vec![]), "receipt_sources"),
            (|c| c.receipt_sources = Some(vec![IpNet::default(); 33]), "receipt_sources"),
            (|c| c.only_to = Some(vec!["010".into()]), "only_to[0]"),
            (
                |c| {
                    c.retry = RetryPolicy::Fixed { retries: 1, every: SignedDuration::ZERO };
                },
                "retry",
            ),
        ];
        for (change, field) in cases {
            let mut faulty = channel();
            change(&mut faulty);
            let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, [field]);
        }
        for within in [seconds(1), seconds(97 * 3600)] {
            let faulty = Channel { confirmation: Confirmation::Receipt { within }, ..channel() };
            let fields: Vec<_> = faulty.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, ["confirmation.within"]);
        }
    }

    #[test]
    fn receipts_come_from_the_listed_networks_only() {
        let ip = |text: &str| text.parse::<IpAddr>().ok();
        let with = |networks: &[&str]| {
            let networks = networks.iter().map(|text| text.parse().expect("a network")).collect();
            Channel { receipt_sources: Some(networks), ..channel() }
        };
        for source in [None, ip("198.51.100.1"), ip("2001:db8::1")] {
            assert!(channel().takes_receipts_from(source));
            assert!(!with(&[]).takes_receipts_from(source));
        }
        let two = with(&["203.0.113.8/30", "2001:db8::/32"]);
        for source in ["203.0.113.8", "203.0.113.11", "::ffff:203.0.113.9", "2001:db8::1"] {
            assert!(two.takes_receipts_from(ip(source)), "{source}");
        }
        for source in ["203.0.113.7", "203.0.113.12", "::ffff:203.0.113.12", "2001:db9::1"] {
            assert!(!two.takes_receipts_from(ip(source)), "{source}");
        }
        assert!(!two.takes_receipts_from(None));
    }

    #[test]
    fn a_fault_says_what_was_sent_and_what_is_allowed() {
        let within = SignedDuration::from_hours(97);
        let wrong = Channel { confirmation: Confirmation::Receipt { within }, ..channel() };
        let faults: Vec<_> = wrong.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["confirmation.within: is 97h; must be at most 96h"]);
        let wrong = Channel { give_up_after: SignedDuration::from_secs(59), ..channel() };
        let faults: Vec<_> = wrong.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["give_up_after: is 59s; must be 1m to 336h"]);
    }

    #[test]
    fn the_longest_and_the_shortest_wait_in_an_outage_are_allowed() {
        for give_up_after in [SignedDuration::from_mins(1), Channel::GIVE_UP_AFTER_MAX] {
            assert_eq!(Channel { give_up_after, ..channel() }.faults(), []);
        }
    }
}
