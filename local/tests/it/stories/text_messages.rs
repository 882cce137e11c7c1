//! Text messages, by themselves and as fallbacks: what is sent, and how long their receipts may
//! take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi::domain::{Address, Reason, Status};
use alimi::ports::{Catalog, NoResponse, PortError, ProviderCall, ProviderHttp, Secrets};
use alimi::providers::{BuiltInAdapters, Endpoints, ProviderIo, Registry};
use alimi_local::aws::secrets::{SECRET_PREFIX, channel_secret};
use alimi_local::simulator::Receipts;
use alimi_local::testing::world::{RouterHttp, SETTLES_WITHIN, World, WorldSettings};
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::Response;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::producer::{LIMIT, post_template};
use super::steps::{LMS, SMS, delayed, post_steps, step};
use crate::phone_numbers::DELIVERED;
use crate::provider_receipts::{
    ALIMTALK_UNDELIVERED, FALLBACK_LMS_DELIVERED, SMS_UNDELIVERED, receive,
};
use crate::stored_rows::row;

const HOUR: Duration = Duration::from_hours(1);
const HOUR_MS: i64 = 3_600_000;
/// An Alimtalk message with a fallback.
const WITH_FALLBACK: &str = "consultation-start";

/// Keeps the bodies of all messages on their way to the provider.
struct Recording {
    inner: Arc<RouterHttp>,
    bodies: Mutex<Vec<Value>>,
}

#[async_trait]
impl ProviderHttp for Recording {
    fn drop_stale_connections(&self, base_url: &str, connect_timeout: Duration) {
        self.inner.drop_stale_connections(base_url, connect_timeout);
    }

    async fn send(&self, call: ProviderCall) -> Result<Response<Bytes>, NoResponse> {
        if call.request.uri().path() == "/v3/message" {
            let body = serde_json::from_slice(call.request.body()).expect("JSON");
            self.bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        }
        self.inner.send(call).await
    }
}

/// One secret for every channel.
struct OneSecret;

#[async_trait]
impl Secrets for OneSecret {
    async fn secret(&self, _name: &str) -> Result<Option<SecretString>, PortError> {
        Ok(Some(SecretString::from(channel_secret())))
    }
}

/// Records what the senders send that are started from now on.
fn record(world: &mut World) -> Arc<Recording> {
    let recording = Arc::new(Recording { inner: world.http.clone(), bodies: Mutex::default() });
    world.stack.sender.providers = Arc::new(Registry {
        adapters: Arc::new(BuiltInAdapters::new(Endpoints::Any)),
        io: ProviderIo {
            http: recording.clone(),
            tokens: world.store.clone(),
            clock: world.clock.clone(),
        },
        secrets: Arc::new(OneSecret),
        secret_prefix: SECRET_PREFIX.to_owned(),
    });
    recording
}

#[tokio::test(start_paused = true)]
async fn a_text_message_is_sent_in_the_providers_format_and_confirmed_by_its_receipt() {
    let sms = "[상담] 김하나 선생님, 3월 2일 상담을 확인해 주세요.";
    let lms = "김하나 선생님, 안녕하세요.\n3월 2일 상담이 시작됩니다. 준비하실 것은 아래에서 확인해 \
               주세요.\nhttps://example.com/c/a1";
    for (template, kind, content, medium, code) in [
        (SMS, "sms", json!({ "message": sms }), "SMS", "4100"),
        (LMS, "lms", json!({ "subject": "상담 안내", "message": lms }), "LMS", "6600"),
    ] {
        let mut world = World::new(WorldSettings::default()).await;
        let recording = record(&mut world);
        world.start_senders();
        let id = post_template(&world, "k", template, DELIVERED).await;
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        let expected = json!({
            "account": "example",
            "type": kind,
            "from": "0212345678",
            "to": "01012345678",
            "refkey": format!("{id}01"),
            "content": { kind: content },
        });
        let bodies = recording.bodies.lock().expect("no panic").clone();
        assert_eq!(bodies, [expected]);
        let delivered = world.notification(&id).await;
        assert_eq!(delivered.status, Status::Delivered);
        assert_eq!(delivered.receipts[0].code, code);
        assert_eq!(delivered.receipts[0].medium.as_deref(), Some(medium));
    }
}

#[tokio::test(start_paused = true)]
async fn every_spelling_of_a_number_is_stored_and_sent_as_the_same_number() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let mut ids = Vec::new();
    for (index, phone) in
        ["010-1234-5678", "+82 10-1234-5678", "0082 10 1234 5678"].into_iter().enumerate()
    {
        ids.push(post_template(&world, &format!("k{index}"), SMS, phone).await);
    }
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    for id in &ids {
        let Address::Phone(phone) = world.notification(id).await.to;
        assert_eq!(phone.expose(), "+821012345678");
    }
    let numbers: Vec<String> =
        world.simulator.messages().into_iter().map(|message| message.number).collect();
    assert_eq!(numbers, ["01012345678"; 3]);
}

