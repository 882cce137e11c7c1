//! Under one idempotency key exactly one request is stored, whether it asks for one notification or
//! for many, even if the first of many is invalid.

use std::time::Duration;

use alimi::domain::{NotificationId, RequestKey, Status};
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{Answer, SETTLES_WITHIN, World};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::requests::{create, send, valid, with, world};

const PATH: &str = "/v1/notifications";

fn invalid() -> Value {
    with("/to/phone", json!("x"))
}

/// A request for many whose first item is valid or not. Two of its items are valid, or all three.
fn many(is_first_valid: bool) -> Value {
    json!([if is_first_valid { valid() } else { invalid() }, valid(), valid()])
}

/// The id of the first notification of a request.
fn first_id(key: &str) -> NotificationId {
    let route = "POST /v1/notifications";
    RequestKey { producer: "local", route, idempotency_key: key }.notification_id(0)
}

async fn request(world: &World, key: &str, body: &Value) -> (StatusCode, Value) {
    world.produce("POST", PATH, Some(key), body).await
}

/// Expects that the key belongs to another request.
async fn check_refused(world: &World, key: &str, body: &Value) {
    let (status, problem) = request(world, key, body).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["type"], "urn:alimi:problem:key-reused", "{problem}");
    assert_eq!(problem["field"], "Idempotency-Key");
}

