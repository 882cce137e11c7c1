//! The part of a channel's configuration that decides what becomes of a notification: retries and
//! confirmation.

use jiff::SignedDuration;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use strum::VariantArray as _;

use super::content::ChannelType;
use super::duration::millis;
use super::tagged_json::{absent, present};
use super::written;

/// What to do when the provider answers that it took nothing, and that a later attempt may succeed.
///
/// Only such answers use up retries, and lost answers where the provider deduplicates. A message
/// that an outage keeps from the provider waits in its place instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "backoff", rename_all = "snake_case")]
pub enum RetryPolicy {
    /// The same wait before every retry.
    Fixed {
        /// How many further attempts after the first such answer.
        retries: u8,
        every: SignedDuration,
    },
    /// A wait that doubles, with full jitter.
    Exponential {
        /// How many further attempts after the first such answer.
        retries: u8,
        /// The longest that the first wait may be.
        first: SignedDuration,
        /// The longest that any wait may be.
        longest: SignedDuration,
    },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Backoff {
    Fixed,
    Exponential,
}

/// The fields of all kinds of back-off.
#[derive(Deserialize)]
struct RetryPolicyJson {
    backoff: Backoff,
    retries: u8,
    #[serde(default, deserialize_with = "written::optional_duration")]
    every: Option<SignedDuration>,
    #[serde(default, deserialize_with = "written::optional_duration")]
    first: Option<SignedDuration>,
    #[serde(default, deserialize_with = "written::optional_duration")]
    longest: Option<SignedDuration>,
}

impl<'de> Deserialize<'de> for RetryPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RetryPolicyJson::deserialize(deserializer)?.policy()
    }
}

impl RetryPolicyJson {
    fn policy<E: Error>(self) -> Result<RetryPolicy, E> {
        let Self { backoff, retries, every, first, longest } = self;
        match backoff {
            Backoff::Fixed => {
                let others = [("first", first.is_some()), ("longest", longest.is_some())];
                absent(&others, &["backoff", "retries", "every"])?;
                Ok(RetryPolicy::Fixed { retries, every: present("every", every)? })
            }
            Backoff::Exponential => {
                let known = &["backoff", "retries", "first", "longest"];
                absent(&[("every", every.is_some())], known)?;
                Ok(RetryPolicy::Exponential {
                    retries,
                    first: present("first", first)?,
                    longest: present("longest", longest)?,
                })
            }
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::Fixed { retries: 2, every: SignedDuration::from_secs(3) }
    }
}

impl RetryPolicy {
    /// The configured waits.
    pub(super) fn waits(&self) -> Vec<SignedDuration> {
        match *self {
            Self::Fixed { every, .. } => vec![every],
            Self::Exponential { first, longest, .. } => vec![first, longest],
        }
    }

    /// The wait in milliseconds before the attempt that follows `failures` such answers, or `None`
    /// when there is no further attempt. `jitter_permille` (0 to 1000) is the caller's randomness.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Confirmation {
    /// The provider sends a receipt.
    Receipt {
        /// How long to wait for the receipt.
        within: SignedDuration,
    },
    /// The provider sends no receipts, so its acceptance counts as delivery.
    Acceptance,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConfirmedBy {
    Receipt,
    Acceptance,
}

/// The fields of both ways to confirm.
#[derive(Deserialize)]
struct ConfirmationJson {
    by: ConfirmedBy,
    #[serde(default, deserialize_with = "written::optional_duration")]
    within: Option<SignedDuration>,
}

impl<'de> Deserialize<'de> for Confirmation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ConfirmationJson::deserialize(deserializer)?.confirmation()
    }
}

impl ConfirmationJson {
    fn confirmation<E: Error>(self) -> Result<Confirmation, E> {
        let Self { by, within } = self;
        match by {
            ConfirmedBy::Receipt => {
                Ok(Confirmation::Receipt { within: present("within", within)? })
            }
            ConfirmedBy::Acceptance => {
                absent(&[("within", within.is_some())], &["by"])?;
                Ok(Confirmation::Acceptance)
            }
        }
    }
}

