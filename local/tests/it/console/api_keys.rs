//! The API keys of a producer: each is shown once, and no change of the producer loses one.

use std::time::Duration;

use alimi::domain::SecretDigest;
use alimi_local::aws::embedded;
use alimi_local::testing::world::{Answer, World};
use serde_json::{Value, json};

use super::operator::{change, create, detail, get, status_and_field, with, world};

const PRODUCER: &str = "/v1/producers/shop";
const KEYS: &str = "/v1/producers/shop/keys";

async fn world_with_shop() -> World {
    let world = world().await;
    create(&world, PRODUCER, json!({ "principals": ["shop-backend"] })).await;
    world
}

async fn make(world: &World, body: impl ToString) -> Answer {
    world.operate("POST", KEYS, &[], body).await
}

/// Makes a key, and returns the answer's body.
async fn made(world: &World) -> Value {
    let answer = make(world, "").await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

async fn delete(world: &World, id: &str) -> Answer {
    world.operate("DELETE", &format!("{KEYS}/{id}"), &[], "").await
}

fn text<'a>(made: &'a Value, name: &str) -> &'a str {
    made[name].as_str().unwrap_or_else(|| panic!("no {name}: {made}"))
}

async fn listed(world: &World) -> Vec<Value> {
    let listed = get(world, KEYS).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    listed.body["items"].as_array().expect("items").clone()
}

