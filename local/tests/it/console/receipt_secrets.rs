//! The secrets of a channel's webhook: each is shown once, several hold at a time, and no change of
//! the channel loses one.

use std::time::Duration;

use alimi::domain::SecretDigest;
use alimi_local::aws::embedded;
use alimi_local::testing::world::{Answer, World};
use serde_json::{Value, json};

use super::operator::{change, detail, get, status_and_field, with, world};

const CHANNEL: &str = "/v1/channels/alimtalk-main";
const SECRETS: &str = "/v1/channels/alimtalk-main/receipt-secrets";

async fn make(world: &World) -> Answer {
    world.operate("POST", SECRETS, &[], "").await
}

/// Makes a secret, and returns the answer's body.
async fn made(world: &World) -> Value {
    let answer = make(world).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

async fn delete(world: &World, id: &str) -> Answer {
    world.operate("DELETE", &format!("{SECRETS}/{id}"), &[], "").await
}

fn text<'a>(made: &'a Value, name: &str) -> &'a str {
    made[name].as_str().unwrap_or_else(|| panic!("no {name}: {made}"))
}

/// The webhook's answer to a receipt that comes to this path, once it knows every change.
async fn answered(world: &World, path: &str) -> u16 {
    tokio::time::sleep(Duration::from_secs(10)).await;
    let receipt =
        json!({ "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "MEDIA": "KAT", "RESULT": "7000" });
    world.webhook(path, receipt).await.0.as_u16()
}

/// The ids of the secrets in the channel's document.
async fn ids(world: &World) -> Vec<String> {
    let channel = get(world, CHANNEL).await.body;
    let secrets = channel["receipt_secrets"].as_array().cloned().unwrap_or_default();
    secrets.iter().map(|secret| text(secret, "id").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_works_and_only_its_hash_is_stored_and_shown_again() {
    let world = world().await;
    let made = made(&world).await;
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    assert_eq!(made["path"], format!("/webhooks/alimtalk-main/{secret}"));
    assert_eq!(answered(&world, text(&made, "path")).await, 200);
    assert_eq!(answered(&world, &format!("/webhooks/alimtalk-main/{id}")).await, 404);

    let shown = get(&world, CHANNEL).await.body;
    let sha256 = String::from(SecretDigest::of(secret));
    let expected = json!({ "id": id, "sha256": sha256, "created_at": made["created_at"] });
    assert_eq!(shown["receipt_secrets"][1], expected);
    assert_eq!(answered(&world, &format!("/webhooks/alimtalk-main/{sha256}")).await, 404);
    let history = get(&world, &format!("{CHANNEL}/history")).await.body;
    let listed = get(&world, "/v1/channels").await.body;
    let scan = json!({ "TableName": embedded::tables().catalog });
    let scan = serde_json::from_value(scan).expect("a request");
    let rows = world.database.scan(scan).expect("the rows");
    let rows = serde_json::to_value(rows).expect("JSON");
    for somewhere in [&shown, &history, &listed, &rows] {
        let somewhere = somewhere.to_string();
        assert!(somewhere.contains(&sha256) && !somewhere.contains(secret), "{somewhere}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_stops_working_and_the_others_go_on() {
    let world = world().await;
    let (first, second) = (made(&world).await, made(&world).await);
    assert_ne!(first["secret"], second["secret"]);
    for path in [text(&first, "path"), text(&second, "path")] {
        assert_eq!(answered(&world, path).await, 200);
    }
    assert_eq!(delete(&world, text(&first, "id")).await.status, 204);
    assert_eq!(answered(&world, text(&first, "path")).await, 404);
    assert_eq!(answered(&world, text(&second, "path")).await, 200);
    assert_eq!(ids(&world).await, ["local", text(&second, "id")]);

    let again = delete(&world, text(&first, "id")).await;
    assert_eq!(status_and_field(&again), (404, "id"), "{}", again.body);
    for id in ["local", text(&second, "id")] {
        assert_eq!(delete(&world, id).await.status, 204, "{id}");
    }
    // Without a secret the webhook accepts nothing.
    assert_eq!(answered(&world, text(&second, "path")).await, 404);
    assert_eq!(ids(&world).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_sixth_secret_is_refused_until_another_one_is_deleted() {
    let world = world().await;
    // The channel has the secret of the local stack already.
    for _ in 0..4 {
        made(&world).await;
    }
    let before = get(&world, CHANNEL).await;
    let refused = make(&world).await;
    assert_eq!(status_and_field(&refused), (409, "receipt_secrets"), "{}", refused.body);
    assert_eq!(refused.body["type"], "/docs/errors.md#limit-reached");
    assert!(detail(&refused).contains("at most 5"), "{}", refused.body);
    assert_eq!(refused.body.get("secret"), None);
    assert_eq!(get(&world, CHANNEL).await, before);

    assert_eq!(delete(&world, "local").await.status, 204);
    assert_eq!(answered(&world, text(&made(&world).await, "path")).await, 200);
    assert_eq!(ids(&world).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_channel_keeps_its_secrets_and_brings_none_of_its_own() {
    let world = world().await;
    let made = made(&world).await;
    let read = get(&world, CHANNEL).await.body;
    let secrets = &read["receipt_secrets"];
    let slower = with(read.clone(), &json!({ "limit": { "per_second": 7 } }));
    for unchanged in [slower.clone(), with(slower.clone(), &json!({ "receipt_secrets": null }))] {
        let changed = change(&world, CHANNEL, &unchanged).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(changed.body["receipt_secrets"], *secrets);
    }
    let own = json!({
        "id": "own", "sha256": "0".repeat(64), "created_at": "2026-03-02T01:00:00Z",
    });
    let mut another_hash = secrets.clone();
    another_hash[1]["sha256"] = own["sha256"].clone();
    for secrets in [json!([own]), json!([secrets[0], secrets[1], own]), another_hash] {
        let changed = with(read.clone(), &json!({ "receipt_secrets": secrets }));
        let refused = change(&world, CHANNEL, &changed).await;
        assert_eq!(status_and_field(&refused), (422, "receipt_secrets"), "{}", refused.body);
    }
    // A digest that is none is refused as any other malformed field.
    let plain = json!([with(own, &json!({ "sha256": "a-plain-secret" }))]);
    let plain = with(read.clone(), &json!({ "receipt_secrets": plain }));
    let refused = change(&world, CHANNEL, &plain).await;
    assert_eq!(status_and_field(&refused), (422, "receipt_secrets[0].sha256"));
    assert!(!refused.body.to_string().contains("a-plain-secret"), "{}", refused.body);
    assert_eq!(get(&world, CHANNEL).await.body["receipt_secrets"], *secrets);
    assert_eq!(answered(&world, text(&made, "path")).await, 200);
}

/// The second request comes before, during or after the first one.
#[tokio::test(start_paused = true)]
async fn secrets_that_are_made_at_the_same_time_do_not_lose_each_other() {
    for wait_ms in 0..12 {
        let world = world().await;
        let other = async {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            made(&world).await
        };
        let (one, other) = futures::future::join(made(&world), other).await;
        for made in [&one, &other] {
            assert_eq!(answered(&world, text(made, "path")).await, 200, "{wait_ms} ms");
        }
        assert_eq!(ids(&world).await.len(), 3, "{wait_ms} ms");
    }
}
