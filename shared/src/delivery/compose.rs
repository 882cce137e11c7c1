//! Makes a notification of a template, a recipient and variables. Every way to ask for one comes
//! through here, and so past the hours rule.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::FieldError;
use super::accept::CheckMessage;
use crate::domain::audience::file::Member;
use crate::domain::audience::recipient_of;
use crate::domain::hours::{Hours, Opening, Origin, hours_of};
use crate::domain::zone::{MUST_BE_A_ZONE, zone};
use crate::domain::{
    Channel, HoursConfig, Notification, NotificationId, Priority, Recipient, RunKey, Status,
    Template, WindowClass,
};

/// How far ahead a message may be asked for. Also keeps times within the digits of the index keys.
const AHEAD_MAX_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// What a notification is made of.
pub struct Order<'a> {
    /// Its id.
    pub id: NotificationId,
    /// What tells a repetition of the same request from another one.
    pub digest: String,
    /// The template.
    pub template: &'a Template,
    /// The template's channel.
    pub channel: &'a Channel,
    /// The stack's windows.
    pub hours: &'a HoursConfig,
    /// Who receives it.
    pub to: Recipient,
    /// What fills the template's gaps.
    pub variables: &'a BTreeMap<String, String>,
    /// Its place in the lane's order.
    pub priority: Priority,
    /// Not to leave before this.
    pub not_before_ms: Option<i64>,
    /// Not to leave at or after this.
    pub expires_at_ms: Option<i64>,
    /// Now.
    pub now_ms: i64,
}

/// Makes a notification as it is stored first.
///
/// # Errors
/// Names the field that keeps it from being made.
pub fn compose(order: Order<'_>, check: CheckMessage) -> Result<Notification, FieldError> {
    let Order { template, channel, now_ms, .. } = order;
    let message = template.render(order.variables).map_err(|missing| {
        FieldError::new(format!("variables.{}", missing.0), missing.to_string())
    })?;
    if order.to.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
        return Err(FieldError::new("to.timezone", MUST_BE_A_ZONE));
    }
    check(channel, &message, &order.to)
        .map_err(|unsendable| FieldError::new(unsendable.field, unsendable.must))?;
    if let (Some(not_before_ms), Some(expires_at_ms)) = (order.not_before_ms, order.expires_at_ms)
        && expires_at_ms <= not_before_ms
    {
        return Err(FieldError::new("expires_at", "must be later than not_before"));
    }
    for (field, at_ms) in [("not_before", order.not_before_ms), ("expires_at", order.expires_at_ms)]
    {
        if at_ms.is_some_and(|at_ms| at_ms > now_ms + AHEAD_MAX_MS) {
            return Err(FieldError::new(field, "must be within the next 366 days"));
        }
    }
    let origin = order.priority.origin(now_ms, order.not_before_ms);
    let window_class =
        window_class(template, channel, order.hours, origin, &order.to).ok_or_else(|| {
            FieldError::new("template", "has no sending hours in common with its channel and stack")
        })?;
    let earliest_ms = order.not_before_ms.unwrap_or(now_ms).max(now_ms);
    if let (Some(opens_ms), Some(expires_at_ms)) =
        (opens_at(&window_class, earliest_ms), order.expires_at_ms)
        && expires_at_ms <= opens_ms
    {
        // Waiting could not help it.
        return Err(FieldError::new("expires_at", "must be later than its sending hours begin"));
    }
    let deferred_until = order.not_before_ms.filter(|at_ms| *at_ms > now_ms);
    Ok(Notification {
        id: order.id,
        revision: 0,
        request_digest: order.digest,
        channel: channel.name.clone(),
        template: template.name.clone(),
        recipient: order.to,
        message,
        priority: order.priority,
        window_class,
        place: None,
        status: if deferred_until.is_some() { Status::Deferred } else { Status::Queued },
        reason: None,
        claim: 0,
        attempt: 0,
        attempt_unsent: false,
        failures: 0,
        attempts: vec![],
        receipts: vec![],
        created_at_ms: now_ms,
        ready_at_ms: deferred_until.unwrap_or(now_ms),
        not_before_ms: order.not_before_ms,
        expires_at_ms: order.expires_at_ms,
        confirm_within_ms: None,
        deadline_ms: None,
        status_since_ms: now_ms,
    })
}

/// What a run makes a member's notification with.
#[derive(Clone, Copy)]
pub struct MemberOrder<'a> {
    /// The run.
    pub key: &'a RunKey,
    /// The template.
    pub template: &'a Template,
    /// The template's channel.
    pub channel: &'a Channel,
    /// The stack's windows.
    pub hours: &'a HoursConfig,
    /// The messages' place in the lane's order.
    pub priority: Priority,
    /// Now.
    pub now_ms: i64,
}

/// Makes a member's notification, as a run stores it and a dry run only tries it.
///
/// # Errors
/// Names the member's column that keeps it from being made.
pub fn compose_member(
    order: MemberOrder<'_>,
    line: u64,
    member: &Member,
    check: CheckMessage,
) -> Result<Notification, FieldError> {
    let to = recipient_of(member).map_err(|bad| FieldError::new(bad.field, bad.must))?;
    let order = Order {
        id: order.key.notification_id(&member.id),
        digest: order.key.digest(line),
        template: order.template,
        channel: order.channel,
        hours: order.hours,
        to,
        variables: &member.variables,
        priority: order.priority,
        not_before_ms: None,
        expires_at_ms: None,
        now_ms: order.now_ms,
    };
    // `to.phone` is the column `phone` of an audience.
    compose(order, check).map_err(|error| match error.field.strip_prefix("to.") {
        Some(field) => FieldError::new(field, error.detail),
        None => error,
    })
}

/// When the window opens, in Unix milliseconds; `None` when it is open.
fn opens_at(class: &WindowClass, at_ms: i64) -> Option<i64> {
    match class.opening(Timestamp::from_millisecond(at_ms).unwrap_or_default()) {
        Opening::Open { .. } => None,
        Opening::Closed { until } => Some(until.as_millisecond()),
    }
}

/// The window class that a message has under the present configuration. `None` when its windows
/// have no minute in common.
#[must_use]
pub fn window_class(
    template: &Template,
    channel: &Channel,
    hours: &HoursConfig,
    origin: Origin,
    to: &Recipient,
) -> Option<WindowClass> {
    match hours_of(origin, template.category, hours, channel.window, template.window) {
        Hours::Exempt => Some(WindowClass::EXEMPT),
        Hours::Never => None,
        Hours::Within(window) => {
            let zone = to.timezone.as_deref().unwrap_or(&channel.timezone);
            WindowClass::within(window, zone).ok()
        }
    }
}
