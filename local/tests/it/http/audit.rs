//! What producers read and cancel is on record, and a record that cannot be stored stops none of them.

use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::requests::{id, post, send, sequence, step, valid, world};

async fn records(world: &World) -> Vec<Value> {
    let answer = world.operate("GET", "/v1/ops/audit?day=2026-03-02", &[], "").await;
    let items = answer.body["items"].as_array().cloned().expect("items");
    items.into_iter().filter(|item| item["action"] != "GET /v1/ops/audit").collect()
}

#[tokio::test(start_paused = true)]
async fn reads_and_cancellations_are_recorded_and_creations_are_not() {
    let world = world().await;
    let single = post(&world, "/v1/notifications", "k", &valid()).await;
    let made = post(&world, "/v1/sequences", "k", &sequence(&[step("photo-and-video")])).await;
    assert_eq!(records(&world).await, Vec::<Value>::new());
    let shop = world.stack.enqueue_called_by(|_| Some("shop".to_owned()));
    let of_single = format!("/v1/notifications/{}", id(&single));
    send(&shop, "GET", &of_single, None, &Value::Null).await;
    for (method, path) in [
        ("GET", of_single.clone()),
        ("POST", format!("{of_single}/cancel")),
        ("GET", format!("/v1/sequences/{}", id(&made))),
        ("POST", format!("/v1/sequences/{}/cancel", id(&made))),
    ] {
        assert_eq!(world.produce(method, &path, None, "").await.0, 200, "{path}");
    }
    let of_a_step = &made["steps"][0]["notifications"][0];
    let expected = |actor: &str, action: &str, of: &Value, status: u16| {
        let mut subject = json!({ "id": of["id"] });
        if status == 200 {
            let shown = if of["steps"].is_null() { of } else { of_a_step };
            subject["recipient"] = shown["recipient"]["id"].clone();
        }
        json!({ "actor": actor, "action": action, "subject": subject, "status": status })
    };
    let mut found = records(&world).await;
    for record in &mut found {
        let record = record.as_object_mut().expect("an object");
        record.retain(|name, _| ["actor", "action", "subject", "status"].contains(&name.as_str()));
    }
    let expected = [
        // Another producer learns nothing, and its attempt is on record.
        expected("shop", "GET /v1/notifications/{id}", &single, 404),
        expected("local", "GET /v1/notifications/{id}", &single, 200),
        expected("local", "POST /v1/notifications/{id}/cancel", &single, 200),
        expected("local", "GET /v1/sequences/{id}", &made, 200),
        expected("local", "POST /v1/sequences/{id}/cancel", &made, 200),
    ];
    assert_eq!(json!(found), json!(expected));
}

/// Only the writes of records fail, at every place among the requests to the database.
#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_stored_stops_no_read_and_no_cancellation() {
    let world = world().await;
    let (mut without_record, mut refused) = (0, 0);
    for passed in 0..12 {
        let single = post(&world, "/v1/notifications", &format!("k{passed}"), &valid()).await;
        let path = format!("/v1/notifications/{}/cancel", id(&single));
        let before = records(&world).await.len();
        world.faults.pass(passed);
        // As many as the client tries one request.
        (0..5).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let status = world.produce("POST", &path, None, "").await.0;
        world.faults.clear();
        assert!(passed > 0 || status == 200, "the first request is the record's");
        match (status.as_u16(), records(&world).await.len() - before) {
            (200, 0) => without_record += 1,
            (200, 1) => {}
            (503, _) => refused += 1,
            other => panic!("after {passed} requests: {other:?}"),
        }
    }
    assert!(without_record <= 1 && refused > 0, "{without_record} and {refused}");
    let read = post(&world, "/v1/notifications", "read", &valid()).await;
    let path = format!("/v1/notifications/{}", id(&read));
    let mut before = records(&world).await.len();
    // The producers, the notification and what it waits for are read; then the record is refused.
    let mut shown = 0;
    for passed in 0..12 {
        world.faults.pass(passed);
        (0..5).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let status = world.produce("GET", &path, None, "").await.0;
        world.faults.clear();
        let count = records(&world).await.len();
        shown += usize::from(status == 200 && count == before);
        before = count;
    }
    assert_eq!(shown, 1, "an answer without a record");
}
