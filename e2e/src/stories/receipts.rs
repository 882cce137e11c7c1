//! Stories about receipts.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::requests::{SOON, post_steps, statuses, step};
use crate::result::{Result, StoryResult, ensure};
use crate::stack::{CHANNEL, Stack};
use crate::waiting::until;

/// The provider sends no receipt for this phone number. One waits in the receipt queue, as after an
/// outage of the database, and the webhook's function takes it from there.
pub async fn a_receipt_in_the_queue_is_recorded(stack: &Stack) -> StoryResult {
    let steps = [step("photo-and-video")];
    let (path, ids) = post_steps(stack, "e2e-queued-receipt", "010-9007-0000", &steps).await?;
    let [id] = &ids[..] else { return Err(format!("{} steps", ids.len()).into()) };
    let taken = async || has_status(stack, &path, "accepted").await;
    until("the provider to take the message", SOON, taken).await?;
    let receipt = json!({ "verdict": "delivered", "code": "7000", "medium": "KAT" });
    let queued = json!({
        "kind": "verified", "channel": CHANNEL,
        "receipts": [{ "reference": format!("{id}01"), "receipt": receipt }],
    });
    let queue = &stack.outputs.receipt_queue_url;
    stack.aws.sqs.send_message().queue_url(queue).message_body(queued.to_string()).send().await?;
    let recorded = async || has_status(stack, &path, "delivered").await;
    until("the receipt to be recorded", SOON, recorded).await?;
    let (dead_letters, receives_max) = stack.aws.redrive(queue).await?;
    let dead = QueueAttributeName::ApproximateNumberOfMessages;
    let dead = stack.aws.queue_attribute(&dead_letters, dead).await?;
    ensure(dead == "0", || format!("{dead} dead letters"))?;
    Ok(format!("recorded from the queue, which tries a receipt {receives_max} times"))
}

/// Whether the only step of a sequence has a status.
async fn has_status(stack: &Stack, path: &str, status: &str) -> Result<Option<()>> {
    let found = statuses(stack, path).await?;
    Ok((found == [status]).then_some(()))
}
