//! The stories.

use std::time::Duration;

use alimi::domain::{NotificationId, Reference};
use alimi::ports::Clock;
use alimi::time::SystemClock;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::sam::Parameters;
use crate::stack::{CHANNEL, Function, SECRET, Stack, WEBHOOK_SECRET};
use crate::{Result, Told, ensure, provider, until};

/// From the request to the last receipt, with a cold start and wakes that were lost.
const SOON: Duration = Duration::from_secs(90);

/// The longest that a lane with work stands still. Where a wake is lost, the sweeper repeats it within
/// a minute: the stories would end well all the same.
const PAUSE_MAX_MS: i64 = 25_000;

/// Puts the secret, the catalog and the hours in, by the ways that the README shows, and registers
/// the webhook with the provider.
pub async fn an_operator_sets_the_stack_up(stack: &Stack) -> Told {
    let secret = json!({
        "password": stack.provider.password, "webhook_secrets": [WEBHOOK_SECRET],
    });
    let created = stack.aws.secrets.create_secret().name(SECRET).secret_string(secret.to_string());
    created.send().await?;
    stack.store_catalog().await?;
    // Scheduled messages leave from 10:00 to 19:00; the stories are told at any hour.
    let hours = json!({ "scheduled": { "from": "00:00", "to": "24:00" } });
    stack.api.put("/v1/hours/stack", None, &hours).await?.expect(201)?;
    stack.provider.push_to(stack.outputs.webhook(CHANNEL, WEBHOOK_SECRET))?;
    let channel = stack.api.get(&format!("/v1/channels/{CHANNEL}")).await?.expect(200)?;
    let provider = &channel["provider"]["base_url"];
    ensure(*provider == stack.provider.url, || format!("the channel is {channel}"))?;
    Ok("secret, catalog file, hours and webhook".to_owned())
}

/// What is wrong with a deployment is told before anything is changed.
pub async fn a_wrong_deployment_is_refused(stack: &Stack) -> Told {
    const SUBNETS: &str = "SenderSubnetIds=subnet-0a1b2c3d,subnet-4e5f6a7b";
    const ELSEWHERE: &str = "SecretsKeyId=arn:aws:kms:eu-west-1:111122223333:key/1234abcd";
    let wrong: [(&'static [&'static str], &str); 6] = [
        (&["SenderSubnetIds=subnet-0a1b2c3d"], "must be empty or at least two ids"),
        (&[SUBNETS], "SenderSecurityGroupIds has to be given too"),
        (&["SenderSecurityGroupIds=sg-0a1b2c3d"], "SenderSubnetIds has to be given too"),
        (&["EndpointUrl=http://127.0.0.1:9600"], "EndpointUrl is for sam local"),
        (&[ELSEWHERE], "must be empty or the id of a key"),
        (&["SenderConcurrency=1"], "must be 2 to 1000"),
    ];
    for (parameters, says) in wrong {
        let said = match stack.sam.deploy(&stack.ministack.endpoint, Parameters(parameters)).await {
            Ok(said) => return Err(format!("{parameters:?} was deployed: {said}").into()),
            Err(refused) => refused.to_string(),
        };
        ensure(said.contains(says), || format!("{parameters:?} does not say {says:?}: {said}"))?;
    }
    let functions = stack.functions().await?;
    let reserved: Vec<u32> = functions.iter().filter_map(|it| it.reserved).collect();
    ensure(reserved == [4], || format!("the senders' reserve has become {reserved:?}"))?;
    Ok("one subnet, either half of a network, sam local's address, a key elsewhere, and one sender"
        .to_owned())
}

/// Producers' and operators' routes take signed requests only; the webhook's takes its secret.
pub async fn callers_are_told_apart(stack: &Stack) -> Told {
    let api = &stack.api;
    for path in ["/v1/notifications/0", "/v1/sequences/0", "/v1/channels", "/v1/hours/stack"] {
        api.get_unsigned(path).await?.expect(403)?;
    }
    let push = json!({ "REFKEY": "of somebody else" });
    api.push(&format!("/webhooks/{CHANNEL}/guessed"), &push).await?.expect(404)?;
    api.push(&format!("/webhooks/{CHANNEL}/{WEBHOOK_SECRET}"), &push).await?.expect(400)?;
    api.get("/v2/notifications").await?.expect(404)?;
    api.get("/v1/notifications/00").await?.expect(404)?;
    Ok("403 without a signature; 404 to a guessed webhook secret".to_owned())
}

