//! Stories about sending.

use alimi::ports::Clock;
use alimi::time::SystemClock;

use super::requests::{
    SOON, post_many, post_sequence, post_steps, statuses, step, until_accepted, until_ended,
};
use crate::provider;
use crate::result::{StoryResult, ensure};
use crate::stack::Stack;
use crate::waiting::until;

/// The longest pause of a lane with work. A lost wake would cause a longer one, since the sweeper
/// repeats a wake only within a minute.
const PAUSE_MAX_MS: i64 = 25_000;

/// A template of a text message.
const TEXT_MESSAGE: &str = "consultation-sms";

/// Step n + 1 reaches the provider only after a receipt has said that step n was delivered.
pub async fn a_sequence_waits_for_each_delivery(stack: &Stack) -> StoryResult {
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
        let delivered_us = stack.provider.delivery_receipt_us(before);
        let delivered_us = delivered_us.ok_or("a delivered step without a receipt")?;
        let arrived_us = stack.provider.accepted_once_us(after)?;
        ensure(delivered_us < arrived_us, || {
            format!("{after} ARRIVED BEFORE {before} WAS DELIVERED")
        })?;
        gaps_ms.push((arrived_us - delivered_us) / 1000);
    }
    ensure(gaps_ms.iter().all(|gap_ms| *gap_ms < PAUSE_MAX_MS), || {
        format!("steps arrived {gaps_ms:?} ms after the delivery before: was a wake lost?")
    })?;
    Ok(format!("steps 2 and 3 arrived {gaps_ms:?} ms after the receipt of the step before"))
}

/// The receipt for this phone number says undelivered: the first step fails, and the others never
/// leave.
pub async fn a_failed_step_cancels_the_later_steps(stack: &Stack) -> StoryResult {
    let (path, steps) = post_sequence(stack, "e2e-failing", "010-9002-0000").await?;
    let found = until("the sequence to fail", SOON, async || {
        let found = statuses(stack, &path).await?;
        Ok((found.first().is_some_and(|status| status == "failed")).then_some(found))
    })
    .await?;
    ensure(found == ["failed", "cancelled", "cancelled"], || format!("the steps are {found:?}"))?;
    stack.provider.all_receipts_sent().await?;
    for (place, step) in steps.iter().enumerate() {
        let times = stack.provider.accepted_us(step).len();
        ensure(times == usize::from(place == 0), || format!("step {place} arrived {times} times"))?;
    }
    Ok("failed, cancelled, cancelled; only step 1 arrived".to_owned())
}

/// The first step is an Alimtalk message that is undelivered for this phone number, so the fallback
/// step, a text message, leaves. The step behind it follows its delivery.
pub async fn a_fallback_step_leaves_after_a_failure(stack: &Stack) -> StoryResult {
    let mut fallback = step(TEXT_MESSAGE);
    fallback["after"] = "failed".into();
    let steps = [step("photo-and-video"), fallback, step(TEXT_MESSAGE)];
    let needed = post_steps(stack, "e2e-fallback", "010-9006-0000", &steps).await?;
    let spared = post_steps(stack, "e2e-no-fallback", "010-1234-5678", &steps).await?;
    for ((path, ids), expected) in [
        (&needed, ["failed", "delivered", "delivered"]),
        (&spared, ["delivered", "cancelled", "delivered"]),
    ] {
        let found = until_ended(stack, ids).await?;
        ensure(found == expected, || format!("the steps of {path} are {found:?}"))?;
        for (id, status) in ids.iter().zip(expected) {
            let times = stack.provider.accepted_us(id).len();
            ensure(times == usize::from(status != "cancelled"), || {
                format!("{id} is {status} and arrived {times} times")
            })?;
        }
    }
    Ok("the fallback left after the failure, and not after the delivery".to_owned())
}

/// While a batch is sent, real-time messages take the next slots.
pub async fn real_time_messages_overtake_a_batch(stack: &Stack) -> StoryResult {
    // Takes longer than a sender's slice of 20 s, so the lane is handed over through the queue.
    const BATCH: usize = 300;
    // Messages that are claimed already leave first, and so do those that leave during the request.
    const AHEAD_MAX: usize = 20;
    let since = stack.provider.count();
    let batch = post_many(stack, "e2e-batch", 600, BATCH).await?;
    until_accepted(stack, since, 5).await?;
    let urgent = post_many(stack, "e2e-urgent", 0, 3).await?;
    let answered_us = SystemClock.now_us();
    until_ended(stack, &urgent).await?;
    until_accepted(stack, since, BATCH + 3).await?;
    let mut waited_ms = Vec::new();
    let mut ahead_most = 0;
    for message in &urgent {
        let arrived_us = stack.provider.accepted_once_us(message)?;
        let arrived = stack.provider.accepted_after(since);
        let of_batch =
            arrived.iter().filter(|arrival| batch.iter().any(|id| provider::is_of(arrival, id)));
        let ahead =
            of_batch.filter(|arrival| (answered_us..arrived_us).contains(&arrival.at_us)).count();
        ahead_most = ahead_most.max(ahead);
        waited_ms.push((arrived_us - answered_us) / 1000);
    }
    ensure(ahead_most <= AHEAD_MAX, || {
        format!("{ahead_most} messages of the batch left before a real-time message")
    })?;
    let ended = until_ended(stack, &batch).await?;
    ensure(ended.iter().all(|status| status == "delivered"), || format!("{ended:?}"))?;
    let mut times_us: Vec<i64> =
        stack.provider.accepted_after(since).iter().map(|arrival| arrival.at_us).collect();
    times_us.sort_unstable();
    let paused_ms = times_us.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).max();
    let paused_ms = paused_ms.unwrap_or_default();
    ensure(paused_ms < PAUSE_MAX_MS, || {
        format!("the lane sent nothing for {paused_ms} ms: was it handed over?")
    })?;
    Ok(format!(
        "{ahead_most} of {BATCH} went first; the real-time messages waited {waited_ms:?} ms; the \
         lane's longest pause was {paused_ms} ms"
    ))
}

/// The sender's process is killed while requests are in flight.
pub async fn another_sender_succeeds_a_crashed_one(stack: &mut Stack) -> StoryResult {
    const COUNT: usize = 100;
    stack.provider.all_receipts_sent().await?;
    let since = stack.provider.count();
    let messages = post_many(stack, "e2e-crash", 600, COUNT).await?;
    until_accepted(stack, since, 15).await?;
    let killed = stack.ministack.kill_function("SenderFunction").await?;
    ensure(killed > 0, || "no sender was running".to_owned())?;
    let before = stack.provider.accepted_after(since).len();
    ensure(before < COUNT, || "the sender was killed too late".to_owned())?;
    let ended = until_ended(stack, &messages).await?;
    stack.provider.all_receipts_sent().await?;
    let arrived = stack.provider.accepted_after(since).len();
    ensure(arrived > before, || "nothing arrived after the crash".to_owned())?;
    let mut unknown = 0;
    for (message, status) in messages.iter().zip(&ended) {
        match (status.as_str(), stack.provider.accepted_us(message).len()) {
            ("delivered", 1) => {}
            // The message was claimed and did not leave, or its answer and its receipt were lost.
            ("unknown", 0 | 1) => unknown += 1,
            (status, times) => {
                return Err(format!("{message} is {status} and arrived {times} times").into());
            }
        }
    }
    // A sender claims only a few slots ahead.
    ensure(unknown <= 20, || format!("{unknown} messages are unknown, more than 20"))?;
    Ok(format!(
        "killed after {before} of {COUNT}; {} delivered, {unknown} unknown, none sent twice",
        COUNT - unknown
    ))
}
