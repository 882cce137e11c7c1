//! A repeated request is answered with what the first one stored, and stores nothing.

use alimi::http::iam_caller;
use alimi_local::testing::world::{World, operate};
use axum::{Extension, Router};
use lambda_http::request::RequestContext;
use serde_json::{Value, json};

use super::requests::{id, send, sequence, step, valid, with, world};

#[tokio::test(start_paused = true)]
async fn a_request_that_creates_needs_an_idempotency_key() {
    let world = world().await;
    let long = "k".repeat(256);
    for key in [
        None,
        Some(""),
        Some("  "),
        Some(long.as_str()),
        Some("two words"),
        Some("one,two"),
        Some("\"open"),
        Some("\"\""),
    ] {
        for path in ["/v1/notifications", "/v1/sequences"] {
            let (status, problem) = world.produce("POST", path, key, valid()).await;
            assert_eq!(status, 400, "{key:?}");
            assert_eq!(problem["field"], "Idempotency-Key", "{key:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_one_notification_and_refuses_another_body() {
    let world = world().await;
    let path = "/v1/notifications";
    let (first, made) = world.produce("POST", path, Some("k"), valid()).await;
    // The same content, with its members in another order.
    let reordered = format!(
        r#"{{"variables":{{"code":"a1","name":"김하나"}},"to":{},"template":"photo-and-video"}}"#,
        valid()["to"]
    );
    let (second, replayed) = world.produce("POST", path, Some("k"), reordered).await;
    assert_eq!(first, 202);
    assert_eq!(second, 200);
    assert_eq!(made["id"], replayed["id"]);

    let (status, problem) =
        world.produce("POST", path, Some("k"), with("/to/id", json!("other"))).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    let (status, problem) =
        world.produce("POST", path, Some("k"), Value::Array(vec![valid()])).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "Idempotency-Key");
    assert_eq!(world.notifications().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_in_quotes_is_the_same_key() {
    let world = world().await;
    for path in ["/v1/notifications", "/v1/sequences"] {
        let body =
            if path == "/v1/sequences" { sequence(&[step("photo-and-video")]) } else { valid() };
        let (first, made) = world.produce("POST", path, Some("order-17"), &body).await;
        let (second, found) = world.produce("POST", path, Some("\"order-17\""), &body).await;
        assert_eq!((first.as_u16(), second.as_u16()), (202, 200), "{found}");
        assert_eq!(made["id"], found["id"]);
    }
    assert_eq!(world.notifications().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_keys_of_one_request_are_refused() {
    let world = world().await;
    for second in ["k", "other"] {
        let keys = [("idempotency-key", "k"), ("idempotency-key", second)];
        let enqueue = world.stack.enqueue.clone();
        let refused =
            operate(enqueue, "POST", "/v1/notifications", &keys, valid().to_string()).await;
        assert_eq!((refused.status, &refused.body["field"]), (400, &json!("Idempotency-Key")));
    }
    assert!(world.notifications().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_is_answered_even_when_its_template_was_deleted() {
    let world = world().await;
    let path = "/v1/notifications";
    let (_, made) = world.produce("POST", path, Some("k"), valid()).await;
    let delete = json!({
        "TableName": alimi_local::aws::embedded::tables().catalog,
        "Key": { "kind": { "S": "template" }, "name": { "S": "photo-and-video" } },
    });
    let delete = serde_json::from_value(delete).expect("a request");
    world.database.delete_item(delete).expect("deleted");
    let (status, replayed) = world.produce("POST", path, Some("k"), valid()).await;
    assert_eq!(status, 200);
    assert_eq!(replayed["id"], made["id"]);
}

/// The routes of `enqueue` for requests that API Gateway has authenticated as a session of a role.
/// IAM gives each new role a new id, also when the role has the name of a deleted one.
fn called_by_role(world: &World, name: &str, role_id: &str) -> Router {
    let context = json!({
        "authorizer": { "iam": {
            "accountId": "123456789012",
            "callerId": format!("{role_id}:session"),
            "userArn": format!("arn:aws:sts::123456789012:assumed-role/{name}/session"),
            "userId": format!("{role_id}:session"),
        } },
        "http": { "method": "POST" },
    });
    let context = serde_json::from_value(context).expect("a context of API Gateway");
    let context = RequestContext::ApiGatewayV2(context);
    world.stack.enqueue_called_by(iam_caller).layer(Extension(context))
}

#[tokio::test(start_paused = true)]
async fn a_role_that_was_created_again_finds_what_it_stored_before() {
    let world = world().await;
    let first = called_by_role(&world, "shop-backend", "AROAFIRSTEXAMPLE");
    let again = called_by_role(&world, "shop-backend", "AROASECONDEXAMPLE");
    let steps = sequence(&[step("photo-and-video")]);
    for (path, body) in [("/v1/notifications", valid()), ("/v1/sequences", steps)] {
        let made = send(&first, "POST", path, Some("k"), &body).await;
        assert_eq!(made.status, 202, "{}", made.body);
        let found = send(&again, "POST", path, Some("k"), &body).await;
        assert_eq!(found.status, 200, "{}", found.body);
        assert_eq!(found.body["id"], made.body["id"]);
        let own = format!("{path}/{}", id(&made.body));
        assert_eq!(send(&again, "GET", &own, None, &Value::Null).await.status, 200, "{own}");
    }
    assert_eq!(world.notifications().len(), 2);
    assert!(world.notifications().values().all(|stored| stored.owner == "shop-backend"));

    // The same key of another role names another request.
    let other = called_by_role(&world, "school-backend", "AROAFIRSTEXAMPLE");
    let made = send(&other, "POST", "/v1/notifications", Some("k"), &valid()).await;
    assert_eq!(made.status, 202, "{}", made.body);
    assert_eq!(world.notifications().len(), 3);
}