fn step(template: &str) -> Value {
    let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
    json!({ "template": template, "variables": variables })
}

fn ids(items: &Value) -> Result<Vec<NotificationId>> {
    let items = items.as_array().ok_or_else(|| format!("no list: {items}"))?;
    items.iter().map(|item| id(&item["id"])).collect()
}

fn id(text: &Value) -> Result<NotificationId> {
    let text = text.as_str().ok_or_else(|| format!("no id: {text}"))?;
    Ok(text.parse().map_err(|_| format!("no id: {text}"))?)
}

/// Posts a sequence of three steps, twice under one key; answers with its path and its steps.
async fn post_sequence(
    stack: &Stack,
    key: &str,
    phone: &str,
) -> Result<(String, Vec<NotificationId>)> {
    let body = json!({
        "to": { "id": key, "phone": phone },
        "steps": [step("consultation-start"), step("photo-and-video"), step("photo-and-video")],
    });
    let first = stack.api.create("/v1/sequences", key, &body).await?.expect(202)?;
    let again = stack.api.create("/v1/sequences", key, &body).await?.expect(200)?;
    ensure(first["id"] == again["id"], || "a replay made another sequence".to_owned())?;
    let path = format!("/v1/sequences/{}", first["id"].as_str().unwrap_or_default());
    Ok((path, ids(&first["steps"])?))
}

