//! One member's notification.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Course, Runner};
use crate::delivery::FieldError;
use crate::delivery::compose::{MemberOrder, compose_member};
use crate::domain::audience::file::Member;
use crate::domain::hours::{Decision, DropReason, decide, hours_of};
use crate::domain::{Notification, RunKey};

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
        member: &Member,
    ) -> Result<Planned, FieldError> {
        let now_ms = self.clock.now_ms();
        let order = MemberOrder {
            key,
            template: &course.pins.template,
            channel: &course.channel,
            hours: &course.hours,
            priority: course.pins.priority,
            now_ms,
        };
        let notification = compose_member(order, line, member, self.check)?;
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
