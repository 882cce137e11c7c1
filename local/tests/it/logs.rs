//! No log line contains a phone number, a message text, a variable, a producer's data or a secret.

use std::time::Duration;

use alimi::domain::RunKey;
use alimi::ports::Clock;
use alimi::use_cases::RunOutcome;
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::aws::secrets::WEBHOOK_SECRET;
use alimi_local::simulator::PASSWORD;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::captured_log::CapturedLog;

#[tokio::test(start_paused = true)]
async fn no_log_line_contains_a_number_a_text_a_variable_data_or_a_secret() {
    // The world runs on the thread of this test, so that lines of tests on other threads stay out.
    let log = CapturedLog::start();
    tracing::trace!(target: "alimi", "trace lines are seen");

    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    producers_and_receipts(&world).await;
    operators_and_runs(&world).await;
    let receipt_secret = receipt_secrets_and_a_look_at_a_message(&world).await;

    let logged = log.text();
    // The test sees the lines of every function.
    for word in [
        "trace lines are seen",
        "a sequence stopped",
        "a sequence waits",
        "an attempt ended",
        "drained",
        "refused",
        "members uploaded",
        "a document was saved",
    ] {
        assert!(logged.contains(word), "no line contains {word:?}");
    }
    let lines = logged.lines().count();
    assert!(lines > 20, "only {lines} lines");
    // A warning and no error, because an alarm counts errors.
    let not_scheduled = logged.lines().find(|line| line.contains("a requested run does not start"));
    assert!(not_scheduled.is_some_and(|line| line.contains(" WARN ")), "{not_scheduled:?}");
    let forbidden = [
        "-5678",
        "0101234",
        "010900",
        // Phone numbers are international inside Alimi.
        "+8210",
        "김하나",
        "3월 2일",
        "선생님",
        "secret-code",
        "unused-variable",
        "private-data",
        "text-of-an-operator",
        PASSWORD,
        WEBHOOK_SECRET,
        "guessed-secret",
        receipt_secret.as_str(),
        "token-0",
    ];
    for line in logged.lines() {
        for word in forbidden {
            assert!(!line.contains(word), "{word:?} is in: {line}");
        }
    }
}

/// Every scenario of the provider, an outage, and requests that the API and the webhook refuse.
async fn producers_and_receipts(world: &World) {
    for (index, exchange) in [1234].into_iter().chain(SCENARIOS).enumerate() {
        let mut text = step("consultation-sms");
        text["after"] = json!("failed");
        let body = json!({
            "to": { "id": "teacher", "phone": format!("010-{exchange}-5678") },
            "steps": [step("consultation-start"), text, step("photo-and-video")],
        });
        let key = format!("key-{index}");
        let (status, _) = world.produce("POST", "/v1/sequences", Some(&key), body).await;
        assert_eq!(status, 202);
    }
    world.settle(Duration::from_secs(3 * 3600)).await;
    for (pointer, value) in [
        ("/to/phone", json!("01012345678x")),
        ("/to/phone", json!("+1 010 1234 5678")),
        ("/channel", json!("private-data")),
        ("/tag", json!("private-data and more")),
        ("/data", json!({ "note": "private-data".repeat(100) })),
        ("/variables/name", json!("김하나".repeat(400))),
        ("/variables/name", json!(["김하나"])),
        ("/priority", json!("secret-code")),
    ] {
        let mut invalid = single();
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
        let parent = invalid.pointer_mut(parent).and_then(Value::as_object_mut);
        parent.expect("an object").insert(member.to_owned(), value);
        let refused = world.produce("POST", "/v1/notifications", Some("invalid"), invalid).await;
        assert_eq!(refused.0, 422, "{pointer}: {}", refused.1);
    }
    for _ in 0..10 {
        world.faults.add(DatabaseFault::Refused);
    }
    world.produce("POST", "/v1/notifications", Some("outage"), single()).await;
    world.faults.clear();
    let path = format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}");
    let receipt = json!({ "PHONE": "01012345678", "RESULT": "x y" }).to_string();
    // By now the webhook has to read the channels again, and an outage prevents that. The first call
    // is refused by the hashes that were read before it. The second one waits in the receipt queue.
    tokio::time::sleep(Duration::from_secs(10)).await;
    (0..1_000).for_each(|_| world.faults.add(DatabaseFault::Refused));
    world.webhook("/webhooks/alimtalk-main/guessed-secret", "{}").await;
    world.webhook(&path, &receipt).await;
    assert_eq!(world.stack.receipt_queue.sent(), 1);
    world.faults.clear();
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(world.stack.receipt_queue.is_empty());
    world.webhook("/webhooks/alimtalk-main/guessed-secret", "{}").await;
    world.webhook(&path, &receipt).await;
}