impl Default for Confirmation {
    fn default() -> Self {
        Self::Receipt { within: SignedDuration::from_mins(30) }
    }
}

/// How long a claim on a channel that confirms by acceptance may stay without an answer before the
/// claim counts as lost.
const ACCEPTANCE_WITHIN_MS: i64 = 60_000;

impl Confirmation {
    /// The longest that a channel may wait for a receipt.
    pub const WITHIN_MAX: SignedDuration = SignedDuration::from_hours(96);

    /// How long after a claim the answer or the receipt of a message must come, as the channel's
    /// operator set it.
    pub(super) fn configured_within(self) -> SignedDuration {
        match self {
            Self::Receipt { within } => within,
            Self::Acceptance => SignedDuration::from_millis(ACCEPTANCE_WITHIN_MS),
        }
    }

    /// The same for a message of a channel type. The receipt of a text message takes as long as the
    /// carriers need, however short the channel's time is.
    pub(super) fn within_ms(self, channel_type: ChannelType) -> i64 {
        match self {
            Self::Receipt { within } => millis(within.max(channel_type.receipt_within_min())),
            Self::Acceptance => ACCEPTANCE_WITHIN_MS,
        }
    }
}

/// How long after their claims the deadlines of a channel's messages lie, given the channel's own
/// time: one duration for each channel type, in milliseconds, each once.
#[must_use]
pub fn claim_deadlines_ms(channel_within_ms: i64) -> Vec<i64> {
    let mut within_ms: Vec<i64> = ChannelType::VARIANTS
        .iter()
        .map(|channel_type| channel_within_ms.max(millis(channel_type.receipt_within_min())))
        .collect();
    within_ms.sort_unstable();
    within_ms.dedup();
    within_ms
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    pub retry: RetryPolicy,
    pub confirmation: Confirmation,
    /// See [`Guarantees::deduplicates`](super::guarantees::Guarantees::deduplicates).
    pub provider_deduplicates: bool,
    /// The shortest wait between two attempts that the provider asks for.
    pub retry_wait_min_ms: i64,
}

impl DeliveryPolicy {
    /// The wait in milliseconds before the attempt that follows `failures` answers that use up
    /// retries, or `None` when there is no further attempt.
    #[must_use]
    pub fn retry_wait_ms(&self, failures: u8, jitter_permille: u16) -> Option<i64> {
        let wait_ms = self.retry.wait_ms(failures, jitter_permille)?;
        Some(wait_ms.max(self.retry_wait_min_ms))
    }
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
    fn an_exponential_wait_doubles_up_to_its_ceiling_and_is_scaled_by_the_jitter() {
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

    #[test]
    fn each_deadline_of_a_claim_is_listed_once() {
        let hour_ms = 3_600_000;
        assert_eq!(claim_deadlines_ms(hour_ms), [hour_ms, 26 * hour_ms, 81 * hour_ms]);
        assert_eq!(claim_deadlines_ms(30 * hour_ms), [30 * hour_ms, 81 * hour_ms]);
    }

    #[test]
    fn a_text_messages_receipt_may_take_longer_than_its_channel_says() {
        let confirmation = Confirmation::Receipt { within: SignedDuration::from_mins(30) };
        let hours = |channel_type| confirmation.within_ms(channel_type) / 3_600_000;
        assert_eq!(confirmation.within_ms(ChannelType::Alimtalk), 30 * 60_000);
        assert_eq!((hours(ChannelType::Sms), hours(ChannelType::Lms)), (26, 81));
        let longer = Confirmation::Receipt { within: SignedDuration::from_hours(90) };
        assert_eq!(longer.within_ms(ChannelType::Lms), 90 * 3_600_000);
    }
}
