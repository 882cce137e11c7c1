//! Receipts at the webhook, without the functions around it.

use std::sync::Arc;

use alimi::domain::{
    Channel, Confirmation, DeliveryPolicy, Event, Notification, Outcome, Response, RetryPolicy,
    SecretDigest, Status, transition,
};
use alimi::ports::{Notifications, ReceiptRequest, WebhookCaller};
use alimi::providers::{BuiltInAdapters, Endpoints};
use alimi::use_cases::{Apply, Webhook, WebhookPorts};
use alimi_local::aws::queue::LocalQueue;
use alimi_local::aws::receipt_queue::LocalReceiptQueue;
use alimi_local::testing::recording_meter::RecordingMeter;
use http::{HeaderMap, Method};
use serde_json::json;

use crate::store::fixture::{CHANNEL, Fixture, NOW_MS, claimed, fixture, notification};

const OTHER: &str = "alimtalk-other";

/// A channel whose webhook knows its provider by the secret `secret-of-{name}`.
fn channel(name: &str) -> Channel {
    serde_json::from_value(json!({
        "name": name,
        "provider": { "kind": "bizppurio", "account": name, "from": "0212345678" },
        "limit": { "per_second": 10 },
        "receipt_secrets": [{
            "id": "a", "sha256": String::from(SecretDigest::of(&format!("secret-of-{name}"))),
            "created_at": "2026-03-01T00:00:00Z",
        }],
    }))
    .expect("a channel")
}

/// The notification after the provider has accepted it.
fn accepted(notification: &Notification) -> Notification {
    let response = Response {
        sent_at_ms: NOW_MS,
        received_at_ms: NOW_MS,
        outcome: Outcome::Accepted,
        code: None,
        provider_message_id: None,
    };
    let policy = DeliveryPolicy {
        retry: RetryPolicy::default(),
        confirmation: Confirmation::default(),
        provider_deduplicates: false,
        retry_wait_min_ms: 0,
    };
    let event = Event::Responded { claim: 1, response, policy, jitter_permille: 0 };
    transition(&claimed(notification, 1), &event).expect("a move").notification
}

fn webhook(Fixture { store, clock, .. }: &Fixture, queue: &Arc<LocalReceiptQueue>) -> Webhook {
    let waker = Arc::new(LocalQueue::default());
    let apply = Apply::new(store.clone(), store.clone(), store.clone(), waker, clock.clone());
    Webhook::new(WebhookPorts {
        channels: store.clone(),
        adapters: Arc::new(BuiltInAdapters::new(Endpoints::ProvidersOwn)),
        notifications: store.clone(),
        apply,
        queue: queue.clone(),
        meter: Arc::new(RecordingMeter::default()),
        clock: clock.clone(),
    })
}

#[tokio::test]
async fn a_receipt_that_another_channels_provider_brings_does_not_move_the_message() {
    let fixture = fixture();
    let store = &fixture.store;
    for name in [CHANNEL, OTHER] {
        store.put_channel(&channel(name)).await.expect("stored");
    }
    let sent = accepted(&notification(0));
    assert_eq!((sent.status, sent.channel.as_str()), (Status::Accepted, CHANNEL));
    store.create(&sent).await.expect("stored");
    let queue = Arc::new(LocalReceiptQueue::default());
    let webhook = webhook(&fixture, &queue);
    // The same receipt, by both channels' providers.
    for (name, status) in [(OTHER, Status::Accepted), (CHANNEL, Status::Delivered)] {
        let secret_sha256 = SecretDigest::of(&format!("secret-of-{name}"));
        let caller = WebhookCaller { channel: name.into(), secret_sha256, source: None };
        let body = json!({
            "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "MEDIA": "KAT", "RESULT": "7000",
            "REFKEY": sent.reference().to_string(),
        });
        let request =
            ReceiptRequest::new(&Method::POST, &HeaderMap::new(), body.to_string().into());
        let admitted = webhook.admit(caller).await.expect("the provider of the channel");
        assert!(webhook.take(admitted, request).await.is_ok(), "{name}");
        let stored = store.load(&sent.id).await.expect("read").expect("there");
        assert_eq!(stored.status, status, "after the receipt over {name}");
    }
    assert_eq!(queue.sent(), 0);
}
