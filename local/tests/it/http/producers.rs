//! Whom a message belongs to, and what its producer may ask for.

use alimi::http::IdentifyCaller;
use alimi_local::testing::world::World;
use axum::Router;
use serde_json::{Value, json};

use super::requests::{create, id, post, send, sequence, step, valid, with, world};

/// A world with the producer `shop`, which may send one template, and no real-time messages.
async fn world_with_shop() -> World {
    let world = world().await;
    let shop = json!({
        "principals": ["shop-backend", "shop-batch"],
        "grants": { "templates": ["photo-and-video"], "priority_min": 1 },
    });
    create(&world, "/v1/producers/shop", shop).await;
    world
}

fn called_by(world: &World, callers: IdentifyCaller) -> Router {
    world.stack.enqueue_called_by(callers)
}

/// What the producer `shop` may send.
fn scheduled() -> Value {
    with("/priority", json!(1))
}

#[tokio::test(start_paused = true)]
async fn a_producer_can_neither_read_nor_cancel_the_messages_of_another_one() {
    let world = world().await;
    let single = post(&world, "/v1/notifications", "k", &valid()).await;
    let steps = [step("consultation-start"), step("photo-and-video")];
    let made = post(&world, "/v1/sequences", "k", &sequence(&steps)).await;
    let of_a_step = &made["steps"][0]["notifications"][0];
    let own = [
        format!("/v1/notifications/{}", id(&single)),
        format!("/v1/notifications/{}", id(of_a_step)),
        format!("/v1/sequences/{}", id(&made)),
    ];
    let other = called_by(&world, |_| Some("other-service".to_owned()));
    for path in &own {
        for (method, path) in [("GET", path.clone()), ("POST", format!("{path}/cancel"))] {
            let answer = send(&other, method, &path, None, &Value::Null).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
            assert_eq!(answer.body["field"], "id", "{method} {path}");
        }
    }
    for path in &own {
        assert_eq!(world.produce("GET", path, None, "").await.0, 200, "{path}");
    }
    assert!(world.notifications().values().all(|stored| !stored.status.is_terminal()));
}

#[tokio::test(start_paused = true)]
async fn all_roles_of_a_producer_share_its_messages_and_its_idempotency_keys() {
    let world = world_with_shop().await;
    let backend = called_by(&world, |_| Some("shop-backend".to_owned()));
    let batch = called_by(&world, |_| Some("shop-batch".to_owned()));
    let made = send(&backend, "POST", "/v1/notifications", Some("k"), &scheduled()).await;
    assert_eq!(made.status, 202, "{}", made.body);
    let found = send(&batch, "POST", "/v1/notifications", Some("k"), &scheduled()).await;
    assert_eq!(found.status, 200, "{}", found.body);
    assert_eq!(found.body["id"], made.body["id"]);
    let cancel = format!("/v1/notifications/{}/cancel", id(&made.body));
    let cancelled = send(&batch, "POST", &cancel, None, &Value::Null).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    assert_eq!(cancelled.body["status"], "cancelled");
    assert_eq!(world.notification(id(&made.body)).await.owner, "shop");
}

#[tokio::test(start_paused = true)]
async fn a_template_or_a_priority_that_a_producer_is_not_granted_is_refused() {
    let world = world_with_shop().await;
    let shop = called_by(&world, |_| Some("shop-backend".to_owned()));
    let mut other_template = scheduled();
    other_template["template"] = json!("consultation-start");
    for (body, field) in [
        (other_template.clone(), "template"),
        (valid(), "priority"),
        (with("/priority", json!(0)), "priority"),
    ] {
        let refused = send(&shop, "POST", "/v1/notifications", Some("no"), &body).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
        assert_eq!(refused.body["field"], field, "{body}: {}", refused.body);
    }
    let steps = [step("photo-and-video"), step("consultation-start")];
    let real_time = sequence(&steps);
    let mut not_granted = real_time.clone();
    not_granted["priority"] = json!(1);
    for (body, field) in [(real_time, "priority"), (not_granted, "steps[1].template")] {
        let refused = send(&shop, "POST", "/v1/sequences", Some("no"), &body).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert_eq!(refused.body["field"], field, "{}", refused.body);
    }
    assert!(world.stored().sequences.is_empty() && world.notifications().is_empty());

    let many = json!([scheduled(), other_template]);
    let answer = send(&shop, "POST", "/v1/notifications", Some("many"), &many).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.body["items"][1]["problem"]["field"], "[1].template");
    assert_eq!(world.notifications().len(), 1);
}

/// Otherwise anybody who may create roles could read and cancel the messages of a producer.
#[tokio::test(start_paused = true)]
async fn a_role_with_the_name_of_a_producer_that_does_not_list_it_is_refused() {
    let world = world_with_shop().await;
    let backend = called_by(&world, |_| Some("shop-backend".to_owned()));
    let made = send(&backend, "POST", "/v1/notifications", Some("k"), &scheduled()).await;
    assert_eq!(made.status, 202, "{}", made.body);
    let own = format!("/v1/notifications/{}", id(&made.body));
    let cancel = format!("{own}/cancel");
    let callers: [IdentifyCaller; 4] = [
        |_| Some("shop".to_owned()),
        |_| Some("Shop".to_owned()),
        |_| Some("alimi".to_owned()),
        |_| Some("schedules".to_owned()),
    ];
    for caller in callers {
        let enqueue = called_by(&world, caller);
        for (method, path, body) in [
            ("POST", "/v1/notifications", scheduled()),
            ("POST", "/v1/sequences", sequence(&[step("photo-and-video")])),
            ("GET", own.as_str(), Value::Null),
            ("POST", cancel.as_str(), Value::Null),
        ] {
            let refused = send(&enqueue, method, path, Some("k"), &body).await;
            assert_eq!(refused.status, 403, "{method} {path}: {}", refused.body);
            assert_eq!(refused.body["type"], "/docs/errors.md#no-producer");
            assert_eq!(refused.body["field"], "Authorization");
        }
    }
    assert_eq!(world.notifications().len(), 1);
    assert!(!world.notification(id(&made.body)).await.status.is_terminal());
}