async fn statuses(stack: &Stack, path: &str) -> Result<Vec<String>> {
    let sequence = stack.api.get(path).await?.expect(200)?;
    let steps = sequence["steps"].as_array().cloned().unwrap_or_default();
    Ok(steps.iter().map(|step| step["status"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Step n + 1 reaches the provider after its own push has said that step n was delivered.
pub async fn a_sequence_waits_for_each_delivery(stack: &Stack) -> Told {
    let (path, steps) = post_sequence(stack, "e2e-sequence", "010-1234-5678").await?;
    ensure(steps.len() == 3, || format!("{} steps", steps.len()))?;
    until("three delivered steps", SOON, async || {
        let all = statuses(stack, &path).await?.iter().all(|status| status == "delivered");
        Ok(all.then_some(()))
    })
    .await?;
    let mut gaps_ms = Vec::new();
    for pair in steps.windows(2) {
        let [before, after] = pair else { continue };
        let delivered_us = stack.provider.told_delivered_us(before);
        let delivered_us = delivered_us.ok_or("a delivered step without a push")?;
        let left_us = stack.provider.taken_once_us(after)?;
        ensure(delivered_us < left_us, || format!("{after} CAME BEFORE {before} WAS DELIVERED"))?;
        gaps_ms.push((left_us - delivered_us) / 1000);
    }
    ensure(gaps_ms.iter().all(|gap_ms| *gap_ms < PAUSE_MAX_MS), || {
        format!("a step came {gaps_ms:?} ms after the push for the one before: was a wake lost?")
    })?;
    Ok(format!("steps 2 and 3 came {gaps_ms:?} ms after the push for the step before"))
}

/// A number that the provider fails by its push: the first step fails, the others never leave.
pub async fn a_step_that_fails_stops_the_rest(stack: &Stack) -> Told {
    let (path, steps) = post_sequence(stack, "e2e-failing", "010-9002-0000").await?;
    let found = until("the sequence to stop", SOON, async || {
        let found = statuses(stack, &path).await?;
        Ok((found.first().is_some_and(|status| status == "failed")).then_some(found))
    })
    .await?;
    ensure(found == ["failed", "cancelled", "cancelled"], || format!("{found:?}"))?;
    stack.provider.all_pushed().await?;
    for (place, step) in steps.iter().enumerate() {
        let times = stack.provider.taken_us(step).len();
        ensure(times == usize::from(place == 0), || format!("step {place} came {times} times"))?;
    }
    Ok("failed, cancelled, cancelled; only step 1 came".to_owned())
}

/// Posts many notifications at once.
async fn post_many(
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
    let made = ids(&answer["items"])?;
    ensure(made.len() == count, || format!("{} of {count} were taken", made.len()))?;
    Ok(made)
}

/// Waits until a number of messages have come since.
async fn until_taken(stack: &Stack, since: usize, count: usize) -> Result<()> {
    until_taken_within(SOON, stack, since, count).await
}

async fn until_taken_within(
    within: Duration,
    stack: &Stack,
    since: usize,
    count: usize,
) -> Result<()> {
    until(&format!("{count} messages at the provider"), within, async || {
        Ok((stack.provider.taken_after(since).len() >= count).then_some(()))
    })
    .await
}

/// Waits until all of these are over, and answers with their statuses.
async fn until_over(stack: &Stack, notifications: &[NotificationId]) -> Result<Vec<String>> {
    let mut over = Vec::new();
    for notification in notifications {
        let what = format!("{notification} to be over");
        let status = until(&what, 2 * SOON, async || {
            let status = stack.api.status(notification).await?;
            let is_over = !["blocked", "deferred", "queued", "sending", "accepted"]
                .contains(&status.as_str());
            Ok(is_over.then_some(status))
        });
        over.push(status.await?);
    }
    Ok(over)
}

/// A batch is under way; real-time messages take the next slots.
pub async fn real_time_overtakes_a_batch(stack: &Stack) -> Told {
    // Longer than a sender's slice of 20 s: the lane is handed over through the queue.
    const BATCH: usize = 300;
    // What was claimed already leaves first: a few slots, and what left while the request was made.
    const AHEAD_MAX: usize = 20;
    let since = stack.provider.count();
    let batch = post_many(stack, "e2e-batch", 600, BATCH).await?;
    until_taken(stack, since, 5).await?;
    let urgent = post_many(stack, "e2e-urgent", 0, 3).await?;
    let answered_us = SystemClock.now_us();
    until_over(stack, &urgent).await?;
    until_taken(stack, since, BATCH + 3).await?;
    let mut waited_ms = Vec::new();
    let mut ahead_most = 0;
    for message in &urgent {
        let came_us = stack.provider.taken_once_us(message)?;
        let came = stack.provider.taken_after(since);
        let of_batch =
            came.iter().filter(|arrival| batch.iter().any(|id| provider::is_of(arrival, id)));
        let ahead = of_batch.filter(|it| (answered_us..came_us).contains(&it.at_us)).count();
        ahead_most = ahead_most.max(ahead);
        waited_ms.push((came_us - answered_us) / 1000);
    }
    ensure(ahead_most <= AHEAD_MAX, || {
        format!("{ahead_most} messages of the batch left before a real-time message")
    })?;
    let over = until_over(stack, &batch).await?;
    ensure(over.iter().all(|status| status == "delivered"), || format!("{over:?}"))?;
    let mut came_us: Vec<i64> =
        stack.provider.taken_after(since).iter().map(|it| it.at_us).collect();
    came_us.sort_unstable();
    let paused_ms = came_us.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).max();
    let paused_ms = paused_ms.unwrap_or_default();
    ensure(paused_ms < PAUSE_MAX_MS, || {
        format!("the lane stood still for {paused_ms} ms: was it handed over?")
    })?;
    Ok(format!(
        "{ahead_most} of {BATCH} went ahead; they waited {waited_ms:?} ms; the longest pause of the \
         lane: {paused_ms} ms"
    ))
}

/// The sender's process is killed while requests are under way.
pub async fn a_crashed_sender_is_succeeded(stack: &mut Stack) -> Told {
    const COUNT: usize = 100;
    stack.provider.all_pushed().await?;
    let since = stack.provider.count();
    let messages = post_many(stack, "e2e-crash", 600, COUNT).await?;
    until_taken(stack, since, 15).await?;
    let killed = stack.ministack.kill_function("SenderFunction").await?;
    ensure(killed > 0, || "no sender was at work".to_owned())?;
    let before = stack.provider.taken_after(since).len();
    ensure(before < COUNT, || "the sender was killed too late".to_owned())?;
    let over = until_over(stack, &messages).await?;
    stack.provider.all_pushed().await?;
    let came = stack.provider.taken_after(since).len();
    ensure(came > before, || "nothing came after the crash".to_owned())?;
    let mut never = 0;
    for (message, status) in messages.iter().zip(&over) {
        match (status.as_str(), stack.provider.taken_us(message).len()) {
            ("delivered", 1) => {}
            // What was claimed and did not leave, or whose answer was lost with its receipt.
            ("unknown", 0 | 1) => never += 1,
            (status, times) => {
                return Err(format!("{message} is {status} and came {times} times").into());
            }
        }
    }
    // A sender claims a few slots ahead, and no more.
    ensure(never <= 20, || format!("{never} are unknown"))?;
    Ok(format!(
        "killed after {before} of {COUNT}; {} delivered, {never} unknown, none twice",
        COUNT - never
    ))
}

/// The schedules that the scheduler has, but for the sweeper's.
async fn planned(stack: &Stack) -> Result<Vec<aws_sdk_scheduler::types::ScheduleSummary>> {
    let listed = stack.aws.scheduler.list_schedules().send().await?.schedules;
    // SAM leaves the naming of the sweeper's to CloudFormation, which puts it into no group of ours.
    let ours = listed.into_iter().filter(|one| one.group_name().is_some_and(|it| it != "default"));
    Ok(ours.collect())
}

async fn until_planned(
    stack: &Stack,
    name: &str,
) -> Result<aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput> {
    let group = until(&format!("{name} in the scheduler"), SOON, async || {
        let found = planned(stack).await?;
        Ok(found.into_iter().find(|one| one.name() == Some(name)).and_then(|one| one.group_name))
    })
    .await?;
    Ok(stack.aws.scheduler.get_schedule().group_name(group).name(name).send().await?)
}

async fn until_removed(stack: &Stack, name: &str) -> Result<()> {
    until(&format!("{name} to leave the scheduler"), SOON, async || {
        let found = planned(stack).await?;
        Ok((!found.iter().any(|one| one.name() == Some(name))).then_some(()))
    })
    .await
}

/// Created through the API, planned from the table's stream, fired by the scheduler in Seoul's time.
pub async fn a_schedule_fires_in_seoul_time(stack: &Stack) -> Told {
    // A planner that starts cold on a slow machine comes before it: what is planned later than it is
    // due does not fire.
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
    ensure(uploaded["size"] == 3, || format!("the upload: {uploaded}"))?;

    stack.provider.all_pushed().await?;
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
    ensure(zone == "Asia/Seoul", || format!("it is planned in {zone}"))?;
    let expression = planned.schedule_expression().unwrap_or_default();
    ensure(expression == format!("at({seoul})"), || format!("it is planned for {expression}"))?;

    until_taken_within(FIRED, stack, since, 3).await?;
    let run = until("the run to finish", SOON, async || {
        let runs = api.get("/v1/schedules/reminder/runs").await?.expect(200)?;
        let run = runs["items"][0].clone();
        Ok((run["status"] == "finished").then_some(run))
    })
    .await?;
    let for_time: Timestamp = run["scheduled_at"].as_str().unwrap_or_default().parse()?;
    ensure(for_time == at, || format!("it ran for {for_time}, not {at}"))?;
    ensure(run["counts"]["stored"] == 3, || format!("the run: {run}"))?;
    let came = stack.provider.taken_after(since);
    ensure(came.len() == 3, || format!("{} messages for three members", came.len()))?;
    let first_us = came.iter().map(|arrival| arrival.at_us).min().unwrap_or_default();
    let late = SignedDuration::from_micros(first_us - at.as_microsecond());
    ensure(!late.is_negative(), || format!("a message left {late:?} before its time"))?;
    let members: Vec<NotificationId> = came
        .into_iter()
        .filter_map(|arrival| arrival.reference)
        .map(|Reference { id, .. }| id)
        .collect();
    let over = until_over(stack, &members).await?;
    ensure(over.iter().all(|status| status == "delivered"), || format!("{over:?}"))?;
    // It is over, so the scheduler has let it go.
    until_removed(stack, "reminder").await?;
    Ok(format!("three members, the first {:.1} s after {seoul}", late.as_secs_f64()))
}

/// A firing that comes again, by the queue that dead letters are sent back to.
pub async fn a_firing_that_comes_again_sends_nothing(stack: &Stack) -> Told {
    const LEFT: [QueueAttributeName; 2] = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let runs = async || stack.api.get("/v1/schedules/reminder/runs").await?.expect(200);
    let before = runs().await?;
    let since = stack.provider.count();
    let queue = &stack.outputs.run_queue_url;
    let firing = json!({
        "schedule": "reminder", "scheduled_time": before["items"][0]["scheduled_at"],
    });
    stack.aws.sqs.send_message().queue_url(queue).message_body(firing.to_string()).send().await?;
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
    ensure(dead.is_empty(), || format!("a dead letter: {dead:?}"))?;
    let after = runs().await?;
    ensure(after == before, || format!("the runs were {before} and are {after}"))?;
    let came = stack.provider.taken_after(since).len();
    ensure(came == 0, || format!("{came} messages came"))?;
    Ok("taken from the run queue; the run had ended".to_owned())
}

/// A schedule is changed and deleted through the API; the scheduler follows.
pub async fn the_scheduler_follows_the_catalog(stack: &Stack) -> Told {
    let path = "/v1/schedules/daily";
    let schedule = |expression: &str, enabled: bool| {
        json!({
            "expression": expression, "enabled": enabled,
            "template": "photo-and-video", "audience": "teachers",
        })
    };
    let created = stack.api.put(path, None, &schedule("cron(0 11 * * ? *)", true)).await?;
    let first = created.etag.clone().ok_or("a document without an ETag")?;
    created.expect(201)?;
    until_planned(stack, "daily").await?;
    let changed = schedule("cron(30 12 * * ? *)", false);
    let changed = stack.api.put(path, Some(&first), &changed).await?;
    let second = changed.etag.clone().ok_or("a document without an ETag")?;
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

/// A wake that no sender can handle ends in the dead-letter queue, and nothing else suffers.
///
/// Its five receives are 45 s apart. To see the end of it sooner, the deployed queue's visibility
/// timeout is shortened meanwhile, as an operator could do; the template stays as it is.
pub async fn what_is_no_wake_becomes_a_dead_letter(stack: &Stack) -> Told {
    // Longer than a sender lingers at a lane without work: a wake of the sweeper's that comes
    // meanwhile is worked off before it is received again.
    const MEANWHILE_S: &str = "5";
    const RECEIVE_COUNT: MessageSystemAttributeName =
        MessageSystemAttributeName::ApproximateReceiveCount;
    let queue = &stack.outputs.wake_queue_url;
    let sqs = &stack.aws.sqs;
    let (dead_letters, receives_max) = stack.aws.redrive(queue).await?;
    let usual = stack.aws.queue_attribute(queue, QueueAttributeName::VisibilityTimeout).await?;
    let set = async |timeout: &str| {
        let set = sqs.set_queue_attributes().queue_url(queue);
        set.attributes(QueueAttributeName::VisibilityTimeout, timeout).send().await
    };
    set(MEANWHILE_S).await?;
    let body = "no wake of any lane";
    let send = sqs.send_message().queue_url(queue).message_body(body);
    send.message_group_id("nobody").message_deduplication_id("nobody-1").send().await?;
    let found = until("the dead letter", SOON, async || {
        let receive = sqs.receive_message().queue_url(&dead_letters).max_number_of_messages(10);
        let receive = receive.message_system_attribute_names(RECEIVE_COUNT);
        let messages = receive.send().await?.messages.unwrap_or_default();
        Ok(messages.into_iter().find(|message| message.body() == Some(body)))
    })
    .await;
    set(&usual).await?;
    let found = found?;
    let times = found.attributes().and_then(|all| all.get(&RECEIVE_COUNT));
    let times: u32 = times.ok_or("a message without its count of receives")?.parse()?;
    // It is counted on over queues; the last receive is the one here.
    let times = times.saturating_sub(1);
    ensure(times == receives_max, || {
        format!("a dead letter after {times} receives, not {receives_max}")
    })?;
    // The lane works on.
    let after = post_many(stack, "e2e-after-dead-letter", 0, 1).await?;
    let over = until_over(stack, &after).await?;
    ensure(over == ["delivered"], || format!("{over:?}"))?;
    Ok(format!("received {times} times; the visibility timeout is {usual} s again"))
}

/// The same deployment changes nothing; another one changes what it says and keeps all data.
pub async fn deploying_again_keeps_everything(stack: &Stack) -> Told {
    let endpoint = &stack.ministack.endpoint;
    let (path, _) = post_sequence(stack, "e2e-redeployed", "010-1234-5678").await?;
    until("a delivered sequence", SOON, async || {
        let all = statuses(stack, &path).await?.iter().all(|status| status == "delivered");
        Ok(all.then_some(()))
    })
    .await?;
    let before = stack.api.get(&path).await?.expect(200)?;
    let there = stack.everything().await?;
    let functions = stack.functions().await?;
    let count = functions.len();
    ensure(count == 7 && functions.iter().all(|it| it.log_level == "info"), || {
        format!("the functions are {functions:?}")
    })?;
    let reserved: Vec<&Function> = functions.iter().filter(|it| it.reserved.is_some()).collect();
    ensure(
        matches!(*reserved, [it] if it.name.contains("Sender") && it.reserved == Some(4)),
        || format!("concurrency is reserved for {reserved:?}"),
    )?;

    let said = stack.sam.deploy(endpoint, Parameters::default()).await?;
    ensure(said.contains("No changes to deploy"), || format!("it changed something: {said}"))?;
    // The second as on a new account, whose quota is too small to reserve any of it.
    let changed = Parameters(&["LogLevel=info,alimi=debug", "ReserveSenderConcurrency=false"]);
    stack.sam.deploy(endpoint, changed).await?;
    let functions = stack.functions().await?;
    let is_changed = |it: &Function| it.log_level == "info,alimi=debug" && it.reserved.is_none();
    ensure(functions.len() == count && functions.iter().all(is_changed), || {
        format!("after the second deployment the functions are {functions:?}")
    })?;

    ensure(stack.sam.outputs(endpoint).await? == stack.outputs, || "outputs differ".to_owned())?;
    let now = stack.everything().await?;
    ensure(now == there, || format!("there was {there:?}, and now {now:?}"))?;
    let after = stack.api.get(&path).await?.expect(200)?;
    ensure(after == before, || format!("the sequence was {before} and is {after}"))?;
    let fresh = post_many(stack, "e2e-after-redeploy", 0, 3).await?;
    let over = until_over(stack, &fresh).await?;
    ensure(over.iter().all(|status| status == "delivered"), || format!("{over:?}"))?;
    Ok(format!(
        "nothing the first time; the log level of {count} functions and the senders' reserve the \
         second; data, routes and webhook stayed"
    ))
}

/// Over all stories.
pub async fn nothing_was_sent_twice_or_too_fast(stack: &Stack) -> Told {
    stack.provider.all_pushed().await?;
    stack.provider.audit()
}

/// Over all stories, with the library's `debug` level in the last ones.
pub fn logs_tell_nobodys_secrets(stack: &Stack) -> Told {
    let secrets = [
        ("the webhook's secret", WEBHOOK_SECRET),
        ("the provider's password", stack.provider.password),
        ("a phone number", "010-1234-5678"),
        ("a phone number", "01012345678"),
        ("a phone number", "0101000"),
        ("a phone number", "0102000"),
        ("a variable of a message", "김하나"),
    ];
    let (mut functions, mut lines) = (0, 0);
    for log in std::fs::read_dir(stack.ministack.logs())? {
        let path = log?.path();
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        for (what, secret) in secrets {
            ensure(!text.contains(secret), || format!("{what} is in {}", path.display()))?;
        }
        functions += 1;
        lines += text.lines().count();
    }
    ensure(functions == 7 && lines > 100, || format!("{functions} logs with {lines} lines"))?;
    Ok(format!("none in the {lines} lines of {functions} functions"))
}

/// After `sam delete` there is nothing but the tables, which outlive the stack by intention
/// (their `DeletionPolicy`), and the secret, which the operator made.
pub async fn deleting_leaves_only_the_tables(stack: &mut Stack) -> Told {
    // A function that ends when its log group has gone writes into a new one: the emulator does not
    // know that its policy denies that. What is left behind is to be the deployment's doing, not that
    // of a sweep during the deletion.
    let halted = stack.ministack.halt_schedules().await?;
    ensure(halted > 0, || "the sweeper has no schedule".to_owned())?;
    until("a quiet moment", 2 * SOON, async || stack.ministack.quiet_moment().await).await?;
    stack.sam.delete(&stack.ministack.endpoint).await?;
    let mut left = stack.everything().await?;
    let tables = left.remove("tables").unwrap_or_default();
    let tables = tables.as_array().cloned().unwrap_or_default();
    ensure(tables.len() == 5, || format!("of five tables there are {tables:?}"))?;
    left.retain(|_, names| names.as_array().is_none_or(|names| !names.is_empty()));
    ensure(left.is_empty(), || format!("left behind: {left:?}"))?;
    Ok(format!("{} tables, and nothing else", tables.len()))
}
