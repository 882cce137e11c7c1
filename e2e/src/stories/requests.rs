//! Requests that several stories make.

use std::time::Duration;

use alimi::domain::NotificationId;
use serde_json::{Value, json};

use crate::result::{Result, ensure};
use crate::stack::Stack;
use crate::waiting::until;

/// The time from a request to its last receipt, with a cold start and lost wakes.
pub(super) const SOON: Duration = Duration::from_secs(90);

pub(super) fn step(template: &str) -> Value {
    let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
    json!({ "template": template, "variables": variables })
}

fn ids(items: &Value) -> Result<Vec<NotificationId>> {
    let items = items.as_array().ok_or_else(|| format!("not a list: {items}"))?;
    items.iter().map(|item| id(&item["id"])).collect()
}

fn id(text: &Value) -> Result<NotificationId> {
    let text = text.as_str().ok_or_else(|| format!("not an id: {text}"))?;
    Ok(text.parse().map_err(|_| format!("not an id: {text}"))?)
}

/// Posts a sequence of three steps twice, with the same key. Returns its path and the ids of its
/// steps' notifications.
pub(super) async fn post_sequence(
    stack: &Stack,
    key: &str,
    phone: &str,
) -> Result<(String, Vec<NotificationId>)> {
    let steps = [step("consultation-start"), step("photo-and-video"), step("photo-and-video")];
    post_steps(stack, key, phone, &steps).await
}

/// Posts a sequence twice, with the same key. Returns its path and the ids of its steps'
/// notifications.
pub(super) async fn post_steps(
    stack: &Stack,
    key: &str,
    phone: &str,
    steps: &[Value],
) -> Result<(String, Vec<NotificationId>)> {
    let body = json!({ "to": { "id": key, "phone": phone }, "steps": steps });
    let first = stack.api.create("/v1/sequences", key, &body).await?.expect(202)?;
    let again = stack.api.create("/v1/sequences", key, &body).await?.expect(200)?;
    ensure(first["id"] == again["id"], || {
        "a repeated request created another sequence".to_owned()
    })?;
    let path = format!("/v1/sequences/{}", first["id"].as_str().unwrap_or_default());
    Ok((path, ids(&notifications(&first))?))
}

/// The notifications of a sequence, of which each step has one.
fn notifications(sequence: &Value) -> Value {
    let steps = sequence["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| step["notifications"][0].clone()).collect()
}

/// The statuses of a sequence's steps.
pub(super) async fn statuses(stack: &Stack, path: &str) -> Result<Vec<String>> {
    let sequence = stack.api.get(path).await?.expect(200)?;
    let steps = notifications(&sequence).as_array().cloned().unwrap_or_default();
    Ok(steps.iter().map(|step| step["status"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Posts many notifications in one request. Returns their ids.
pub(super) async fn post_many(
    stack: &Stack,
    key: &str,
    priority: u16,
    count: usize,
) -> Result<Vec<NotificationId>> {
    let one = |number: usize| {
        let mut one = step("photo-and-video");
        one["to"] =
            json!({ "id": format!("{key}-{number}"), "phone": format!("010-1000-{number:04}") });
        one["priority"] = json!(priority);
        one
    };
    let body = Value::Array((0..count).map(one).collect());
    let answer = stack.api.create("/v1/notifications", key, &body).await?.expect(202)?;
    let created = ids(&answer["items"])?;
    ensure(created.len() == count, || format!("{} of {count} were created", created.len()))?;
    Ok(created)
}

/// Waits until the provider has accepted `count` messages, not counting the first `skipped`
/// requests.
pub(super) async fn until_accepted(stack: &Stack, skipped: usize, count: usize) -> Result<()> {
    until_accepted_within(SOON, stack, skipped, count).await
}

pub(super) async fn until_accepted_within(
    within: Duration,
    stack: &Stack,
    skipped: usize,
    count: usize,
) -> Result<()> {
    until(&format!("{count} messages at the provider"), within, async || {
        Ok((stack.provider.accepted_after(skipped).len() >= count).then_some(()))
    })
    .await
}

/// Waits until all notifications have ended, and returns their statuses.
pub(super) async fn until_ended(
    stack: &Stack,
    notifications: &[NotificationId],
) -> Result<Vec<String>> {
    let mut ended = Vec::new();
    for notification in notifications {
        let what = format!("{notification} to end");
        let status = until(&what, 2 * SOON, async || {
            let status = stack.api.status(notification).await?;
            let has_ended = !["blocked", "deferred", "queued", "sending", "accepted"]
                .contains(&status.as_str());
            Ok(has_ended.then_some(status))
        });
        ended.push(status.await?);
    }
    Ok(ended)
}
