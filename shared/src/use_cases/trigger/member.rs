//! One member's notification.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Trigger;
use super::context::RunContext;
use crate::domain::audience::file::Member;
use crate::domain::hours::{Decision, DropReason, decide, hours_of};
use crate::domain::{FieldError, Notification, RunKey};
use crate::use_cases::compose::{MemberInputs, NO_COMMON_HOURS, compose_member};

/// A notification that is ready to be stored.
pub(super) struct Composed {
    pub(super) notification: Notification,
    /// Its window is open now.
    pub(super) may_leave: bool,
}

impl Trigger {
    /// Makes a member's notification and applies the hours rule.
    pub(super) fn compose(
        &self,
        key: &RunKey,
        context: &RunContext,
        line: u64,
        member: &Member,
    ) -> Result<Composed, FieldError> {
        let now_ms = self.clock.now_ms();
        let inputs = MemberInputs {
            key,
            template: &context.pins.template,
            channel: &context.channel,
            hours: &context.hours,
            priority: context.pins.priority,
            now_ms,
        };
        let notification = compose_member(inputs, line, member, self.check)?;
        match decision(context, &notification, now_ms) {
            Decision::Send => Ok(Composed { notification, may_leave: true }),
            // The notification is stored now, and waits in its window class.
            Decision::Defer(_) => Ok(Composed { notification, may_leave: false }),
            Decision::Drop(reason) => Err(FieldError::new("template", never_leaves(reason))),
        }
    }
}

fn decision(context: &RunContext, notification: &Notification, now_ms: i64) -> Decision {
    let RunContext { pins, channel, hours } = context;
    let template = &pins.template;
    let hours =
        hours_of(notification.origin(), template.category, hours, channel.window, template.window);
    let zone = notification.recipient.timezone.as_deref().unwrap_or(&channel.timezone);
    // `compose_member` has refused members with an unknown zone.
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
    decide(now, hours, &zone, None)
}

/// Why a message could never leave.
fn never_leaves(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Expired => "could never be sent: the message has expired",
        DropReason::NoOpeningBeforeExpiry => {
            "could never be sent: the message expires before its sending window opens"
        }
        DropReason::NoCommonHours => NO_COMMON_HOURS,
    }
}