/// Sends one message of each template, whose receipts are up to the test. Returns their ids.
async fn awaiting_receipts<const N: usize>(world: &World, templates: [&str; N]) -> [String; N] {
    let mut ids = Vec::new();
    for (index, template) in templates.into_iter().enumerate() {
        world.simulator.order(Receipts::Never);
        ids.push(post_template(world, &format!("k{index}"), template, DELIVERED).await);
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    for id in &ids {
        assert_eq!(world.notification(id).await.status, Status::Accepted);
    }
    ids.try_into().expect("as many ids as templates")
}

/// Lets hours pass, with a round of the sweeper in each.
async fn sweep_hourly(world: &World, hours: u32) {
    for _ in 0..hours {
        tokio::time::sleep(HOUR).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
}

/// The channel waits for half an hour. Carriers may report a text message a day later.
#[tokio::test(start_paused = true)]
async fn a_text_message_without_a_receipt_is_unconfirmed_only_after_26_hours() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let [sms, alimtalk] = awaiting_receipts(&world, [SMS, WITH_FALLBACK]).await;
    let waiting = world.notification(&sms).await;
    let within_ms = waiting.deadline_ms.expect("a deadline") - waiting.attempts[0].claimed_at_ms;
    assert_eq!(within_ms, 26 * HOUR_MS);
    sweep_hourly(&world, 25).await;
    assert_eq!(world.notification(&sms).await.status, Status::Accepted);
    assert_eq!(world.notification(&alimtalk).await.status, Status::Unconfirmed);
    sweep_hourly(&world, 1).await;
    let unconfirmed = world.notification(&sms).await;
    assert_eq!(unconfirmed.status, Status::Unconfirmed);
    assert_eq!(unconfirmed.reason, Some(Reason::NoReceipt));
}

/// The receipt that the first choice was not delivered comes in time. From then on the fallback's
/// own time holds, which is longer than that of the channel.
#[tokio::test(start_paused = true)]
async fn the_receipt_of_a_fallback_may_come_40_hours_after_that_of_the_first_choice() {
    let world = World::new(WorldSettings::default()).await;
    let mut template =
        world.store.template(WITH_FALLBACK).await.expect("read").expect("there").document;
    let mut content = serde_json::to_value(&template.variants[0].content).expect("JSON");
    content["fallback"]["type"] = json!("lms");
    template.variants[0].content = serde_json::from_value(content).expect("content");
    world.store.put_template(&template).await.expect("stored");
    world.start_senders();
    let [late, never, silent] = awaiting_receipts(&world, [WITH_FALLBACK; 3]).await;
    receive(&world, &late, ALIMTALK_UNDELIVERED).await;
    receive(&world, &never, ALIMTALK_UNDELIVERED).await;

    sweep_hourly(&world, 40).await;
    assert_eq!(world.notification(&silent).await.status, Status::Unconfirmed, "no receipt came");
    for id in [&late, &never] {
        assert_eq!(world.notification(id).await.status, Status::Accepted);
    }
    receive(&world, &late, FALLBACK_LMS_DELIVERED).await;
    assert_eq!(world.notification(&late).await.status, Status::Delivered);

    sweep_hourly(&world, 40).await;
    assert_eq!(world.notification(&never).await.status, Status::Accepted);
    sweep_hourly(&world, 2).await;
    assert_eq!(world.notification(&never).await.status, Status::Unconfirmed);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_a_later_receipt_contradicts_stays_delivered_and_is_an_exception() {
    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    let steps = [step(SMS), delayed("1h", step(LMS))];
    let posted = post_steps(&world, json!({ "steps": steps })).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(posted.statuses(&world).await, [Status::Delivered, Status::Deferred]);
    assert!(row(&world, &posted.ids[0])["exception_pk"].is_null());
    let next = world.notification(&posted.ids[1]).await;

    receive(&world, &posted.ids[0], SMS_UNDELIVERED).await;
    let contradicted = world.notification(&posted.ids[0]).await;
    assert_eq!(contradicted.status, Status::Delivered);
    assert!(contradicted.is_contradicted && contradicted.is_exception());
    assert_eq!(row(&world, &posted.ids[0])["exception_pk"]["S"], "alimtalk-main");
    assert_eq!(world.notification(&posted.ids[1]).await, next, "a person decides");

    receive(&world, &posted.ids[0], SMS_UNDELIVERED).await;
    assert_eq!(world.notification(&posted.ids[0]).await, contradicted, "the receipt came twice");
}