async fn ids(world: &World) -> Vec<String> {
    listed(world).await.iter().map(|key| text(key, "id").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_once_and_only_its_hash_is_stored() {
    let world = world_with_shop().await;
    let answer = make(&world, "").await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.body;
    let (id, key) = (text(&made, "id"), text(&made, "key"));
    assert!(key.starts_with(&format!("ak_{id}_")) && id.starts_with("shop."), "{made}");
    let expected = json!({
        "id": id, "scopes": ["notifications:read", "notifications:write"], "expires_at": null,
        "created_at": made["created_at"], "created_by": "local", "has_expired": false,
        "last_used_at": null,
    });
    assert_eq!(listed(&world).await, [expected]);

    let shown = get(&world, PRODUCER).await.body;
    let sha256 = String::from(SecretDigest::of(key));
    assert_eq!(shown["keys"][0]["sha256"], sha256);
    let history = get(&world, &format!("{PRODUCER}/history")).await.body;
    let listed = get(&world, "/v1/producers").await.body;
    let scan = json!({ "TableName": embedded::tables().catalog });
    let scan = serde_json::from_value(scan).expect("a request");
    let rows = world.database.scan(scan).expect("the rows");
    let rows = serde_json::to_value(rows).expect("JSON");
    let secret = key.rsplit_once('_').expect("a secret").1;
    for somewhere in [&shown, &history, &listed, &rows] {
        let somewhere = somewhere.to_string();
        assert!(somewhere.contains(&sha256) && !somewhere.contains(secret), "{somewhere}");
    }
    assert_eq!(history["items"][0]["changed_by"], "local", "{history}");
}

#[tokio::test(start_paused = true)]
async fn a_key_has_the_scopes_and_the_end_that_were_asked_for() {
    let world = world_with_shop().await;
    let wanted = json!({
        "scopes": ["notifications:write"], "expires_at": "2026-03-02T10:00:01+09:00",
    });
    let answer = make(&world, wanted).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["scopes"], json!(["notifications:write"]));
    assert_eq!(answer.body["expires_at"], "2026-03-02T01:00:01Z");
    for (wanted, status, field) in [
        (json!({ "scopes": [] }), 422, "scopes"),
        (json!({ "scopes": ["admin"] }), 422, "scopes[0]"),
        (json!({ "scopes": "notifications:read" }), 422, "scopes"),
        // The world begins at 10:00 in Seoul.
        (json!({ "expires_at": "2026-03-02T10:00:00+09:00" }), 422, "expires_at"),
        (json!({ "expires_at": "tomorrow" }), 422, "expires_at"),
        (json!({ "scope": ["notifications:read"] }), 422, "scope"),
        (json!([]), 422, "body"),
    ] {
        let refused = make(&world, &wanted).await;
        assert_eq!(status_and_field(&refused), (status, field), "{wanted}: {}", refused.body);
    }
    let malformed = make(&world, "{").await;
    assert_eq!(status_and_field(&malformed), (400, "body"), "{}", malformed.body);
    assert_eq!(ids(&world).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_eleventh_key_is_refused_until_another_one_is_deleted() {
    let world = world_with_shop().await;
    for _ in 0..10 {
        made(&world).await;
    }
    let refused = make(&world, "").await;
    assert_eq!(status_and_field(&refused), (409, "keys"), "{}", refused.body);
    assert_eq!(refused.body["type"], "/docs/errors.md#limit-reached");
    assert!(detail(&refused).contains("at most 10"), "{}", refused.body);
    let first = ids(&world).await[0].clone();
    assert_eq!(delete(&world, &first).await.status, 204);
    let made = made(&world).await;
    let ids = ids(&world).await;
    assert!(ids.len() == 10 && !ids.contains(&first), "{ids:?}");
    assert_eq!(ids[9], text(&made, "id"));
    let again = delete(&world, &first).await;
    assert_eq!(status_and_field(&again), (404, "id"), "{}", again.body);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_producer_keeps_its_keys_and_brings_none_of_its_own() {
    let world = world_with_shop().await;
    made(&world).await;
    let read = get(&world, PRODUCER).await.body;
    let keys = &read["keys"];
    let more = with(read.clone(), &json!({ "principals": ["shop-backend", "shop-batch"] }));
    for unchanged in [more.clone(), with(more, &json!({ "keys": null }))] {
        let changed = change(&world, PRODUCER, &unchanged).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(changed.body["keys"], *keys);
    }
    let mut more_scopes = keys.clone();
    more_scopes[0]["scopes"] = json!(["notifications:read"]);
    let mut another_hash = keys.clone();
    another_hash[0]["sha256"] = json!("0".repeat(64));
    for keys in [more_scopes, another_hash, json!([keys[0], keys[0]])] {
        let changed = with(read.clone(), &json!({ "keys": keys }));
        let refused = change(&world, PRODUCER, &changed).await;
        assert_eq!(status_and_field(&refused), (422, "keys"), "{}", refused.body);
    }
    let new = json!({ "keys": keys });
    let refused =
        world.operate("PUT", "/v1/producers/other", &[super::operator::CREATE], new).await;
    assert_eq!(status_and_field(&refused), (422, "keys"), "{}", refused.body);
    assert_eq!(get(&world, PRODUCER).await.body["keys"], *keys);
}

/// The second request comes before, during or after the first one.
#[tokio::test(start_paused = true)]
async fn keys_that_are_made_at_the_same_time_do_not_lose_each_other() {
    for wait_ms in 0..12 {
        let world = world_with_shop().await;
        let other = async {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            made(&world).await
        };
        let (one, other) = futures::future::join(made(&world), other).await;
        assert_ne!(one["key"], other["key"], "{wait_ms} ms");
        let ids = ids(&world).await;
        for made in [&one, &other] {
            assert!(ids.contains(&text(made, "id").to_owned()), "{wait_ms} ms: {ids:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_not_stored_has_no_keys() {
    let world = world().await;
    for (method, path) in [("GET", KEYS), ("POST", KEYS), ("DELETE", "/v1/producers/shop/keys/1")] {
        let answer = world.operate(method, path, &[], "").await;
        assert_eq!(status_and_field(&answer), (404, "name"), "{method}: {}", answer.body);
    }
    let answer = world.operate("GET", "/v1/producers/No%20Name/keys", &[], "").await;
    assert_eq!(answer.status, 404, "{}", answer.body);
}
