//! When a channel sends failed messages again by itself. Off by default, and bounded in number and time.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::field_error::FieldError;
use super::notification::Notification;
use super::reason::Reason;
use super::status::Status;
use super::written;

/// One rule of a channel: messages that failed for this reason are sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResendPolicy {
    /// The name of a [`Reason`]; one of [`Self::REASONS`].
    pub reason: String,
    /// If given, only with this code of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How often policies send one message again, all of them together.
    pub at_most: u8,
    /// How long after the failure a message is sent again at the latest. A failure that is older when the
    /// rule is made, or that the sweeper finds later, is left to a person.
    #[serde(deserialize_with = "written::duration")]
    pub within: SignedDuration,
}

impl ResendPolicy {
    /// The reasons that a policy may have. The provider certainly delivered nothing then. Whatever may
    /// have reached its recipient is left to a person.
    pub const REASONS: [&str; 4] =
        ["rejected", "undelivered", "retries_exhausted", "provider_down"];
    /// The most policies of a channel.
    pub const POLICIES_MAX: usize = 10;
    const AT_MOST_MAX: u8 = 3;
    const WITHIN_MAX: SignedDuration = SignedDuration::from_hours(24);

    /// What is wrong with a channel's policies.
    #[must_use]
    pub fn faults(policies: &[Self]) -> Vec<FieldError> {
        let max = Self::POLICIES_MAX;
        let too_many = FieldError::unless(
            policies.len() <= max,
            "resend",
            format!("has {} policies; must have at most {max}", policies.len()),
        );
        let each = policies.iter().enumerate().flat_map(|(index, policy)| policy.own_faults(index));
        too_many.into_iter().chain(each).collect()
    }

    fn own_faults(&self, index: usize) -> Vec<FieldError> {
        let Self { reason, code, at_most, within } = self;
        let (known, at_most_max) = (Self::REASONS.join(", "), Self::AT_MOST_MAX);
        let within_max = Self::WITHIN_MAX;
        let checks = [
            (
                Self::REASONS.contains(&reason.as_str()),
                "reason",
                format!("must be one of {known}: other messages may have arrived"),
            ),
            (
                code.as_ref().is_none_or(|code| (1..=64).contains(&code.len())),
                "code",
                "must be a code of the provider, or be left out".to_owned(),
            ),
            (
                (1..=at_most_max).contains(at_most),
                "at_most",
                format!("is {at_most}; must be 1 to {at_most_max}"),
            ),
            (
                within.is_positive() && *within <= within_max,
                "within",
                format!("is {within:#}; must be more than 0s, at most {within_max:#}"),
            ),
        ];
        let faults = checks.into_iter().filter(|(is_right, ..)| !is_right);
        faults
            .map(|(_, field, detail)| FieldError::new(format!("resend[{index}].{field}"), detail))
            .collect()
    }

    /// Whether an entry of the exceptions may be one for this policy.
    #[must_use]
    pub fn may_take(&self, status: Status, reason: Option<&str>) -> bool {
        matches!(status, Status::Failed | Status::Expired) && reason == Some(self.reason.as_str())
    }

    /// Whether the policy sends a message again now.
    #[must_use]
    pub fn takes(&self, notification: &Notification, now_ms: i64) -> bool {
        let reason = notification.reason.as_ref();
        let age_ms = i128::from(now_ms) - i128::from(notification.status_since_ms);
        self.may_take(notification.status, reason.map(Reason::name))
            && !notification.is_settled
            && !notification.is_expired_at(now_ms)
            && notification.automatic_resends < self.at_most
            && age_ms <= self.within.as_millis()
            && self.code.as_deref().is_none_or(|code| reason.and_then(Reason::code) == Some(code))
    }

    /// Why it is sent again, for its record.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Self { reason, at_most, within, .. } = self;
        format!("the channel's policy for {reason}: at most {at_most} within {within:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RequestKey;

    const NOW_MS: i64 = 1_772_413_200_000;
    const MINUTE_MS: i64 = 60_000;

    fn policy() -> ResendPolicy {
        ResendPolicy {
            reason: "undelivered".into(),
            code: None,
            at_most: 2,
            within: SignedDuration::from_mins(30),
        }
    }

    fn failed() -> Notification {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
        Notification {
            status: Status::Failed,
            reason: Some(Reason::Undelivered("7308".into())),
            status_since_ms: NOW_MS,
            ..Notification::sample(key.notification_id(0), NOW_MS)
        }
    }

    #[test]
    fn a_policy_is_bounded_in_number_and_time() {
        let policy = policy();
        assert!(policy.takes(&failed(), NOW_MS));
        assert!(policy.takes(&failed(), NOW_MS + 30 * MINUTE_MS));
        assert!(!policy.takes(&failed(), NOW_MS + 30 * MINUTE_MS + 1));
        let resent = |automatic_resends| Notification { automatic_resends, ..failed() };
        assert!(policy.takes(&resent(1), NOW_MS) && !policy.takes(&resent(2), NOW_MS));
    }

    #[test]
    fn a_policy_takes_only_its_reason_and_its_code_and_nothing_that_a_person_settled() {
        let other = Reason::Rejected("7308".into());
        assert!(!policy().takes(&Notification { reason: Some(other), ..failed() }, NOW_MS));
        let with_code = |code: &str| ResendPolicy { code: Some(code.into()), ..policy() };
        assert!(with_code("7308").takes(&failed(), NOW_MS));
        assert!(!with_code("7306").takes(&failed(), NOW_MS));
        let settled = Notification { is_settled: true, ..failed() };
        assert!(!policy().takes(&settled, NOW_MS));
        for status in [Status::Unknown, Status::Unconfirmed, Status::Queued, Status::Delivered] {
            assert!(!policy().takes(&Notification { status, ..failed() }, NOW_MS), "{status:?}");
        }
    }

    #[test]
    fn a_policy_leaves_what_has_expired_to_a_person() {
        let expiring = Notification { expires_at_ms: Some(NOW_MS + 1), ..failed() };
        assert!(policy().takes(&expiring, NOW_MS));
        assert!(!policy().takes(&expiring, NOW_MS + 1));
    }

    #[test]
    fn each_fault_of_a_policy_is_named_by_its_field() {
        type Change = fn(&mut ResendPolicy);
        let cases: [(Change, &str); 8] = [
            (|p| p.reason = "no_receipt".into(), "resend[1].reason"),
            (|p| p.reason = "response_lost".into(), "resend[1].reason"),
            (|p| p.reason = "expired".into(), "resend[1].reason"),
            (|p| p.code = Some(String::new()), "resend[1].code"),
            (|p| p.at_most = 0, "resend[1].at_most"),
            (|p| p.at_most = 4, "resend[1].at_most"),
            (|p| p.within = SignedDuration::ZERO, "resend[1].within"),
            (|p| p.within = SignedDuration::from_hours(25), "resend[1].within"),
        ];
        for (change, field) in cases {
            let mut changed = policy();
            change(&mut changed);
            let faults = ResendPolicy::faults(&[policy(), changed]);
            let fields: Vec<_> = faults.into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, [field]);
        }
        let faults = ResendPolicy::faults(&std::array::from_fn::<_, 11, _>(|_| policy()));
        assert_eq!(faults.len(), 1);
        assert_eq!(ResendPolicy::faults(&[policy()]), []);
    }
}
