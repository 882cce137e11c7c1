//! Drains the lanes that it is woken for.

use std::collections::HashMap;

use alimi::aws::Wake;
use alimi::delivery::Drain;
use alimi::ports::WakeGroup;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Drains every lane that the batch names, each once: a batch of wakes is one wake. Answers with
/// the messages that are no wakes.
///
/// A drain that failed is not reported: its message would block its group for the visibility
/// time-out, while the sweeper wakes the lane within a minute.
pub async fn handle(drain: &Drain, event: SqsEvent) -> SqsBatchResponse {
    let mut lanes: HashMap<String, (WakeGroup, Option<i64>)> = HashMap::new();
    let mut failed: Vec<String> = Vec::new();
    for message in event.records {
        let id = message.message_id.clone().unwrap_or_default();
        if let Some((channel, group)) = read(&message) {
            let sent_at_ms = sent_at_ms(&message);
            // Several wakes of a lane in one batch: the first one's turn, with the latest one's word.
            let (_, latest) = lanes.entry(channel).or_insert((group, sent_at_ms));
            *latest = (*latest).max(sent_at_ms);
        } else {
            tracing::error!(message = %id, "a message that is no wake: it goes to the dead-letter queue");
            failed.push(id);
        }
    }
    let mut draining = FuturesUnordered::new();
    for (channel, (group, sent_at_ms)) in lanes {
        draining.push(async move {
            match drain.drain(&channel, group, sent_at_ms).await {
                Ok(report) if report.held_elsewhere => {
                    tracing::debug!(%channel, "another sender is at work");
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%channel, %error, "a drain ended early"),
            }
        });
    }
    while draining.next().await.is_some() {}
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .into_iter()
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

fn read(message: &SqsMessage) -> Option<(String, WakeGroup)> {
    let wake: Wake = serde_json::from_str(message.body.as_deref()?).ok()?;
    let group = wake.group_in(message.attributes.get("MessageGroupId")?)?;
    Some((wake.channel, group))
}

/// When SQS took the wake, in Unix milliseconds.
fn sent_at_ms(message: &SqsMessage) -> Option<i64> {
    message.attributes.get("SentTimestamp")?.parse().ok()
}
