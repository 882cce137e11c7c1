//! Stories about operating the stack: dead letters, deployments, logs and deletion.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::requests::{SOON, post_many, post_sequence, statuses, until_ended};
use crate::account::Function;
use crate::result::{StoryResult, ensure};
use crate::sam::{Parameters, Programs};
use crate::stack::{RESERVED, Stack};
use crate::waiting::until;

/// A message that is no wake becomes a dead letter, which an operator sees and has sent again. It does
/// not disturb the lane.
///
/// The message is received five times, 45 s apart. The story shortens the deployed queue's
/// visibility time-out meanwhile, to save time.
pub async fn an_invalid_wake_becomes_a_dead_letter(stack: &Stack) -> StoryResult {
    // Longer than a sender stays at an empty lane, so that a wake of the sweeper is handled before
    // it becomes visible again.
    const MEANWHILE_S: &str = "5";
    let queue = &stack.outputs.wake_queue_url;
    let sqs = &stack.aws.sqs;
    let (_, receives_max) = stack.aws.redrive(queue).await?;
    let usual = stack.aws.queue_attribute(queue, QueueAttributeName::VisibilityTimeout).await?;
    let set = async |timeout: &str| {
        let set = sqs.set_queue_attributes().queue_url(queue);
        set.attributes(QueueAttributeName::VisibilityTimeout, timeout).send().await
    };
    set(MEANWHILE_S).await?;
    let body = "no wake of any lane";
    let send = sqs.send_message().queue_url(queue).message_body(body);
    send.message_group_id("nobody").message_deduplication_id("nobody-1").send().await?;
    // The observer looks once a minute.
    let found = until("the dead letter", 2 * SOON, async || {
        let listed =
            stack.api.get("/v1/ops/dead-letters?edge=wakes&state=dead").await?.expect(200)?;
        Ok(listed["items"].as_array().and_then(|items| items.first().cloned()))
    })
    .await;
    set(&usual).await?;
    let found = found?;
    let times = found["tries"].as_u64().unwrap_or(0);
    ensure(times == u64::from(receives_max), || {
        format!("the message became a dead letter after {times} receives, not {receives_max}")
    })?;
    let is_read = found["error"] == "the message is no wake";
    ensure(is_read, || format!("the dead letter is {found}"))?;
    let id = found["id"].as_str().ok_or("the dead letter has no id")?;
    let path = format!("/v1/ops/dead-letters/{id}/redrive");
    let order = json!({ "reason": "a test" });
    let redriven = stack.api.order(&path, &order).await?.expect(200)?;
    ensure(redriven["state"] == "redriven", || format!("the dead letter is {redriven}"))?;
    // The lane still works.
    let after = post_many(stack, "e2e-after-dead-letter", 0, 1).await?;
    let ended = until_ended(stack, &after).await?;
    ensure(ended == ["delivered"], || format!("{ended:?}"))?;
    Ok(format!(
        "received {times} times, and sent again; the visibility time-out is {usual} s again"
    ))
}

