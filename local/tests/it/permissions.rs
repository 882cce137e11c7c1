//! Every function uses all that its policy in template.yaml permits. The world of every test checks
//! that a function calls nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::aws::{SecretsManager, https_client};
use alimi::domain::{RunKey, Status};
use alimi::ports::{DeadLetterQueue, Scheduler, Secrets, WakeGroup};
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::aws::permissions::{Function, Permissions};
use alimi_local::event_sources;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{Answer, World, WorldSettings};
use alimi_planner::StreamEvent;
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use serde_json::{Value, json};
use strum::VariantArray as _;

use crate::dead_letters::{collect, listed, redrive};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT};
use crate::provider_receipts::webhook_path;

const CREATE: (&str, &str) = ("if-none-match", "*");
const CSV: (&str, &str) = ("content-type", "text/csv");
const A_MINUTE: Duration = Duration::from_secs(60);
const A_DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test(start_paused = true)]
async fn every_function_uses_everything_that_its_policy_permits() {
    let permissions = Permissions::of_template().expect("the template's policies");
    producers_and_a_backlog(&world(&permissions).await).await;
    operators_and_schedules(&world(&permissions).await).await;
    a_run_in_parts(world(&permissions).await).await;
    what_the_sweeper_repairs(&world(&permissions).await).await;
    more_schedules_than_a_page(&world(&permissions).await).await;
    widened_hours(&world(&permissions).await).await;
    a_receipt_in_an_outage(&world(&permissions).await).await;
    a_restored_table(&world(&permissions).await).await;
    dead_letters(&world(&permissions).await).await;
    let unused = permissions.unused();
    let unused: Vec<_> =
        unused.iter().filter(|grant| !NEVER_HERE.contains(&grant.as_str())).collect();
    assert!(
        unused.is_empty(),
        "template.yaml permits calls that this test does not make. Remove the permission, or make \
         the call here: {unused:#?}"
    );
    for grant in NEVER_HERE {
        let is_unused = permissions.unused().iter().any(|unused| unused == grant);
        assert!(is_unused, "this call is made after all: {grant}");
    }
}

/// Permitted calls that the embedded database never makes necessary.
const NEVER_HERE: [&str; 1] = [
    // `DynamoStore::create` reads the existing item when DynamoDB does not return it.
    "TriggerFunction / StoreNotifications: dynamodb:GetItem on NotificationsTable",
];

async fn world(permissions: &Permissions) -> World {
    let permissions = permissions.clone();
    World::new(WorldSettings { permissions, ..WorldSettings::default() }).await
}

fn message(priority: u16) -> Value {
    json!({
        "template": "photo-and-video", "priority": priority,
        "to": { "id": "teacher-1", "phone": DELIVERED },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    })
}

async fn post(world: &World, path: &str, key: &str, body: &Value) -> Value {
    let (status, answer) = world.produce("POST", path, Some(key), body).await;
    assert!(status.is_success(), "{path}: {answer}");
    answer
}

