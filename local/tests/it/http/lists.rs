//! A producer lists its own notifications: by recipient, run, event and tag, page by page.

use std::time::Duration;

use alimi::domain::Status;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{SETTLES_WITHIN, World};
use axum::Router;
use serde_json::{Value, json};

use super::requests::{create, id, post, send, sequence, step, valid, with, world};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT, UNDELIVERED};

const PATH: &str = "/v1/notifications";

/// A message to a recipient, with a tag unless that is empty.
fn message(recipient: &str, tag: &str) -> Value {
    let mut body = with("/to/id", json!(recipient));
    if !tag.is_empty() {
        body["tag"] = json!(tag);
    }
    body
}

async fn list(world: &World, query: &str) -> Value {
    let (status, answer) = world.produce("GET", &format!("{PATH}?{query}"), None, "").await;
    assert_eq!(status, 200, "{query}: {answer}");
    answer
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().expect("items").iter().map(|item| id(item).to_owned()).collect()
}

/// The ids of all pages.
async fn all(world: &World, query: &str) -> Vec<Vec<String>> {
    let mut pages = vec![];
    let mut cursor = String::new();
    for _ in 0..50 {
        let page = list(world, &format!("{query}{cursor}")).await;
        pages.push(ids(&page));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
    panic!("the list does not end: {pages:?}");
}

/// Another producer's routes.
fn shop(world: &World) -> Router {
    world.stack.enqueue_called_by(|_| Some("shop".to_owned()))
}

async fn list_of_shop(world: &World, query: &str) -> Value {
    let path = format!("{PATH}?{query}");
    let answer = send(&shop(world), "GET", &path, None, &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[tokio::test(start_paused = true)]
async fn a_producer_lists_its_own_notifications_by_recipient_and_by_tag() {
    let world = world().await;
    let mut own = vec![];
    for (key, recipient, tag) in
        [("1", "ann", "spring"), ("2", "bob", "spring"), ("3", "ann", ""), ("4", "ann", "autumn")]
    {
        let made = post(&world, PATH, key, &message(recipient, tag)).await;
        own.push(id(&made).to_owned());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Another producer writes to the same person, with the same tag.
    let others = send(&shop(&world), "POST", PATH, Some("1"), &message("ann", "spring")).await;
    assert_eq!(others.status, 202, "{}", others.body);

    let of = |indexes: &[usize]| indexes.iter().map(|it| own[*it].clone()).collect::<Vec<_>>();
    assert_eq!(all(&world, "recipient=ann").await, [of(&[3, 2, 0])]);
    assert_eq!(all(&world, "recipient=ann&limit=2").await, [of(&[3, 2]), of(&[0])]);
    assert_eq!(all(&world, "tag=spring").await, [of(&[1, 0])]);
    assert_eq!(all(&world, "recipient=nobody").await, [of(&[])]);
    assert_eq!(ids(&list_of_shop(&world, "recipient=ann").await), [id(&others.body)]);
    assert_eq!(ids(&list_of_shop(&world, "tag=spring").await), [id(&others.body)]);
    assert_eq!(ids(&list_of_shop(&world, "tag=autumn").await), Vec::<String>::new());
    // No event has made any notification.
    assert_eq!(all(&world, "event=order-7").await, [of(&[])]);
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_each_notification_as_its_own_route_does() {
    let world = world().await;
    world.start_senders();
    let failed = with("/to", json!({ "id": "ann", "phone": UNDELIVERED }));
    post(&world, PATH, "1", &failed).await;
    post(&world, PATH, "2", &message("ann", "")).await;
    let waits = json!({
        "to": { "id": "ann", "phone": NO_RECEIPT },
        "steps": [step("photo-and-video"), step("photo-and-video")],
    });
    post(&world, "/v1/sequences", "s", &waits).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let page = list(&world, "recipient=ann").await;
    let items = page["items"].as_array().expect("items");
    assert_eq!(items.len(), 4);
    for item in items {
        let (_, read) = world.produce("GET", &format!("{PATH}/{}", id(item)), None, "").await;
        assert_eq!(*item, read);
    }
    let with_status =
        |status: &str| items.iter().find(|item| item["status"] == status).expect("an item");
    let told = &with_status("failed")["receipts"][0];
    assert!(told["meaning"]["ko"].is_string() && told["meaning"]["en"].is_string(), "{told}");
    assert_eq!(with_status("blocked")["waiting_for"]["kind"], "predecessor");
    for status in ["accepted", "blocked"] {
        assert_eq!(with_status(status)["sequence"]["status"], "sending");
    }
    assert!(!page.to_string().contains("9002"), "phone numbers are masked");
}

#[tokio::test(start_paused = true)]
async fn a_list_by_status_passes_over_all_others() {
    let world = world().await;
    let many: Vec<Value> = (0..250).map(|_| message("ann", "")).collect();
    post(&world, PATH, "early", &message("ann", "")).await;
    let early = post(&world, PATH, "early-2", &message("ann", "")).await;
    let cancel = format!("{PATH}/{}/cancel", id(&early));
    assert_eq!(world.produce("POST", &cancel, None, "").await.0, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (status, _) = world.produce("POST", PATH, Some("many"), Value::Array(many)).await;
    assert!(status.is_success());
    assert_eq!(all(&world, "recipient=ann&status=cancelled").await, [vec![id(&early).to_owned()]]);
    let queued = all(&world, "recipient=ann&status=queued&limit=100").await;
    assert_eq!(queued.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 51]);
    let mut distinct = queued.concat();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 251, "no notification is on two pages");
}

/// What one page reads is limited: 500 notifications.
#[tokio::test(start_paused = true)]
async fn a_page_may_be_empty_before_the_last_one() {
    let world = world().await;
    let early = post(&world, PATH, "early", &message("ann", "")).await;
    let cancel = format!("{PATH}/{}/cancel", id(&early));
    assert_eq!(world.produce("POST", &cancel, None, "").await.0, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for key in ["a", "b"] {
        let many: Vec<Value> = (0..300).map(|_| message("ann", "")).collect();
        let (status, _) = world.produce("POST", PATH, Some(key), Value::Array(many)).await;
        assert!(status.is_success());
    }
    let pages = all(&world, "recipient=ann&status=cancelled").await;
    assert_eq!(pages, [vec![], vec![id(&early).to_owned()]]);
}

#[tokio::test(start_paused = true)]
async fn a_producer_lists_what_a_run_has_made() {
    let world = world().await;
    create(&world, "/v1/producers/local", json!({ "principals": ["local"] })).await;
    create(&world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    let members = format!("id,phone,name,code\nt1,{DELIVERED},a,b\nt2,{DELIVERED},a,b\n");
    let path = "/v1/audiences/teachers/members";
    let csv = [("content-type", "text/csv")];
    assert_eq!(world.operate("POST", path, &csv, members).await.status, 200);
    let daily = json!({
        "expression": "cron(0 11 * * ? *)", "template": "photo-and-video", "audience": "teachers",
        "producer": "local",
    });
    create(&world, "/v1/schedules/daily", daily).await;
    world.start_schedules();
    world.start_stream_readers(Duration::from_secs(60), &CrashPoint::never());
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    let runs = world.operate("GET", "/v1/schedules/daily/runs", &[], "").await.body;
    let run = runs["items"].as_array().and_then(|runs| runs.last()).expect("a run");
    let found = list(&world, &format!("run={}", id(run))).await;
    let recipients = found["items"].as_array().expect("items").iter();
    let mut recipients: Vec<_> = recipients.map(|item| item["recipient"]["id"].clone()).collect();
    recipients.sort_by_key(ToString::to_string);
    assert_eq!(recipients, ["t1", "t2"]);
    let others = list_of_shop(&world, &format!("run={}", id(run))).await;
    assert_eq!(others, json!({ "items": [] }));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_belongs_to_its_caller_and_to_its_list() {
    let world = world().await;
    for key in ["1", "2", "3"] {
        post(&world, PATH, key, &message("ann", "spring")).await;
        let others = send(&shop(&world), "POST", PATH, Some(key), &message("ann", "spring")).await;
        assert_eq!(others.status, 202);
    }
    let page = list(&world, "recipient=ann&limit=1").await;
    let cursor = page["next"].as_str().expect("a cursor").to_owned();
    let foreign = list_of_shop(&world, "recipient=ann&limit=1").await;
    let foreign = foreign["next"].as_str().expect("a cursor").to_owned();
    let cut = &cursor[..cursor.len() - 1];
    for query in [
        format!("recipient=ann&cursor={foreign}"),
        format!("recipient=ann&status=queued&cursor={cursor}"),
        format!("recipient=bob&cursor={cursor}"),
        format!("tag=spring&cursor={cursor}"),
        format!("recipient=ann&cursor={cut}"),
        "recipient=ann&cursor=1772413200000%2329698ed96c0fc24da63deffce69aa3".to_owned(),
        "recipient=ann&cursor=".to_owned(),
    ] {
        let (status, problem) = world.produce("GET", &format!("{PATH}?{query}"), None, "").await;
        assert_eq!((status.as_u16(), &problem["field"]), (422, &json!("cursor")), "{query}");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains("Leave cursor out to begin with the first page"), "{detail}");
    }
    // The limit may change from page to page.
    let rest = list(&world, &format!("recipient=ann&limit=9&cursor={cursor}")).await;
    assert_eq!(ids(&rest).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_sequence_tells_how_far_it_has_come() {
    let world = world().await;
    let path = "/v1/sequences";
    let to = |phone: &str| {
        let mut body = sequence(&[step("consultation-start"), step("photo-and-video")]);
        body["to"] = json!({ "id": phone, "phone": phone });
        body
    };
    let cases = [
        ("delivered", DELIVERED, "delivered"),
        ("stopped", UNDELIVERED, "stopped"),
        ("stalled", NO_RECEIPT, "stalled"),
        ("cancelled", DELIVERED, "cancelled"),
    ];
    let mut made = vec![];
    for (key, phone, _) in cases {
        let answer = post(&world, path, key, &to(phone)).await;
        assert_eq!(answer["status"], "waiting");
        made.push(id(&answer).to_owned());
    }
    let cancel = format!("{path}/{}/cancel", made[3]);
    assert_eq!(world.produce("POST", &cancel, None, "").await.1["status"], "cancelled");
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    for (id, (_, phone, expected)) in made.iter().zip(cases) {
        let (_, read) = world.produce("GET", &format!("{path}/{id}"), None, "").await;
        assert_eq!(read["status"], expected, "{read}");
        let phone = phone.replace('+', "%2B");
        let page = list(&world, &format!("recipient={phone}")).await;
        let items = page["items"].as_array().expect("items").iter();
        let mut of_it = items.filter(|item| item["sequence"]["id"] == **id);
        assert!(of_it.all(|item| item["sequence"]["status"] == expected), "{page}");
    }
    let first = &world.notifications();
    assert!(first.values().any(|found| found.status == Status::Unconfirmed));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_asked_for_is_refused_by_the_parameter_at_fault() {
    let world = world().await;
    post(&world, PATH, "1", &valid()).await;
    for (query, field) in [
        ("", "query"),
        ("limit=1", "query"),
        ("recipient=a&tag=b", "tag"),
        ("recipient=", "recipient"),
        ("recipient=a&recipient=a", "recipient"),
        ("recipient=a&status=lost", "status"),
        ("recipient=a&status=Queued", "status"),
        ("run=daily", "run"),
        ("run=daily@", "run"),
        ("event=", "event"),
        ("tag=a%23b", "tag"),
        ("recipient=a&limit=0", "limit"),
        ("recipient=a&limit=501", "limit"),
        ("recipient=a&after=b", "after"),
        ("owner=local", "owner"),
    ] {
        let (status, problem) = world.produce("GET", &format!("{PATH}?{query}"), None, "").await;
        assert_eq!(
            (status.as_u16(), &problem["field"]),
            (400, &json!(field)),
            "{query}: {problem}"
        );
    }
}
