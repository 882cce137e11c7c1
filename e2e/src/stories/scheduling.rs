//! Stories about schedules.

use std::time::Duration;

use alimi::domain::{NotificationId, Reference};
use alimi::ports::Clock;
use alimi::time::SystemClock;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::json;

use super::requests::{SOON, until_accepted_within, until_ended};
use crate::result::{Result, StoryResult, ensure};
use crate::stack::Stack;
use crate::waiting::until;

/// The schedules in the scheduler, without the sweeper's.
async fn planned(stack: &Stack) -> Result<Vec<aws_sdk_scheduler::types::ScheduleSummary>> {
    let listed = stack.aws.scheduler.list_schedules().send().await?.schedules;
    // The sweeper's schedule is in the default group. The planner's schedules have their own group.
    let of_planner = listed
        .into_iter()
        .filter(|schedule| schedule.group_name().is_some_and(|group| group != "default"));
    Ok(of_planner.collect())
}

async fn until_planned(
    stack: &Stack,
    name: &str,
) -> Result<aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput> {
    let group = until(&format!("schedule {name} in the scheduler"), SOON, async || {
        let found = planned(stack).await?;
        Ok(found
            .into_iter()
            .find(|schedule| schedule.name() == Some(name))
            .and_then(|schedule| schedule.group_name))
    })
    .await?;
    Ok(stack.aws.scheduler.get_schedule().group_name(group).name(name).send().await?)
}

async fn until_removed(stack: &Stack, name: &str) -> Result<()> {
    until(&format!("schedule {name} to leave the scheduler"), SOON, async || {
        let found = planned(stack).await?;
        Ok((!found.iter().any(|schedule| schedule.name() == Some(name))).then_some(()))
    })
    .await
}

/// A schedule is created through the API and planned from the table's stream. The scheduler fires
/// it in Seoul time.
pub async fn a_schedule_fires_in_seoul_time(stack: &Stack) -> StoryResult {
    // Enough time for the planner's cold start on a slow machine. A schedule that is planned after
    // its time does not fire.
    const AHEAD_S: i64 = 40;
    const FIRED: Duration = Duration::from_secs(180);
    let api = &stack.api;
    let audience = json!({ "source": { "kind": "members" } });
    api.put("/v1/audiences/teachers", None, &audience).await?.expect(201)?;
    let csv = "id,phone,name,code\n\
               t1,010-2000-0001,김하나,a1\n\
               t2,010-2000-0002,이지호,b2\n\
               t3,010-2000-0003,박서연,c3\n";
    let uploaded = api.upload("/v1/audiences/teachers/members", csv).await?.expect(200)?;
    ensure(uploaded["size"] == 3, || format!("the upload was answered with {uploaded}"))?;

    stack.provider.all_receipts_sent().await?;
    let since = stack.provider.count();
    let now = Timestamp::from_millisecond(SystemClock.now_ms())?;
    let at = Timestamp::from_second(now.as_second())?.checked_add(AHEAD_S.seconds())?;
    let seoul = at.to_zoned(TimeZone::get("Asia/Seoul")?).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let schedule = json!({
        "expression": format!("at({seoul})"), "template": "photo-and-video", "audience": "teachers",
    });
    api.put("/v1/schedules/reminder", None, &schedule).await?.expect(201)?;
    let planned = until_planned(stack, "reminder").await?;
    let zone = planned.schedule_expression_timezone().unwrap_or_default();
    ensure(zone == "Asia/Seoul", || format!("the schedule is planned in {zone}"))?;
    let expression = planned.schedule_expression().unwrap_or_default();
    ensure(expression == format!("at({seoul})"), || {
        format!("the schedule is planned for {expression}")
    })?;

    until_accepted_within(FIRED, stack, since, 3).await?;
    let run = until("the run to finish", SOON, async || {
        let runs = api.get("/v1/schedules/reminder/runs").await?.expect(200)?;
        let run = runs["items"][0].clone();
        Ok((run["status"] == "finished").then_some(run))
    })
    .await?;
    let scheduled_at: Timestamp = run["scheduled_at"].as_str().unwrap_or_default().parse()?;
    ensure(scheduled_at == at, || format!("the run is for {scheduled_at}, not {at}"))?;
    ensure(run["counts"]["stored"] == 3, || format!("the run is {run}"))?;
    let arrived = stack.provider.accepted_after(since);
    ensure(arrived.len() == 3, || format!("{} messages for three members", arrived.len()))?;
    let first_us = arrived.iter().map(|arrival| arrival.at_us).min().unwrap_or_default();
    let late = SignedDuration::from_micros(first_us - at.as_microsecond());
    ensure(!late.is_negative(), || format!("a message left {late:?} before its time"))?;
    let members: Vec<NotificationId> = arrived
        .into_iter()
        .filter_map(|arrival| arrival.reference)
        .map(|Reference { id, .. }| id)
        .collect();
    let ended = until_ended(stack, &members).await?;
    ensure(ended.iter().all(|status| status == "delivered"), || format!("{ended:?}"))?;
    // The scheduler removes a schedule after its last time.
    until_removed(stack, "reminder").await?;
    Ok(format!("three messages, the first {:.1} s after {seoul}", late.as_secs_f64()))
}

