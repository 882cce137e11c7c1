//! Everybody may call the webhook. It tells a channel's provider by a secret and by its address, and
//! calls of others cost next to nothing.

use std::time::Duration;

use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{World, WorldSettings};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::requests::world;
use crate::captured_log::CapturedLog;
use crate::provider_receipts::webhook_path;

const GUESSED: &str = "/webhooks/alimtalk-main/guessed";

const CHANNEL: &str = "/v1/channels/alimtalk-main";
const A_SECOND: Duration = Duration::from_secs(1);
const A_MINUTE: Duration = Duration::from_secs(60);

/// A receipt for no message of ours.
fn foreign() -> Value {
    json!({ "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "MEDIA": "KAT", "RESULT": "7000" })
}

async fn counted_world(usage: &DatabaseUsage) -> World {
    let settings = WorldSettings::default();
    World::new(WorldSettings { database_usage: usage.clone(), ..settings }).await
}

/// Gives the channel a list of networks that receipts may come from.
async fn take_receipts_only_from(world: &World, networks: &[&str]) {
    let read = world.operate("GET", CHANNEL, &[], "").await;
    let (mut channel, etag) = (read.body, read.etag.expect("an ETag"));
    channel["receipt_sources"] = json!(networks);
    let saved = world.operate("PUT", CHANNEL, &[("if-match", &etag)], channel).await;
    assert_eq!(saved.status, 200, "{}", saved.body);
}

#[tokio::test(start_paused = true)]
async fn a_flood_without_the_secret_costs_a_read_a_second_and_a_log_line_a_minute() {
    const CALLS: u64 = 3_000;
    let log = CapturedLog::start();
    let usage = DatabaseUsage::default();
    let world = counted_world(&usage).await;
    // Two minutes.
    for n in 0..CALLS {
        let path = match n % 3 {
            0 => format!("/webhooks/alimtalk-main/guess-{n}"),
            1 => format!("/webhooks/channel-{n}/guess"),
            _ => "/webhooks/%FF/guess".to_owned(),
        };
        assert_eq!(world.webhook(&path, foreign()).await.0, 404, "{path}");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let used = usage.by_operation();
    assert_eq!(used.keys().copied().collect::<Vec<_>>(), ["Query"]);
    assert!(used["Query"].requests <= 125, "{used:?}");
    assert_eq!(world.stack.receipt_queue.sent(), 0);
    let lines = || log.text().lines().filter(|line| line.contains("webhook_refused")).count();
    assert!((2..=3).contains(&lines()), "{}", log.text());
    assert_eq!(world.meter.webhook_refused().len(), lines());

    // A genuine receipt is taken as ever, and its invocation reports the rest.
    tokio::time::sleep(A_MINUTE).await;
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);
    assert_eq!(world.meter.webhook_refused().iter().sum::<u64>(), CALLS);
}

#[tokio::test(start_paused = true)]
async fn the_receipts_of_a_busy_channel_cost_one_read_of_the_channels_in_ten_seconds() {
    let usage = DatabaseUsage::default();
    let world = counted_world(&usage).await;
    for _ in 0..600 {
        assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let used = usage.by_operation();
    assert!(used["Query"].requests <= 7, "{used:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_is_known_within_a_second_and_a_deleted_one_is_refused_within_ten() {
    let world = world().await;
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);
    let made = world.operate("POST", &format!("{CHANNEL}/receipt-secrets"), &[], "").await;
    let path = made.body["path"].as_str().expect("a path");
    tokio::time::sleep(A_SECOND).await;
    assert_eq!(world.webhook(path, foreign()).await.0, 200);
    let local = format!("{CHANNEL}/receipt-secrets/local");
    assert_eq!(world.operate("DELETE", &local, &[], "").await.status, 204);
    tokio::time::sleep(10 * A_SECOND).await;
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 404);
    assert_eq!(world.webhook(path, foreign()).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_new_channel_is_known_within_a_second() {
    let world = world().await;
    assert_eq!(world.webhook("/webhooks/spare/guess", foreign()).await.0, 404);
    let mut channel = world.operate("GET", CHANNEL, &[], "").await.body;
    channel["name"] = json!("spare");
    channel["receipt_secrets"] = json!([]);
    let create = [("if-none-match", "*")];
    let made = world.operate("PUT", "/v1/channels/spare", &create, channel).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = world.operate("POST", "/v1/channels/spare/receipt-secrets", &[], "").await;
    tokio::time::sleep(A_SECOND).await;
    let path = made.body["path"].as_str().expect("a path");
    assert_eq!(world.webhook(path, foreign()).await.0, 200);
}

/// What an answer says of the caller: each request has an id of its own.
fn without_request_id(answer: (StatusCode, Value)) -> (StatusCode, Value) {
    let (status, mut body) = answer;
    body["request_id"] = Value::Null;
    (status, body)
}

#[tokio::test(start_paused = true)]
async fn receipts_from_another_address_than_the_listed_ones_are_refused_like_a_wrong_secret() {
    let world = world().await;
    take_receipts_only_from(&world, &["203.0.113.0/28", "2001:db8::/64"]).await;
    let from = async |source: &str| {
        let source = source.parse().expect("an address");
        world.webhook_from(source, &webhook_path(), foreign()).await
    };
    for source in ["203.0.113.15", "::ffff:203.0.113.1", "2001:db8::1"] {
        assert_eq!(from(source).await.0, 200, "{source}");
    }
    assert_eq!(world.meter.webhook_refused(), [0; 0]);
    let wrong_secret = world.webhook("/webhooks/alimtalk-main/guess", foreign()).await;
    assert_eq!(wrong_secret.0, 404);
    let wrong_secret = without_request_id(wrong_secret);
    for source in ["203.0.113.16", "::ffff:203.0.113.16", "2001:db8:0:1::1", "127.0.0.1"] {
        assert_eq!(without_request_id(from(source).await), wrong_secret, "{source}");
    }
    // Without a known address, nothing shows that the caller is the provider.
    let unknown = world.webhook(&webhook_path(), foreign()).await;
    assert_eq!(without_request_id(unknown), wrong_secret);
    tokio::time::sleep(A_MINUTE).await;
    assert_eq!(from("2001:db8::1").await.0, 200);
    assert_eq!(world.meter.webhook_refused(), [1, 5]);
}

/// The channels can be read, but nothing can be recorded.
#[tokio::test(start_paused = true)]
async fn a_call_from_another_address_puts_nothing_into_the_receipt_queue() {
    let world = world().await;
    take_receipts_only_from(&world, &["203.0.113.0/28"]).await;
    world.faults.pass(1);
    (0..100).for_each(|_| world.faults.add(DatabaseFault::Refused));
    let another = "198.51.100.1".parse().expect("an address");
    let (answered, _) = world.webhook_from(another, &webhook_path(), foreign()).await;
    assert_eq!(answered, 404);
    assert_eq!(world.stack.receipt_queue.sent(), 0);
}

/// No request to the database succeeds until the test clears its faults.
fn stop_the_database(world: &World) {
    (0..10_000).for_each(|_| world.faults.add(DatabaseFault::Refused));
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_a_flood_is_refused_by_the_hashes_that_were_read_before_it() {
    let world = world().await;
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);
    // The channels no longer count as current.
    tokio::time::sleep(A_MINUTE).await;
    stop_the_database(&world);
    for n in 0..100 {
        let unknown_channel = format!("/webhooks/channel-{n}/guessed");
        for path in [GUESSED, &unknown_channel] {
            assert_eq!(world.webhook(path, foreign()).await.0, 404, "{path}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.stack.receipt_queue.sent(), 0);
    // The provider's receipts wait in the queue.
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);
    assert_eq!(world.stack.receipt_queue.sent(), 1);
    world.faults.clear();
    tokio::time::sleep(A_MINUTE).await;
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);
    assert_eq!(world.meter.webhook_refused().iter().sum::<u64>(), 200);
}

/// After so long an outage, a secret that is not known may well be a new one.
#[tokio::test(start_paused = true)]
async fn hashes_that_were_read_more_than_twelve_hours_ago_refuse_nobody() {
    let world = world().await;
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);
    stop_the_database(&world);
    tokio::time::sleep(Duration::from_secs(12 * 3600 - 60)).await;
    assert_eq!(world.webhook(GUESSED, foreign()).await.0, 404);
    tokio::time::sleep(2 * A_MINUTE).await;
    assert_eq!(world.webhook(GUESSED, foreign()).await.0, 200);
    assert_eq!(world.stack.receipt_queue.sent(), 1);
}

/// The hash is not among those that this process has read.
#[tokio::test(start_paused = true)]
async fn a_request_in_the_queue_is_never_refused_by_hashes_that_were_read_before_an_outage() {
    let world = world().await;
    stop_the_database(&world);
    let made_meanwhile = "/webhooks/alimtalk-main/made-meanwhile";
    assert_eq!(world.webhook(made_meanwhile, foreign()).await.0, 200);
    let waiting = world.stack.receipt_queue.waiting();
    assert_eq!(waiting.len(), 1);
    world.faults.clear();
    tokio::time::sleep(A_MINUTE).await;
    assert_eq!(world.webhook(&webhook_path(), foreign()).await.0, 200);

    tokio::time::sleep(A_MINUTE).await;
    stop_the_database(&world);
    world.start_crashable_receipts(&CrashPoint::never());
    tokio::time::sleep(A_MINUTE).await;
    assert!(!world.stack.receipt_queue.is_empty(), "it was dropped");
    assert_eq!(world.meter.webhook_refused(), [0; 0]);
    world.faults.clear();
    tokio::time::sleep(5 * A_MINUTE).await;
    assert!(world.stack.receipt_queue.is_empty());
    assert_eq!(world.meter.webhook_refused(), [1]);
}
