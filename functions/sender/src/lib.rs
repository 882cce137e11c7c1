//! Drains the lanes that wakes name.

use std::collections::HashMap;

use alimi::aws::Wake;
use alimi::ports::WakeGroup;
use alimi::use_cases::Sender;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// The wakes of one lane. The first wake's group counts, and the time of the latest wake.
struct Wakes {
    group: WakeGroup,
    sent_at_ms: Option<i64>,
    despite_pause: bool,
}

/// Drains every lane that the batch names once, however many wakes name it. Returns the messages
/// that are not wakes, for the dead-letter queue.
///
/// A failed drain is not reported: SQS would block the message group for its visibility time-out,
/// while the sweeper wakes the lane within a minute.
pub async fn handle(sender: &Sender, event: SqsEvent) -> SqsBatchResponse {
    let mut lanes: HashMap<String, Wakes> = HashMap::new();
    let mut failed: Vec<String> = Vec::new();
    for message in event.records {
        let id = message.message_id.clone().unwrap_or_default();
        if let Some((Wake { channel, despite_pause }, group)) = read_wake(&message) {
            let first = Wakes { group, sent_at_ms: None, despite_pause: false };
            let wakes = lanes.entry(channel).or_insert(first);
            wakes.sent_at_ms = wakes.sent_at_ms.max(sent_at_ms(&message));
            wakes.despite_pause |= despite_pause;
        } else {
            tracing::error!(
                message = %id,
                "a message is not a wake: it goes to the dead-letter queue"
            );
            failed.push(id);
        }
    }
    let mut draining = FuturesUnordered::new();
    for (channel, Wakes { group, sent_at_ms, despite_pause }) in lanes {
        draining.push(async move {
            let drained = if despite_pause {
                sender.drain_despite_pause(&channel, group).await
            } else {
                sender.drain(&channel, group, sent_at_ms).await
            };
            match drained {
                Ok(report) if report.must_wait => {
                    tracing::debug!(
                        %channel,
                        "nothing may leave for a while: the sweeper wakes the lane then"
                    );
                }
                Ok(report) if report.did_not_get_lease => {
                    tracing::debug!(
                        %channel,
                        "the wake needs no sender: another one holds the lane, or has seen its work"
                    );
                }
                Ok(_) => {}
                Err(error) => tracing::error!(
                    %channel,
                    %error,
                    "a drain failed; the sweeper wakes the lane again within a minute"
                ),
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

fn read_wake(message: &SqsMessage) -> Option<(Wake, WakeGroup)> {
    let wake: Wake = serde_json::from_str(message.body.as_deref()?).ok()?;
    let group = wake.group_in(message.attributes.get("MessageGroupId")?)?;
    Some((wake, group))
}

/// When SQS received the message, in Unix milliseconds.
fn sent_at_ms(message: &SqsMessage) -> Option<i64> {
    message.attributes.get("SentTimestamp")?.parse().ok()
}