/// The webhook's function is open to everybody, and it needs no secret: the channel's document has
/// the hashes of the receipt secrets.
#[tokio::test(start_paused = true)]
async fn a_call_of_the_webhook_to_secrets_manager_is_denied() {
    let permissions = Permissions::of_template().expect("the template's policies");
    let sdk = SdkConfig::builder()
        .region(Region::from_static("ap-northeast-2"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .http_client(https_client());
    let secrets = SecretsManager::new(sdk.build());
    let secrets = secrets.with_interceptor(permissions.guard(Function::Webhook));
    let call = async move { secrets.secret("alimi/alimtalk-main").await };
    // The guard panics, so that no function can handle the refusal.
    let panicked = tokio::spawn(call).await.expect_err("the call is denied");
    assert!(panicked.is_panic(), "{panicked}");
    let refused = permissions.refused();
    let [refusal] = &refused[..] else { panic!("{refused:#?}") };
    assert!(refusal.contains("the policy of WebhookFunction"), "{refusal}");
    assert!(refusal.contains("does not permit secretsmanager:GetSecretValue"), "{refusal}");
}

/// A producer posts a sequence and a backlog of more than one slice, reads both, and cancels.
async fn producers_and_a_backlog(world: &World) {
    let step =
        |template: &str| json!({ "template": template, "variables": message(0)["variables"] });
    let sequence = json!({
        "to": message(0)["to"], "steps": [step("consultation-start"), step("photo-and-video")],
        // A planned sequence has hours. The webhook adds the window class of its second step.
        "not_before": "2026-03-02T10:01:00+09:00",
    });
    let sequence = post(world, "/v1/sequences", "sequence", &sequence).await;
    let backlog: Vec<_> = (0..500).map(|_| message(600)).collect();
    for key in ["first", "second"] {
        post(world, "/v1/notifications", key, &json!(backlog)).await;
    }
    let one = post(world, "/v1/notifications", "one", &message(0)).await;
    for path in [
        format!("/v1/notifications/{}", one["id"].as_str().expect("an id")),
        format!("/v1/sequences/{}", sequence["id"].as_str().expect("an id")),
    ] {
        assert_eq!(world.produce("GET", &path, None, "").await.0, 200);
    }
    let one = one["id"].as_str().expect("an id");
    for route in ["", "/text", "/why"] {
        let ops = format!("/v1/ops/notifications/{one}{route}");
        assert_eq!(world.operate("GET", &ops, &[], "").await.status, 200, "{route}");
    }
    let cancel = format!("/v1/notifications/{one}/cancel");
    assert_eq!(world.produce("POST", &cancel, None, "").await.0, 200);
    world.start_senders();
    world.settle(A_DAY).await;
}

async fn put(world: &World, path: &str, body: Value) -> Answer {
    let before = world.operate("GET", path, &[], "").await;
    let expected = before.etag.as_deref().map_or(CREATE, |etag| ("if-match", etag));
    let answer = world.operate("PUT", path, &[expected], body).await;
    assert!(answer.status < 300, "{path}: {}", answer.body);
    answer
}

async fn upload(world: &World, query: &str, ids: &str) {
    let lines = ids.chars().map(|id| format!("{id},{DELIVERED},김하나,a1\n"));
    let csv = format!("id,phone,name,code\n{}", lines.collect::<String>());
    let path = format!("/v1/audiences/teachers/members{query}");
    let answer = world.operate("POST", &path, &[CSV], csv).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn schedule(expression: &str, audience: &str) -> Value {
    json!({ "expression": expression, "template": "photo-and-video", "audience": audience })
}

/// A file that no audience comes to use.
async fn upload_file(world: &World) {
    let file = "id\na\n";
    let wanted = json!({ "format": "csv", "bytes": file.len() });
    let path = "/v1/audiences/teachers/upload-url";
    let place = world.operate("POST", path, &[], wanted).await;
    assert_eq!(place.status, 200, "{}", place.body);
    let headers = [("content-type", "text/csv"), ("if-none-match", "*")];
    let url = place.body["url"].as_str().expect("an address");
    assert_eq!(world.put_file(url, &headers, file), (200, None));
}

/// Two audiences and a schedule for each.
async fn prepare(world: &World) {
    put(world, "/v1/audiences/teachers", json!({ "source": { "kind": "members" } })).await;
    let file = json!({ "kind": "s3", "bucket": "bucket", "key": "all.csv", "format": "csv" });
    put(world, "/v1/audiences/file", json!({ "source": file })).await;
    upload(world, "", "abcdef").await;
    world.stack.files.save("bucket", "all.csv", "id,phone,name,code\na,01012345678,n,c\n");
    put(world, "/v1/schedules/members", schedule("cron(0 11 * * ? *)", "teachers")).await;
    put(world, "/v1/schedules/file", schedule("cron(0 12 * * ? *)", "file")).await;
}

/// Passes the change of both schedules to the planner, as the table's stream does.
async fn plan(world: &World) {
    let records = ["members", "file"].map(|name| {
        json!({ "dynamodb": {
            "Keys": { "kind": { "S": "schedule" }, "name": { "S": name } }, "SequenceNumber": "1",
        }})
    });
    let event = serde_json::from_value::<StreamEvent>(json!({ "Records": records }));
    let answer = alimi_planner::handle(&world.stack.planner, event.expect("an event")).await;
    assert_eq!(answer.failures, []);
}

/// An operator uses the whole console, and the planner and the trigger follow.
async fn operators_and_schedules(world: &World) {
    prepare(world).await;
    for path in [
        "/v1/schedules",
        "/v1/schedules/members",
        "/v1/schedules/members/history",
        "/v1/schedules/members/preview",
        "/v1/schedules/file/preview",
        "/v1/schedules/members/runs",
        "/v1/ops/audit",
    ] {
        assert_eq!(world.operate("GET", path, &[], "").await.status, 200, "{path}");
    }
    for path in [
        "/v1/schedules/members/dry-run",
        "/v1/schedules/file/dry-run",
        "/v1/channels/alimtalk-main/pause",
        "/v1/channels/alimtalk-main/resume",
    ] {
        assert_eq!(world.operate("POST", path, &[], "").await.status, 200, "{path}");
    }
    plan(world).await;
    world.start_senders();
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    world.settle(A_DAY).await;
    assert_eq!(world.notifications().len(), 7);
    // Both find out that the run is over.
    let runs = world.operate("GET", "/v1/schedules/members/runs", &[], "").await.body;
    assert_eq!(runs["items"][0]["status"], "finished", "{runs}");
    alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");

    put(world, "/v1/schedules/file", schedule("cron(0 13 * * ? *)", "file")).await;
    let members = world.operate("GET", "/v1/schedules/members", &[], "").await;
    let etag = members.etag.expect("an ETag");
    let deletion = [("if-match", etag.as_str())];
    let deleted = world.operate("DELETE", "/v1/schedules/members", &deletion, "").await;
    assert_eq!(deleted.status, 204);
    plan(world).await;
    // Before a channel is deleted, the console checks that its lane is empty.
    let mut channel = world.operate("GET", "/v1/channels/alimtalk-main", &[], "").await.body;
    channel["name"] = json!("spare");
    // They belong to the other channel.
    channel["receipt_secrets"] = json!([]);
    let spare = "/v1/channels/spare";
    let etag = put(world, spare, channel).await.etag.expect("an ETag");
    let deleted = world.operate("DELETE", spare, &[("if-match", &etag)], "").await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
}

/// A run continues in another invocation, with an upload that the sweeper would discard otherwise.
async fn a_run_in_parts(mut world: World) {
    prepare(&world).await;
    world.stack.trigger.settings.page = 3;
    world.stack.trigger.settings.margin = Duration::from_millis(299_999);
    let key = RunKey::new("members", "2026-03-02T11:00+09:00".parse().expect("a time"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    // The schedule changed after its time, so that the trigger reads the earlier revision.
    let mut edited = schedule("cron(0 11 * * ? *)", "teachers");
    edited["priority"] = json!(5);
    put(&world, "/v1/schedules/members", edited).await;
    let firing = json!({ "schedule": key.schedule, "scheduled_time": "2026-03-02T02:00:00Z" });
    let trigger = &world.stack.trigger;
    let answer = event_sources::invoke_trigger(trigger, &CrashPoint::never(), firing).await;
    let answer = serde_json::to_value(answer.expect("an answer")).expect("JSON");
    assert_eq!(answer["outcome"], "to_be_continued", "{answer}");
    assert_eq!(world.stack.run_queue.sent(), 1);
    // The upload is not discarded while the run is unfinished. Only the sweeper resumes the run.
    upload(&world, "?upload=begun&first_line=1", "xyz").await;
    for _ in 0..60 {
        tokio::time::sleep(A_MINUTE).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    assert!(world.stack.run_queue.sent() > 1);
}

/// The sweeper closes the drain of a crashed sender, wakes lanes, enforces deadlines, repairs drift,
/// runs a missed time, discards an upload and retires a window class.
async fn what_the_sweeper_repairs(world: &World) {
    // The sender waits for messages when it crashes.
    let drain = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None);
    let crashed = tokio::time::timeout(Duration::from_secs(1), drain).await;
    assert!(crashed.is_err(), "{crashed:?}");
    prepare(world).await;
    upload(world, "?upload=begun&first_line=1", "xyz").await;
    upload_file(world).await;
    plan(world).await;
    // One schedule has another target, one has no row, and one is missing.
    let scheduler = &world.stack.scheduler;
    scheduler.tamper_with("file");
    let mut stray = scheduler.schedule("members").await.expect("read").expect("there").planned;
    stray.name = "stray".into();
    scheduler.put_schedule(&stray).await.expect("put");
    scheduler.remove_schedule("members").await.expect("removed");
    let mut without_receipt = message(0);
    without_receipt["to"]["phone"] = json!(NO_RECEIPT);
    let without_receipt = post(world, "/v1/notifications", "one", &without_receipt).await;
    // The only message of its window class.
    post(world, "/v1/notifications", "scheduled", &message(600)).await;
    world.start_senders();
    for _ in 0..(26 * 60) {
        tokio::time::sleep(A_MINUTE).await;
        alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    }
    let id = without_receipt["id"].as_str().expect("an id");
    assert_eq!(world.notification(id).await.status, Status::Unconfirmed);
}

/// The sweeper stores the place at which its search of the schedules goes on.
async fn more_schedules_than_a_page(world: &World) {
    for n in 0..120 {
        let mut schedule = schedule("cron(0 11 * * ? *)", "teachers");
        schedule["name"] = json!(format!("schedule-{n}"));
        let schedule = serde_json::from_value(schedule).expect("a schedule");
        world.store.put_schedule(&schedule).await.expect("stored");
    }
    tokio::time::sleep(A_MINUTE).await;
    alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
}

/// The sender moves waiting messages to the window class that they belong to now.
async fn widened_hours(world: &World) {
    tokio::time::sleep(Duration::from_secs(10 * 3600)).await;
    post(world, "/v1/notifications", "evening", &message(600)).await;
    let wider = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    put(world, "/v1/hours/stack", wider).await;
    world.start_senders();
    world.settle(Duration::from_secs(3600)).await;
}

/// The webhook puts a receipt that it cannot check into its queue.
async fn a_receipt_in_an_outage(world: &World) {
    (0..100).for_each(|_| world.faults.add(DatabaseFault::Refused));
    assert_eq!(world.webhook(&webhook_path(), "{}").await.0, 200);
    assert_eq!(world.stack.receipt_queue.sent(), 1);
    world.faults.clear();
}

/// The observer records a letter of each queue, and the console sends them again.
async fn dead_letters(world: &World) {
    let firing = json!({ "schedule": "daily", "scheduled_at": "2026-03-02T01:00:00Z" });
    for queue in DeadLetterQueue::VARIANTS {
        world.stack.dead_letters.give_up(*queue, firing.to_string(), BTreeMap::new());
    }
    collect(world).await;
    for letter in listed(world, "").await.iter().filter(|letter| letter["state"] == "dead") {
        assert_eq!(redrive(world, letter).await.status, 200, "{letter}");
    }
}

/// The console reviews the notifications after a restoration.
async fn a_restored_table(world: &World) {
    post(world, "/v1/notifications", "one", &message(0)).await;
    world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    let body = json!({ "restored_to": "2026-03-02T10:00:30+09:00", "reason": "rows were lost" });
    let answer = world.operate("POST", "/v1/ops/restored", &[], body).await;
    assert_eq!(answer.body["moved"], 1, "{}", answer.body);
}