/// Uploads with valid and invalid lines, with and without an outage, a dry run, and a run.
async fn operators_and_runs(world: &World) {
    let create = [("if-none-match", "*")];
    let audience = json!({ "source": { "kind": "members" } });
    world.operate("PUT", "/v1/audiences/teachers", &create, audience).await;
    let schedule = json!({
        "expression": "cron(0 11 * * ? *)", "template": "photo-and-video", "audience": "teachers",
    });
    world.operate("PUT", "/v1/schedules/daily", &create, schedule).await;
    let csv =
        "id,phone,name\nt1,010-1234-5678,김하나\nt2,01012345678x,김하나\n\"t3\"x,01012345678,n\n";
    let upload = "/v1/audiences/teachers/members";
    for _ in 0..2 {
        let answer = world.operate("POST", upload, &[("content-type", "text/csv")], csv).await;
        assert_eq!(answer.status, 200);
        for _ in 0..10 {
            world.faults.add(DatabaseFault::Refused);
        }
        world.operate("POST", upload, &[("content-type", "text/csv")], csv).await;
        world.faults.clear();
    }
    world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    // A firing of a time that the schedule does not have.
    let next_second = Timestamp::from_millisecond(world.clock.now_ms() + 1_000).expect("a time");
    let key = RunKey::new("daily", next_second);
    let report = world.stack.trigger.run(&key, Duration::from_secs(60)).await.expect("a report");
    assert_eq!(report.outcome, RunOutcome::NotScheduled);
}

/// A secret of the webhook is made, used and deleted, and an operator looks at a message whose
/// template has changed. Returns the secret.
async fn receipt_secrets_and_a_look_at_a_message(world: &World) -> String {
    let secrets = "/v1/channels/alimtalk-main/receipt-secrets";
    let made = world.operate("POST", secrets, &[], "").await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = made.body["path"].as_str().expect("a path");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let receipt = json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01012345678", "MEDIA": "KAT",
        "RESULT": "7000",
    });
    assert_eq!(world.webhook(path, &receipt).await.0, 200);
    let id = made.body["id"].as_str().expect("an id");
    let deleted = world.operate("DELETE", &format!("{secrets}/{id}"), &[], "").await;
    assert_eq!(deleted.status, 204);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.webhook(path, &receipt).await.0, 404);

    let (status, posted) =
        world.produce("POST", "/v1/notifications", Some("shown"), single()).await;
    assert_eq!(status, 202, "{posted}");
    let template = "/v1/templates/photo-and-video";
    let read = world.operate("GET", template, &[], "").await;
    let mut changed = read.body;
    changed["variants"][0]["content"]["body"] = json!("text-of-an-operator #{name}");
    let etag = read.etag.expect("an ETag");
    let saved = world.operate("PUT", template, &[("if-match", &etag)], changed).await;
    assert_eq!(saved.status, 200, "{}", saved.body);
    let path = format!("/v1/ops/notifications/{}", posted["id"].as_str().expect("an id"));
    for route in ["", "/text", "/why"] {
        let shown = world.operate("GET", &format!("{path}{route}"), &[], "").await;
        assert_eq!(shown.status, 200, "{route}: {}", shown.body);
    }
    world.settle(Duration::from_secs(3600)).await;
    made.body["secret"].as_str().expect("a secret").to_owned()
}

/// The middle digits of phone numbers that select the scenarios of the simulated provider.
const SCENARIOS: std::ops::RangeInclusive<u32> = 9001..=9020;

/// A valid notification.
fn single() -> Value {
    json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": "01012345678" },
        "variables": variables(), "data": data(),
    })
}

fn step(template: &str) -> Value {
    json!({ "template": template, "variables": variables(), "data": data() })
}

fn variables() -> Value {
    json!({
        "name": "김하나", "date": "3월 2일", "code": "secret-code", "note": "unused-variable",
    })
}

fn data() -> Value {
    json!({ "note": "private-data" })
}
