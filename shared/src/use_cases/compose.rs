//! Makes a notification from a template, a recipient and variables. Every path that stores
//! notifications composes them here, so the hours rule holds for all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::audience::file::Member;
use crate::domain::audience::recipient_of;
use crate::domain::hours::{Hours, Opening, Origin, hours_of};
use crate::domain::zone::{MUST_BE_A_ZONE, zone};
use crate::domain::{
    Channel, FieldError, HoursConfig, Message, Notification, NotificationId, Priority, Recipient,
    RunKey, Status, Template, WindowClass,
};

/// How far ahead `not_before` and `expires_at` may lie: 366 days. The limit also keeps times within
/// the digits of the index keys.
const AHEAD_MAX_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// The error in the field `template` when the windows leave no time to send.
pub(super) const NO_COMMON_HOURS: &str = "has no sending hours in common with its channel and \
    the stack: widen one of these windows, or use another template";

/// Checks a message against its provider's rules.
pub type CheckMessage = fn(&Channel, &Message, &Recipient) -> Result<(), FieldError>;

/// What a notification is made from.
pub struct NotificationInputs<'a> {
    pub id: NotificationId,
    /// The digest of the request. With the same id, it distinguishes a repeated request from
    /// another one.
    pub digest: String,
    pub template: &'a Template,
    /// The template's channel.
    pub channel: &'a Channel,
    pub hours: &'a HoursConfig,
    pub to: Recipient,
    pub variables: &'a BTreeMap<String, String>,
    pub priority: Priority,
    pub not_before_ms: Option<i64>,
    /// The message must leave before this time.
    pub expires_at_ms: Option<i64>,
    pub now_ms: i64,
}

/// Makes a notification in the state in which it is first stored.
///
/// # Errors
/// Names the request's field at fault.
pub fn compose(
    inputs: NotificationInputs<'_>,
    check: CheckMessage,
) -> Result<Notification, FieldError> {
    let NotificationInputs { template, channel, now_ms, .. } = inputs;
    let message = template.render(inputs.variables)?;
    if inputs.to.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
        return Err(FieldError::new("to.timezone", MUST_BE_A_ZONE));
    }
    check(channel, &message, &inputs.to)?;
    if let (Some(not_before_ms), Some(expires_at_ms)) = (inputs.not_before_ms, inputs.expires_at_ms)
        && expires_at_ms <= not_before_ms
    {
        return Err(FieldError::new("expires_at", "must be later than not_before"));
    }
    for (field, at_ms) in
        [("not_before", inputs.not_before_ms), ("expires_at", inputs.expires_at_ms)]
    {
        if at_ms.is_some_and(|at_ms| at_ms > now_ms + AHEAD_MAX_MS) {
            return Err(FieldError::new(field, "must be within the next 366 days"));
        }
    }
    let origin = inputs.priority.origin(now_ms, inputs.not_before_ms);
    let window_class = window_class(template, channel, inputs.hours, origin, &inputs.to)
        .ok_or_else(|| FieldError::new("template", NO_COMMON_HOURS))?;
    let earliest_ms = inputs.not_before_ms.unwrap_or(now_ms).max(now_ms);
    if let (Some(opens_at), Some(expires_at_ms)) =
        (opening_after(&window_class, earliest_ms), inputs.expires_at_ms)
        && expires_at_ms <= opens_at.as_millisecond()
    {
        // The message would expire while it waits for its window.
        let must = format!("must be later than {opens_at}, when the sending window opens");
        return Err(FieldError::new("expires_at", must));
    }
    let deferred_until_ms = inputs.not_before_ms.filter(|at_ms| *at_ms > now_ms);
    Ok(Notification {
        id: inputs.id,
        revision: 0,
        request_digest: inputs.digest,
        channel: channel.name.clone(),
        template: template.name.clone(),
        recipient: inputs.to,
        message,
        priority: inputs.priority,
        window_class,
        sequence_step: None,
        status: if deferred_until_ms.is_some() { Status::Deferred } else { Status::Queued },
        reason: None,
        claim: 0,
        attempt: 0,
        attempt_unsent: false,
        failures: 0,
        attempts: vec![],
        receipts: vec![],
        created_at_ms: now_ms,
        ready_at_ms: deferred_until_ms.unwrap_or(now_ms),
        not_before_ms: inputs.not_before_ms,
        expires_at_ms: inputs.expires_at_ms,
        confirm_within_ms: None,
        deadline_ms: None,
        status_since_ms: now_ms,
    })
}

/// What the notifications of all members of one run are made from.
#[derive(Clone, Copy)]
pub struct MemberInputs<'a> {
    pub key: &'a RunKey,
    pub template: &'a Template,
    /// The template's channel.
    pub channel: &'a Channel,
    pub hours: &'a HoursConfig,
    pub priority: Priority,
    pub now_ms: i64,
}

/// Makes one member's notification. A run stores the result; a dry run only counts it.
///
/// # Errors
/// Names the member's column at fault.
pub fn compose_member(
    inputs: MemberInputs<'_>,
    line: u64,
    member: &Member,
    check: CheckMessage,
) -> Result<Notification, FieldError> {
    let to = recipient_of(member)?;
    let inputs = NotificationInputs {
        id: inputs.key.notification_id(&member.id),
        digest: inputs.key.digest(line),
        template: inputs.template,
        channel: inputs.channel,
        hours: inputs.hours,
        to,
        variables: &member.variables,
        priority: inputs.priority,
        not_before_ms: None,
        expires_at_ms: None,
        now_ms: inputs.now_ms,
    };
    // The request's field `to.phone` is the audience's column `phone`.
    compose(inputs, check).map_err(|error| match error.field.strip_prefix("to.") {
        Some(field) => FieldError::new(field, error.detail),
        None => error,
    })
}

/// When the closed window opens next; `None` when it is open.
fn opening_after(class: &WindowClass, at_ms: i64) -> Option<Timestamp> {
    match class.opening(Timestamp::from_millisecond(at_ms).unwrap_or_default()) {
        Opening::Open { .. } => None,
        Opening::Closed { until } => Some(until),
    }
}

/// The window class of a message under the present configuration; `None` when the windows that
/// apply have no minute in common.
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
