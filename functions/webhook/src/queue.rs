//! Records the receipts that waited in the queue.

use std::time::Duration;

use alimi::ports::QueuedReceipts;
use alimi::use_cases::Webhook;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use tokio::time::Instant;

/// The time in which the answer reaches Lambda.
const MARGIN: Duration = Duration::from_secs(2);

/// Records the receipts of all messages at the same time. The answer names the messages that have
/// to come again, and those that are no receipts: the queue moves what keeps failing to its
/// dead-letter queue.
pub async fn record_batch(
    webhook: &Webhook,
    batch: SqsEvent,
    time_left: Duration,
) -> SqsBatchResponse {
    let until = Instant::now() + time_left.saturating_sub(MARGIN);
    let recorded = batch.records.iter().map(|message| async move {
        let is_recorded = record(webhook, message, until).await;
        (message.message_id.clone().unwrap_or_default(), is_recorded)
    });
    let recorded = join_all(recorded).await;
    let failed = recorded.into_iter().filter(|(_, is_recorded)| !is_recorded);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .map(|(id, _)| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

async fn record(webhook: &Webhook, message: &SqsMessage, until: Instant) -> bool {
    let id = message.message_id.as_deref().unwrap_or_default();
    let body = message.body.as_deref().unwrap_or_default();
    // The error would quote the message.
    let Ok(queued) = serde_json::from_str::<QueuedReceipts>(body) else {
        tracing::error!(
            message = id,
            "a message holds no receipts that this version can read; the queue moves it to the \
             dead-letter queue"
        );
        return false;
    };
    match webhook.record_queued(queued, until).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(
                message = id,
                %error,
                "receipts cannot be recorded now; they stay in the receipt queue"
            );
            false
        }
    }
}
