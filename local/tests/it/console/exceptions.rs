//! An operator lists what needs a person.

use std::time::Duration;

use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::operator::{detail, get, status_and_field, world};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT, REJECTED, UNDELIVERED};

const PATH: &str = "/v1/ops/notifications?exception=alimtalk-main";

async fn post(world: &World, key: &str, phone: &str) -> String {
    let body = json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": phone },
        "variables": { "name": "김하나", "code": "a1" },
    });
    let (status, made) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["id"].as_str().expect("an id")).collect()
}

/// The ids on all pages.
async fn all(world: &World, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (vec![], String::new());
    for _ in 0..20 {
        let page = get(world, &format!("{PATH}{query}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        pages.push(ids(&page.body).into_iter().map(str::to_owned).collect());
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
    panic!("the list does not end: {pages:?}");
}

/// A world in which messages were rejected, undelivered, delivered and left without a receipt, in this
/// order; and the ids of all but the delivered one, in the order in which they came to need a person.
async fn world_with_exceptions() -> (World, Vec<String>) {
    let world = world().await;
    world.start_senders();
    world.start_sweeps();
    let mut found = vec![];
    for (key, phone) in
        [("1", REJECTED), ("2", UNDELIVERED), ("3", DELIVERED), ("4", NO_RECEIPT), ("5", REJECTED)]
    {
        let id = post(&world, key, phone).await;
        if phone != DELIVERED {
            found.push(id);
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    // Without a receipt it takes half an hour.
    found.swap(2, 3);
    (world, found)
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_person_is_listed_by_channel_status_and_reason() {
    let (world, found) = world_with_exceptions().await;
    let of = |indexes: &[usize]| indexes.iter().map(|it| found[*it].clone()).collect::<Vec<_>>();
    assert_eq!(all(&world, "").await, [of(&[0, 1, 2, 3])]);
    assert_eq!(all(&world, "&limit=3").await, [of(&[0, 1, 2]), of(&[3])]);
    assert_eq!(all(&world, "&status=failed").await, [of(&[0, 1, 2])]);
    assert_eq!(all(&world, "&status=failed&limit=2").await, [of(&[0, 1]), of(&[2])]);
    assert_eq!(all(&world, "&status=unconfirmed").await, [of(&[3])]);
    assert_eq!(all(&world, "&reason=rejected").await, [of(&[0, 2])]);
    assert_eq!(all(&world, "&reason=no_receipt&status=failed").await, [of(&[])]);
    assert_eq!(all(&world, "&template=photo-and-video&limit=4").await, [of(&[0, 1, 2, 3])]);
    assert_eq!(all(&world, "&template=consultation-start").await, [of(&[])]);
    assert_eq!(all(&world, "&since=2026-03-02T01:00:30Z").await, [of(&[1, 2, 3])]);
    assert_eq!(all(&world, "&until=2026-03-02T01:00:30Z").await, [of(&[0])]);

    let page = get(&world, PATH).await.body;
    for item in page["items"].as_array().expect("items") {
        let path = format!("/v1/ops/notifications/{}", item["id"].as_str().expect("an id"));
        assert_eq!(*item, get(&world, &path).await.body);
        assert_eq!(item["owner"], "local");
    }
    let rejected = &page["items"][0]["reason"];
    assert!(rejected["meaning"]["ko"].is_string() && rejected["what_to_do"]["en"].is_string());
    let other = get(&world, "/v1/ops/notifications?exception=nowhere").await;
    assert_eq!(other.body, json!({ "items": [] }));
}

#[tokio::test(start_paused = true)]
async fn a_bad_request_for_exceptions_is_refused_by_the_parameter_at_fault() {
    let (world, _) = world_with_exceptions().await;
    for (query, field) in [
        ("", "exception"),
        ("?exception=", "exception"),
        ("?exception=A%20b", "exception"),
        ("?exception=a&status=queued", "status"),
        ("?exception=a&reason=7308", "reason"),
        ("?exception=a&template=%23", "template"),
        ("?exception=a&since=today", "since"),
        ("?exception=a&until=2026-03-02T10:00:00", "until"),
        ("?exception=a&recipient=t", "recipient"),
        ("?exception=a&limit=501", "limit"),
    ] {
        let answer = get(&world, &format!("/v1/ops/notifications{query}")).await;
        assert_eq!(status_and_field(&answer), (400, field), "{query}: {}", answer.body);
    }
    let next = get(&world, &format!("{PATH}&limit=1")).await.body["next"].clone();
    let next = next.as_str().expect("a cursor");
    for query in [format!("{PATH}&status=failed&cursor={next}"), format!("{PATH}&cursor=abc")] {
        let answer = get(&world, &query).await;
        assert_eq!(status_and_field(&answer), (422, "cursor"), "{query}: {}", answer.body);
        assert!(detail(&answer).contains("Leave cursor out to begin with the first page"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_listed_the_exceptions_is_on_record() {
    let world = world().await;
    assert_eq!(get(&world, &format!("{PATH}&status=failed")).await.status, 200);
    let records = get(&world, "/v1/ops/audit?day=2026-03-02").await.body;
    assert_eq!(records["items"][0]["action"], "GET /v1/ops/notifications");
    assert_eq!(records["items"][0]["subject"], json!({ "exception": "alimtalk-main" }));
}
