//! Which of a channel's exceptions are meant: for lists, and for what is done to many at once.

use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

use super::agenda::{exception_key, sort_at};
use super::field_error::FieldError;
use super::notification::Notification;
use super::reason::Reason;
use super::status::Status;

/// A choice among the exceptions of one channel. What is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionFilter {
    pub channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The name of a [`Reason`], without a provider's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// They have needed a person since this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<i64>,
    /// They have needed a person since an earlier time than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
}

impl ExceptionFilter {
    /// The statuses that exceptions may have. A delivered one is contradicted by a later receipt.
    pub const STATUSES: [Status; 5] =
        [Status::Unknown, Status::Unconfirmed, Status::Failed, Status::Expired, Status::Delivered];

    /// A status by its name in a request. The error says which there are.
    ///
    /// # Errors
    /// [`FieldError`] with the field `status`.
    pub fn status_named(name: &str) -> Result<Status, FieldError> {
        let found = Self::STATUSES.into_iter().find(|status| status.as_str() == name);
        found.ok_or_else(|| {
            let known = Self::STATUSES.map(Status::as_str).join(", ");
            FieldError::new("status", format!("must be one of {known}"))
        })
    }

    /// Checks the name of a reason. The error says which there are.
    ///
    /// # Errors
    /// [`FieldError`] with the field `reason`.
    pub fn reason_named(name: &str) -> Result<String, FieldError> {
        if Reason::VARIANTS.contains(&name) {
            return Ok(name.to_owned());
        }
        let known = Reason::VARIANTS.join(", ");
        Err(FieldError::new("reason", format!("must be one of {known}")))
    }

    /// Whether an entry of the index with these attributes is meant. Its time is not compared: the
    /// index is read between [`Self::first_sort`] and [`Self::end_sort`].
    #[must_use]
    pub fn takes(&self, status: Status, reason: Option<&str>, template: &str) -> bool {
        self.status.is_none_or(|wanted| wanted == status)
            && self.reason.as_deref().is_none_or(|wanted| reason == Some(wanted))
            && self.template.as_deref().is_none_or(|wanted| wanted == template)
    }

    /// Whether a notification is one of these exceptions now. The index may be behind the table.
    #[must_use]
    pub fn takes_notification(&self, notification: &Notification) -> bool {
        let Some(key) = exception_key(notification) else { return false };
        let reason = notification.reason.as_ref().map(Reason::name);
        key.partition == self.channel
            && self.first_sort().is_none_or(|first| key.sort >= first)
            && self.end_sort().is_none_or(|end| key.sort < end)
            && self.takes(notification.status, reason, &notification.template)
    }

    /// Where these exceptions begin in the index.
    #[must_use]
    pub fn first_sort(&self) -> Option<String> {
        self.since_ms.map(sort_at)
    }

    /// The first sort key behind these exceptions.
    #[must_use]
    pub fn end_sort(&self) -> Option<String> {
        self.until_ms.map(sort_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RequestKey;

    fn failed(since_ms: i64) -> Notification {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
        Notification {
            status: Status::Failed,
            reason: Some(Reason::Undelivered("7308".into())),
            status_since_ms: since_ms,
            ..Notification::sample(key.notification_id(0), 0)
        }
    }

    fn filter() -> ExceptionFilter {
        ExceptionFilter { channel: "alimtalk-main".into(), ..ExceptionFilter::default() }
    }

    #[test]
    fn a_filter_takes_what_fits_in_every_respect() {
        type Change = fn(&mut ExceptionFilter);
        let found = failed(5);
        let cases: [(bool, Change); 12] = [
            (true, |_| {}),
            (false, |f| f.channel = "other".into()),
            (true, |f| f.status = Some(Status::Failed)),
            (false, |f| f.status = Some(Status::Unknown)),
            (true, |f| f.reason = Some("undelivered".into())),
            (false, |f| f.reason = Some("rejected".into())),
            (true, |f| f.template = Some("t".into())),
            (false, |f| f.template = Some("u".into())),
            (true, |f| f.since_ms = Some(5)),
            (false, |f| f.since_ms = Some(6)),
            (true, |f| f.until_ms = Some(6)),
            (false, |f| f.until_ms = Some(5)),
        ];
        for (index, (takes, change)) in cases.into_iter().enumerate() {
            let mut filter = filter();
            change(&mut filter);
            assert_eq!(filter.takes_notification(&found), takes, "{index}");
        }
    }

    #[test]
    fn what_needs_no_person_is_never_taken() {
        let queued = Notification { status: Status::Queued, reason: None, ..failed(5) };
        assert!(!filter().takes_notification(&queued));
        let delivered = Notification { status: Status::Delivered, reason: None, ..failed(5) };
        assert!(!filter().takes_notification(&delivered));
    }

    #[test]
    fn names_are_those_of_the_api_and_the_errors_list_them() {
        assert_eq!(ExceptionFilter::status_named("unconfirmed"), Ok(Status::Unconfirmed));
        let error = ExceptionFilter::status_named("queued").expect_err("no exception");
        assert!(error.to_string().contains("unknown, unconfirmed, failed"), "{error}");
        assert_eq!(ExceptionFilter::reason_named("no_receipt"), Ok("no_receipt".into()));
        let error = ExceptionFilter::reason_named("7308").expect_err("no reason");
        assert!(error.to_string().contains("undelivered"), "{error}");
    }
}