/// An event of the scheduler comes again through the run queue, to which dead letters are sent
/// back.
pub async fn a_repeated_event_of_the_scheduler_sends_nothing(stack: &Stack) -> StoryResult {
    const LEFT: [QueueAttributeName; 2] = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let runs = async || stack.api.get("/v1/schedules/reminder/runs").await?.expect(200);
    let before = runs().await?;
    let since = stack.provider.count();
    let queue = &stack.outputs.run_queue_url;
    let event = json!({
        "schedule": "reminder", "scheduled_time": before["items"][0]["scheduled_at"],
    });
    stack.aws.sqs.send_message().queue_url(queue).message_body(event.to_string()).send().await?;
    until("the run queue to be empty", SOON, async || {
        let mut left = 0;
        for attribute in LEFT {
            left += stack.aws.queue_attribute(queue, attribute).await?.parse::<u32>()?;
        }
        Ok((left == 0).then_some(()))
    })
    .await?;
    let (dead_letters, _) = stack.aws.redrive(queue).await?;
    let receive = stack.aws.sqs.receive_message().queue_url(dead_letters).send().await?;
    let dead = receive.messages.unwrap_or_default();
    ensure(dead.is_empty(), || format!("the event became a dead letter: {dead:?}"))?;
    let after = runs().await?;
    ensure(after == before, || format!("the runs were {before} and are {after}"))?;
    let arrived = stack.provider.accepted_after(since).len();
    ensure(arrived == 0, || format!("{arrived} messages arrived"))?;
    Ok("the event was handled; its run had ended, so nothing was sent".to_owned())
}

/// A schedule is changed and deleted through the API, and the scheduler follows.
pub async fn the_scheduler_follows_the_catalog(stack: &Stack) -> StoryResult {
    let path = "/v1/schedules/daily";
    let schedule = |expression: &str, enabled: bool| {
        json!({
            "expression": expression, "enabled": enabled,
            "template": "photo-and-video", "audience": "teachers",
        })
    };
    let created = stack.api.put(path, None, &schedule("cron(0 11 * * ? *)", true)).await?;
    let first = created.etag.clone().ok_or("the answer has no ETag")?;
    created.expect(201)?;
    until_planned(stack, "daily").await?;
    let changed = schedule("cron(30 12 * * ? *)", false);
    let changed = stack.api.put(path, Some(&first), &changed).await?;
    let second = changed.etag.clone().ok_or("the answer has no ETag")?;
    changed.expect(200)?;
    until("the change in the scheduler", SOON, async || {
        let planned = until_planned(stack, "daily").await?;
        let state = planned.state().map(|state| state.as_str().to_owned());
        let is_changed = planned.schedule_expression() == Some("cron(30 12 * * ? *)")
            && state.as_deref() == Some("DISABLED");
        Ok(is_changed.then_some(()))
    })
    .await?;
    stack.api.delete(path, &first).await?.expect(412)?;
    stack.api.delete(path, &second).await?.expect(204)?;
    until_removed(stack, "daily").await?;
    Ok("created, changed, disabled and deleted, each from the catalog's stream".to_owned())
}