/// A repeated deployment changes nothing. A deployment with other parameters changes those and
/// keeps all data.
pub async fn a_repeated_deployment_keeps_everything(stack: &Stack) -> StoryResult {
    let endpoint = &stack.ministack.endpoint;
    let (path, _) = post_sequence(stack, "e2e-redeployed", "010-1234-5678").await?;
    until("a delivered sequence", SOON, async || {
        let all = statuses(stack, &path).await?.iter().all(|status| status == "delivered");
        Ok(all.then_some(()))
    })
    .await?;
    let before = stack.api.get(&path).await?.expect(200)?;
    let resources = stack.account.resources().await?;
    let functions = stack.account.functions().await?;
    let count = functions.len();
    ensure(count == 8 && functions.iter().all(|function| function.log_level == "info"), || {
        format!("the functions are {functions:?}")
    })?;
    let mut reserved: Vec<&Function> =
        functions.iter().filter(|function| function.reserved.is_some()).collect();
    reserved.sort_unstable_by_key(|function| function.reserved);
    let is_expected = |(function, (name, count)): (&&Function, (&str, u32))| {
        function.name.contains(name) && function.reserved == Some(count)
    };
    ensure(
        reserved.len() == RESERVED.len() && reserved.iter().zip(RESERVED).all(is_expected),
        || format!("concurrency is reserved for {reserved:?}"),
    )?;

    let output = stack.sam.deploy(endpoint, Programs::Built, Parameters::default()).await?;
    ensure(output.contains("No changes to deploy"), || {
        format!("the repeated deployment changed something: {output}")
    })?;
    // The next one is for a new account, whose quota is too small for reserved concurrency.
    let changed = Parameters(&["LogLevel=info,alimi=debug", "ReserveSenderConcurrency=false"]);
    stack.sam.deploy(endpoint, Programs::Uploaded, changed).await?;
    let functions = stack.account.functions().await?;
    let is_changed = |function: &Function| {
        function.log_level == "info,alimi=debug" && function.reserved.is_none()
    };
    ensure(functions.len() == count && functions.iter().all(is_changed), || {
        format!("after the second deployment the functions are {functions:?}")
    })?;

    let outputs = stack.account.outputs().await?;
    ensure(outputs == stack.outputs, || "the stack's outputs differ".to_owned())?;
    let now = stack.account.resources().await?;
    ensure(now == resources, || format!("the resources were {resources:?} and are {now:?}"))?;
    let after = stack.api.get(&path).await?.expect(200)?;
    ensure(after == before, || format!("the sequence was {before} and is {after}"))?;
    let fresh = post_many(stack, "e2e-after-redeploy", 0, 3).await?;
    let ended = until_ended(stack, &fresh).await?;
    ensure(ended.iter().all(|status| status == "delivered"), || format!("{ended:?}"))?;
    Ok(format!(
        "the first changed nothing; the second changed the log level of {count} functions and took \
         their reserved concurrency away; data, routes and webhook stayed"
    ))
}

/// Checks the messages of all stories.
pub async fn no_message_was_sent_twice_or_too_fast(stack: &Stack) -> StoryResult {
    stack.provider.all_receipts_sent().await?;
    stack.provider.audit()
}

/// Checks the logs of all stories. The last stories ran with the log level `debug`.
pub fn logs_contain_no_secrets(stack: &Stack) -> StoryResult {
    let secrets = [
        ("the webhook's secret", stack.receipt_secret()?),
        ("the provider's password", stack.provider.password),
        ("a phone number", "010-1234-5678"),
        // In national form, and in the international form that is stored.
        ("a phone number", "01012345678"),
        ("a phone number", "821012345678"),
        ("a phone number", "0101000"),
        ("a phone number", "82101000"),
        ("a phone number", "0102000"),
        ("a phone number", "82102000"),
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
    ensure(functions == 7 && lines > 100, || {
        format!("there are {functions} logs with {lines} lines")
    })?;
    Ok(format!("none in the {lines} lines of {functions} functions"))
}

/// After `sam delete` only the tables and the bucket of audience files are left, because of their
/// `DeletionPolicy`, and the secret, which the operator created.
pub async fn deletion_leaves_only_the_tables(stack: &mut Stack) -> StoryResult {
    // A function that ends after its log group was deleted creates a new group: its policy denies
    // that, but the emulator enforces no policy. So no function may run during the deletion.
    let halted = stack.ministack.halt_schedules().await?;
    ensure(halted > 0, || "the sweeper has no enabled schedule".to_owned())?;
    until("all functions to end", 2 * SOON, async || stack.ministack.quiet_moment().await).await?;
    stack.sam.delete(&stack.ministack.endpoint).await?;
    let mut left = stack.account.resources().await?;
    let tables = left.remove("tables").unwrap_or_default();
    let tables = tables.as_array().cloned().unwrap_or_default();
    ensure(tables.len() == 6, || format!("six tables are expected, and left are {tables:?}"))?;
    let buckets = left.remove("buckets").unwrap_or_default();
    let buckets = buckets.as_array().cloned().unwrap_or_default();
    ensure(buckets.len() == 1, || format!("one bucket is expected, and left are {buckets:?}"))?;
    left.retain(|_, names| names.as_array().is_none_or(|names| !names.is_empty()));
    ensure(left.is_empty(), || format!("also left: {left:?}"))?;
    Ok(format!("{} tables and the bucket are left, and nothing else", tables.len()))
}
