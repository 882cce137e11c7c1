//! Makes a notification from a template, a recipient and variables. Every path that stores
//! notifications composes them here, so the hours rule holds for all of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::domain::audience::file::Member;
use crate::domain::audience::recipient_of;
use crate::domain::hours::{Opening, Origin};
use crate::domain::present_hours::window_class;
use crate::domain::zone::{MUST_BE_A_ZONE, zone};
use crate::domain::{
    Addresses, Channel, FieldError, Group, HoursConfig, Notification, NotificationId, Priority,
    RecipientRef, RunKey, SequenceStep, Status, Template, UnknownAttributes, Variant, WindowClass,
};
use crate::ports::Adapter;

/// How far ahead `not_before` and `expires_at` may lie: 366 days. The limit also keeps times within
/// the digits of the index keys.
const AHEAD_MAX_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// The error in the field `template` when the windows leave no time to send.
pub(super) const NO_COMMON_HOURS: &str = "has no sending hours in common with its channel and \
    the stack: widen one of these windows, or use another template";

/// A template with the variant of the channel that a message leaves over.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub template: &'a Template,
    /// The revision of the template.
    pub revision: u64,
    pub variant: &'a Variant,
    /// The variant's channel.
    pub channel: &'a Channel,
    /// The adapter of the channel's provider.
    pub adapter: &'a dyn Adapter,
    pub hours: &'a HoursConfig,
}

/// What a notification is made from.
pub struct NotificationInputs<'a> {
    pub id: NotificationId,
    /// The digest of the request. With the same id, it distinguishes a repeated request from
    /// another one.
    pub digest: String,
    /// The producer's name.
    pub owner: String,
    pub source: Source<'a>,
    pub recipient: RecipientRef,
    pub addresses: &'a Addresses,
    pub variables: &'a BTreeMap<String, String>,
    pub priority: Priority,
    pub group: Option<Group>,
    pub tag: Option<String>,
    pub data: Option<Map<String, Value>>,
    pub not_before_ms: Option<i64>,
    /// How long a step waits after the step before it; 0 for every other message.
    pub delay_ms: i64,
    /// The message must leave before this time.
    pub expires_at_ms: Option<i64>,
    pub now_ms: i64,
}

/// Makes a notification in the state in which it is first stored.
///
/// # Errors
/// Names the request's field at fault.
pub fn compose(inputs: NotificationInputs<'_>) -> Result<Notification, FieldError> {
    let NotificationInputs { source, now_ms, .. } = inputs;
    let Source { template, variant, channel, .. } = source;
    // The text is rendered only to be checked. What is stored are the variables.
    let content = variant.render(inputs.variables)?;
    if inputs.recipient.timezone.as_deref().is_some_and(|name| zone(name).is_none()) {
        return Err(FieldError::new("to.timezone", MUST_BE_A_ZONE));
    }
    let media = content.media();
    let to = inputs.addresses.of(media.first)?;
    source.adapter.check(&to, &content)?;
    if channel.only_to.as_ref().is_some_and(|permitted| !to.is_in(permitted)) {
        let detail = format!(
            "is not permitted: the channel {} sends only to the addresses in its only_to",
            channel.name
        );
        return Err(FieldError::new(to.field(), detail));
    }
    check_times(&inputs)?;
    let origin = if SequenceStep::is_planned_by(inputs.delay_ms) {
        Origin::Scheduled
    } else {
        inputs.priority.origin(now_ms, inputs.not_before_ms)
    };
    let window_class = window_class(template, channel, source.hours, origin, &inputs.recipient)
        .ok_or_else(|| FieldError::new("template", NO_COMMON_HOURS))?;
    let earliest_ms = inputs.not_before_ms.unwrap_or(now_ms).max(now_ms) + inputs.delay_ms;
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
        schema: Notification::SCHEMA,
        revision: 0,
        request_digest: inputs.digest,
        owner: inputs.owner,
        channel: channel.name.clone(),
        template: template.name.clone(),
        template_revision: source.revision,
        variables: used_variables(variant, inputs.variables),
        media,
        recipient: inputs.recipient,
        to,
        priority: inputs.priority,
        window_class,
        sequence_step: None,
        group: inputs.group,
        tag: inputs.tag,
        data: inputs.data,
        status: if deferred_until_ms.is_some() { Status::Deferred } else { Status::Queued },
        reason: None,
        is_contradicted: false,
        is_settled: false,
        claim: 0,
        attempt: 0,
        attempt_unsent: false,
        resent_after: 0,
        automatic_resends: 0,
        failures: 0,
        attempts: vec![],
        receipts: vec![],
        decisions: vec![],
        created_at_ms: now_ms,
        ready_at_ms: deferred_until_ms.unwrap_or(now_ms),
        not_before_ms: inputs.not_before_ms,
        expires_at_ms: inputs.expires_at_ms,
        confirm_within_ms: None,
        deadline_ms: None,
        status_since_ms: now_ms,
        unknown: UnknownAttributes::default(),
    })
}

fn check_times(inputs: &NotificationInputs<'_>) -> Result<(), FieldError> {
    if inputs.expires_at_ms.is_some_and(|expires_at_ms| expires_at_ms <= inputs.now_ms) {
        let now = Timestamp::from_millisecond(inputs.now_ms).unwrap_or_default();
        let detail = format!("is in the past; must be later than now, {now}");
        return Err(FieldError::new("expires_at", detail));
    }
    for (field, at_ms) in
        [("not_before", inputs.not_before_ms), ("expires_at", inputs.expires_at_ms)]
    {
        if at_ms.is_some_and(|at_ms| at_ms > inputs.now_ms + AHEAD_MAX_MS) {
            return Err(FieldError::new(field, "must be within the next 366 days"));
        }
    }
    if let (Some(not_before_ms), Some(expires_at_ms)) = (inputs.not_before_ms, inputs.expires_at_ms)
        && expires_at_ms <= not_before_ms
    {
        return Err(FieldError::new("expires_at", "must be later than not_before"));
    }
    Ok(())
}

/// The values of the variables that the texts use. Other values would only be personal data that
/// nobody reads.
fn used_variables(
    variant: &Variant,
    variables: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let used = variant.variables();
    let kept = variables.iter().filter(|(name, _)| used.contains(*name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What the notifications of all members of one run are made from.
#[derive(Clone, Copy)]
pub struct MemberInputs<'a> {
    pub key: &'a RunKey,
    /// The name of the producer that the schedule names.
    pub owner: &'a str,
    pub source: Source<'a>,
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
) -> Result<Notification, FieldError> {
    let (recipient, addresses) = recipient_of(member)?;
    let inputs = NotificationInputs {
        id: inputs.key.notification_id(&member.id),
        digest: inputs.key.digest(line),
        owner: inputs.owner.to_owned(),
        source: inputs.source,
        recipient,
        addresses: &addresses,
        variables: &member.variables,
        priority: inputs.priority,
        group: Some(Group::run(inputs.key)),
        tag: None,
        data: None,
        not_before_ms: None,
        delay_ms: 0,
        expires_at_ms: None,
        now_ms: inputs.now_ms,
    };
    // The request's field `to.phone` is the audience's column `phone`.
    compose(inputs).map_err(|error| match error.field.strip_prefix("to.") {
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