#[tokio::test(start_paused = true)]
async fn a_bulk_request_keeps_its_key_when_its_first_item_is_invalid() {
    let world = world().await;
    let bulk = json!([invalid(), valid()]);
    let (status, answer) = request(&world, "k", &bulk).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["items"][0]["problem"]["field"], "to.phone");
    check_refused(&world, "k", &valid()).await;
    // Of a request that is invalid as well, the key is at fault.
    check_refused(&world, "k", &with("/template", json!("nope"))).await;
    check_refused(&world, "k", &json!([valid()])).await;
    check_refused(&world, "k", &json!([invalid(), invalid()])).await;
    assert_eq!(world.notifications().len(), 1);

    let (status, again) = request(&world, "k", &bulk).await;
    assert_eq!(status, 200, "{again}");
    assert_eq!(again["items"][0]["problem"]["field"], "to.phone");
    assert_eq!(again["items"][1]["id"], answer["items"][1]["id"]);
    assert_eq!(world.notifications().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bulk_request_without_a_valid_item_leaves_its_key_free() {
    for later in [valid(), json!([valid()]), json!([invalid(), valid()])] {
        let world = world().await;
        let (status, _) = request(&world, "k", &json!([invalid(), 7])).await;
        assert_eq!(status, 422);
        let (status, answer) = request(&world, "k", &later).await;
        assert_eq!(status, 202, "{answer}");
        assert_eq!(world.notifications().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_holds_the_place_of_an_invalid_item_is_no_notification() {
    let world = world().await;
    world.start_senders();
    let (status, _) = request(&world, "k", &json!([invalid(), valid()])).await;
    assert_eq!(status, 202);
    let id = first_id("k");
    for (method, path) in [("GET", format!("{PATH}/{id}")), ("POST", format!("{PATH}/{id}/cancel"))]
    {
        assert_eq!(world.produce(method, &path, None, "").await.0, 404, "{method} {path}");
    }
    let ops = world.operate("GET", &format!("/v1/ops/notifications/{id}"), &[], "").await;
    assert_eq!(ops.status, 404);
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(40);
    let all = world.notifications();
    assert!(!all.contains_key(&id));
    assert_eq!(all.into_values().map(|n| n.status).collect::<Vec<_>>(), [Status::Delivered]);
}

/// An item that is invalid now may be valid when the request is repeated. This holds for the first
/// item too.
#[tokio::test(start_paused = true)]
async fn a_repeated_bulk_request_stores_its_first_item_once_it_has_become_valid() {
    let world = world().await;
    let bulk = json!([with("/template", json!("later")), valid()]);
    let (status, answer) = request(&world, "k", &bulk).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["items"][0]["problem"]["field"], "template");
    let content = json!({ "type": "alimtalk", "code": "LATER_01", "body": "안녕하세요." });
    let template = json!({
        "category": "informational",
        "variants": [{ "channel": "alimtalk-main", "content": content }],
    });
    create(&world, "/v1/templates/later", template).await;
    check_refused(&world, "k", &with("/template", json!("later"))).await;
    let (status, answer) = request(&world, "k", &bulk).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["items"][0]["new"], true);
    assert_eq!(answer["items"][0]["id"], first_id("k").as_str());
    assert_eq!(answer["items"][1]["new"], false);
    let (status, _) = request(&world, "k", &bulk).await;
    assert_eq!(status, 200);
    assert_eq!(world.notifications().len(), 2);
}

/// Of the answers to a request for one and to a request for many, exactly one is a success.
fn many_won(one: &Answer, many: &Answer) -> bool {
    let (lost, won) = if one.status == 422 { (one, many) } else { (many, one) };
    assert_eq!(won.status, 202, "{}", won.body);
    assert_eq!(lost.status, 422, "{}", lost.body);
    assert_eq!(lost.body["field"], "Idempotency-Key", "{}", lost.body);
    won.body["items"].is_array()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_requests_that_race_under_one_key_on_several_threads_one_is_stored() {
    let world = world().await;
    let mut stored = 0;
    for round in 0..30 {
        let is_first_valid = round % 2 == 0;
        let requests = [valid(), many(is_first_valid)].map(|body| {
            let (enqueue, key) = (world.stack.enqueue.clone(), format!("k{round}"));
            tokio::spawn(async move { send(&enqueue, "POST", PATH, Some(&key), &body).await })
        });
        let [one, all] = requests;
        let (one, all) = (one.await.expect("no panic"), all.await.expect("no panic"));
        let of_many = if is_first_valid { 3 } else { 2 };
        stored += if many_won(&one, &all) { of_many } else { 1 };
        assert_eq!(world.notifications().len(), stored, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_bulk_requests_that_race_under_one_key_one_is_stored() {
    let world = world().await;
    for round in 0..30 {
        let key = format!("k{round}");
        let bodies = [many(round % 2 == 0), many(round % 3 == 0), json!([valid(), valid()])];
        let requests = bodies.clone().map(|body| {
            let (enqueue, key) = (world.stack.enqueue.clone(), key.clone());
            tokio::spawn(async move { send(&enqueue, "POST", PATH, Some(&key), &body).await })
        });
        for request in requests {
            request.await.expect("no panic");
        }
        // Two of the bodies may be equal, and then both of their requests succeed.
        let mut won = Vec::new();
        for body in bodies {
            let (status, answer) = request(&world, &key, &body).await;
            match status.as_u16() {
                200 => won.push(body),
                422 => assert_eq!(answer["field"], "Idempotency-Key", "round {round}: {answer}"),
                other => panic!("round {round}: {other} {answer}"),
            }
        }
        won.dedup();
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
    }
}

/// One of two requests crashes at any of its awaits while the other one is being answered. Both are
/// repeated then.
#[tokio::test(start_paused = true)]
async fn of_two_requests_under_one_key_one_is_stored_wherever_one_of_them_crashes() {
    let (mut single_won, mut bulk_won) = (0, 0);
    for (is_first_valid, crashes_many) in
        [(true, true), (false, true), (true, false), (false, false)]
    {
        for delay_ms in [0, 40, 80] {
            for steps in 0.. {
                let case = format!("{is_first_valid} {crashes_many} {delay_ms} {steps}");
                let world = world().await;
                let (crash, never) = (CrashPoint::after(steps), CrashPoint::never());
                let (of_one, of_many) =
                    if crashes_many { (&never, &crash) } else { (&crash, &never) };
                let (one, all) = (valid(), many(is_first_valid));
                let (first_one, first_all) = futures::join!(
                    async {
                        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                        of_one.run(request(&world, "k", &one)).await
                    },
                    of_many.run(request(&world, "k", &all)),
                );
                let one = request(&world, "k", &one).await.0;
                let all = request(&world, "k", &all).await.0;
                let is_won = |status: StatusCode| status.is_success();
                assert_ne!(is_won(one), is_won(all), "{case}: {one} {all}");
                for (early, late) in [(first_one, one), (first_all, all)] {
                    let Some((early, answer)) = early else { continue };
                    assert_eq!(is_won(early), is_won(late), "{case}: {early} {answer}");
                    assert!(is_won(early) || early == 422, "{case}: {early} {answer}");
                }
                let of_many = if is_first_valid { 3 } else { 2 };
                let expected = if is_won(all) { of_many } else { 1 };
                assert_eq!(world.notifications().len(), expected, "{case}");
                if is_won(all) {
                    bulk_won += 1;
                } else {
                    single_won += 1;
                }
                if !crash.was_reached() {
                    assert!(steps > 5, "{case}: only {steps} crashes");
                    break;
                }
            }
        }
    }
    assert!(single_won > 10 && bulk_won > 10, "{single_won} {bulk_won}");
}
