//! One member's notification.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Course, Runner};
use crate::delivery::FieldError;
use crate::delivery::compose::{Order, compose};
use crate::domain::audience::file::Member;
use crate::domain::hours::{Decision, DropReason, decide, hours_of};
use crate::domain::{Notification, PhoneNumber, Recipient, RunKey};

/// A notification as it is stored first.
pub(super) struct Planned {
    pub(super) notification: Notification,
    /// Its window is open: it may leave at once.
    pub(super) may_leave: bool,
}

impl Runner {
    /// Makes a member's notification, past the hours rule.
    pub(super) fn plan(
        &self,
        key: &RunKey,
        course: &Course,
        line: u64,
        member: Member,
    ) -> Result<Planned, FieldError> {
        let id = key.notification_id(&member.id);
        let phone = member.phone.map(PhoneNumber::try_from).transpose();
        let to = Recipient {
            id: member.id,
            phone: phone.map_err(|error| FieldError::new("phone", error.to_string()))?,
            timezone: member.timezone,
        };
        let now_ms = self.clock.now_ms();
        let order = Order {
            id,
            digest: key.digest(line),
            template: &course.pins.template,
            channel: &course.channel,
            hours: &course.hours,
            to,
            variables: &member.variables,
            priority: course.pins.priority,
            not_before_ms: None,
            expires_at_ms: None,
            now_ms,
        };
        let notification = compose(order, self.check).map_err(as_a_members_field)?;
        match decision(course, &notification, now_ms) {
            Decision::Send => Ok(Planned { notification, may_leave: true }),
            // It waits in its window class, in place.
            Decision::Defer(_) => Ok(Planned { notification, may_leave: false }),
            Decision::Drop(reason) => Err(FieldError::new("template", never(reason))),
        }
    }
}

fn decision(course: &Course, notification: &Notification, now_ms: i64) -> Decision {
    let Course { pins, channel, hours, .. } = course;
    let template = &pins.template;
    let hours =
        hours_of(notification.origin(), template.category, hours, channel.window, template.window);
    let zone = notification.recipient.timezone.as_deref().unwrap_or(&channel.timezone);
    // A zone that is none has been refused before.
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    decide(now, hours, &zone, None)
}

/// Why a message could never leave.
fn never(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Expired => "could never be sent: its time is over",
        DropReason::NoOpeningBeforeExpiry => {
            "could never be sent: its time is over before its window opens"
        }
        DropReason::NoCommonHours => "has no sending hours in common with its channel and stack",
    }
}

/// `to.phone` is the column `phone` of an audience.
fn as_a_members_field(error: FieldError) -> FieldError {
    match error.field.strip_prefix("to.") {
        Some(field) => FieldError::new(field, error.detail),
        None => error,
    }
}
