//! Files that operators upload straight to S3: what an address takes, how an audience uses the file, and
//! when the file goes.

use std::time::Duration;

use alimi::domain::RunKey;
use alimi_local::aws::files::UPLOAD_BUCKET;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{Answer, World};
use serde_json::{Value, json};

use super::operator::{change, detail, get, scheduled_world, status_and_field};

const PATH: &str = "/v1/audiences/teachers/upload-url";
const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// Two members, with a header line.
const TWO: &str = "id,phone,name,code\na,01012340001,n,c\nb,01012340002,n,c\n";

async fn ask(world: &World, body: Value) -> Answer {
    world.operate("POST", PATH, &[], body).await
}

/// An address for a CSV file of this content, and what comes with it.
async fn place_for(world: &World, content: &str) -> Value {
    let answer = ask(world, json!({ "format": "csv", "bytes": content.len() })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Uploads a file to an address, with the headers that came with it.
fn put(world: &World, place: &Value, content: &str) -> (u16, Option<&'static str>) {
    let header = |name: &str| place["headers"][name].as_str().expect("a header");
    let headers =
        [("content-type", header("content-type")), ("if-none-match", header("if-none-match"))];
    world.put_file(place["url"].as_str().expect("an address"), &headers, content)
}

fn key(place: &Value) -> &str {
    place["source"]["key"].as_str().expect("a key")
}

/// Uploads a file, and makes the audience use it. Returns the file's key.
async fn replace(world: &World, content: &str) -> String {
    let place = place_for(world, content).await;
    assert_eq!(put(world, &place, content), (200, None));
    let audience = json!({ "source": place["source"] });
    let changed = change(world, "/v1/audiences/teachers", &audience).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    key(&place).to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_uploaded_file_is_the_audience_once_its_document_names_it() {
    let world = scheduled_world().await;
    let place = place_for(&world, TWO).await;
    assert_eq!(place["method"], "PUT");
    assert_eq!(place["headers"], json!({ "content-type": "text/csv", "if-none-match": "*" }));
    assert_eq!(place["source"]["kind"], "s3");
    assert_eq!(place["source"]["bucket"], UPLOAD_BUCKET);
    assert!(key(&place).starts_with("alimi-uploads/teachers/file-"), "{place}");
    assert_eq!(put(&world, &place, TWO), (200, None));
    // The audience is as it was before.
    assert_eq!(get(&world, "/v1/audiences/teachers").await.body["source"]["kind"], "members");

    let audience = json!({ "source": place["source"] });
    let changed = change(&world, "/v1/audiences/teachers", &audience).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let dry_run = world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    assert_eq!(dry_run.body["sendable"], 2, "{}", dry_run.body);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let at = RunKey::new("daily", "2026-03-02T11:00+09:00".parse().expect("a time"));
    world.stack.trigger.run(&at, Duration::from_secs(60)).await.expect("a run");
    let runs = get(&world, "/v1/schedules/daily/runs").await.body;
    assert_eq!(runs["items"][0]["counts"]["stored"], 2, "{runs}");
}

#[tokio::test(start_paused = true)]
async fn an_address_takes_one_file_of_its_length_and_type_for_a_quarter_of_an_hour() {
    let world = scheduled_world().await;
    let place = place_for(&world, TWO).await;
    let not_signed_so = (403, Some("SignatureDoesNotMatch"));
    assert_eq!(put(&world, &place, "id\na\n"), not_signed_so, "another length");
    let url = place["url"].as_str().expect("an address");
    let headers = |kind: &'static str| [("content-type", kind), ("if-none-match", "*")];
    let ndjson = headers("application/x-ndjson");
    assert_eq!(world.put_file(url, &ndjson, TWO), not_signed_so, "another type");
    let without = [("content-type", "text/csv")];
    assert_eq!(world.put_file(url, &without, TWO), not_signed_so, "it could replace a file");
    let elsewhere = url.replace("/teachers/", "/parents/");
    assert_eq!(world.put_file(&elsewhere, &headers("text/csv"), TWO), not_signed_so, "another key");
    let longer = url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000");
    assert_ne!(longer, url);
    assert_eq!(world.put_file(&longer, &headers("text/csv"), TWO), not_signed_so, "for longer");
    assert!(!world.stack.files.has(UPLOAD_BUCKET, key(&place)));

    assert_eq!(put(&world, &place, TWO), (200, None));
    assert_eq!(put(&world, &place, TWO), (412, Some("PreconditionFailed")), "a second time");

    let place = place_for(&world, TWO).await;
    tokio::time::sleep(Duration::from_secs(14 * 60)).await;
    assert_eq!(put(&world, &place, TWO), (200, None));
    let place = place_for(&world, TWO).await;
    tokio::time::sleep(Duration::from_secs(15 * 60 + 1)).await;
    assert_eq!(put(&world, &place, TWO), (403, Some("AccessDenied")), "too late");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_for_an_address_is_answered_with_its_fault() {
    let world = scheduled_world().await;
    for (body, field) in [
        (json!({ "format": "csv", "bytes": 0 }), "bytes"),
        (json!({ "format": "csv", "bytes": 1_073_741_825_u64 }), "bytes"),
        (json!({ "format": "csv", "bytes": -1 }), "bytes"),
        (json!({ "format": "csv" }), "bytes"),
        (json!({ "bytes": 9 }), "format"),
        (json!({ "format": "xlsx", "bytes": 9 }), "format"),
        (json!({ "format": "csv", "bytes": 9, "key": "k" }), "key"),
    ] {
        let answer = ask(&world, body.clone()).await;
        assert_eq!(status_and_field(&answer), (422, field), "{body}: {}", answer.body);
    }
    assert_eq!(ask(&world, json!({ "format": "csv", "bytes": 1_073_741_824 })).await.status, 200);
    let body = json!({ "format": "csv", "bytes": 9 }).to_string();
    let missing = world.operate("POST", "/v1/audiences/nobody/upload-url", &[], body).await;
    assert_eq!(status_and_field(&missing), (404, "name"));
}

#[tokio::test(start_paused = true)]
async fn an_audience_uses_no_file_that_was_uploaded_to_another_one() {
    let world = scheduled_world().await;
    let place = place_for(&world, TWO).await;
    let audience = json!({ "source": place["source"] });
    let create = [("if-none-match", "*")];
    let refused = world.operate("PUT", "/v1/audiences/parents", &create, audience).await;
    assert_eq!(status_and_field(&refused), (422, "source.key"), "{}", refused.body);
    assert!(detail(&refused).contains("uploaded to this audience"), "{}", refused.body);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_nothing_uses_any_more_is_deleted_after_a_day() {
    let world = scheduled_world().await;
    let discard = world.stack.sweeper.discard_uploads.clone();
    let is_there = |key: &str| world.stack.files.has(UPLOAD_BUCKET, key);
    let first = replace(&world, TWO).await;
    let abandoned = place_for(&world, TWO).await;
    assert_eq!(put(&world, &abandoned, TWO), (200, None));
    let unused = place_for(&world, TWO).await;
    // Nobody puts a file there.
    drop(unused);

    // A run begins with the first file and does not end.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let at = RunKey::new("daily", "2026-03-02T11:00+09:00".parse().expect("a time"));
    for steps in 1..100 {
        let run = world.stack.trigger.run(&at, Duration::from_secs(60));
        let _crashed = CrashPoint::after(steps).run(run).await;
        let run = get(&world, "/v1/schedules/daily/runs").await.body["items"][0].clone();
        if !run["template"].is_null() {
            break;
        }
    }
    let second = replace(&world, TWO).await;
    assert_eq!(discard.round().await.expect("a round"), 0);
    tokio::time::sleep(A_DAY).await;
    // A sweeper that crashes leaves the rest to the next round.
    for steps in [2, 5, 8] {
        let _crashed = CrashPoint::after(steps).run(discard.round()).await;
    }
    discard.round().await.expect("a round");
    assert!(!is_there(key(&abandoned)));
    assert!(is_there(&first), "the unfinished run reads it");
    assert!(is_there(&second), "the audience uses it");

    world.stack.trigger.run(&at, Duration::from_secs(60)).await.expect("a run");
    let runs = get(&world, "/v1/schedules/daily/runs").await.body;
    assert_eq!(runs["items"][0]["counts"]["stored"], 2, "{runs}");
    tokio::time::sleep(A_DAY + Duration::from_secs(1)).await;
    assert_eq!(discard.round().await.expect("a round"), 1);
    assert!(!is_there(&first) && is_there(&second));
    assert_eq!(discard.round().await.expect("a round"), 0);
}

/// An operator may take a day and more between the upload and the change of the audience.
#[tokio::test(start_paused = true)]
async fn an_audience_gets_its_file_or_an_error_while_the_sweeper_deletes_it() {
    let (mut taken, mut refused) = (0, 0);
    for wait_ms in 0..30 {
        let world = scheduled_world().await;
        let place = place_for(&world, TWO).await;
        assert_eq!(put(&world, &place, TWO), (200, None));
        tokio::time::sleep(A_DAY).await;
        let discard = world.stack.sweeper.discard_uploads.clone();
        let sweep = async {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            discard.round().await.expect("a round")
        };
        let audience = json!({ "source": place["source"] });
        let changed = change(&world, "/v1/audiences/teachers", &audience);
        let (_, changed) = futures::future::join(sweep, changed).await;
        if changed.status == 200 {
            discard.round().await.expect("a round");
            let is_there = world.stack.files.has(UPLOAD_BUCKET, key(&place));
            // Once the record is gone, nobody knows that the file was there: the run says that it is
            // missing.
            if is_there {
                taken += 1;
            } else {
                let preview = get(&world, "/v1/schedules/daily/preview").await.body;
                assert_eq!(preview["warnings"][0]["kind"], "file_missing", "{preview}");
            }
        } else {
            assert_eq!(status_and_field(&changed), (422, "source.key"), "{}", changed.body);
            refused += 1;
        }
    }
    assert!(taken > 0, "{taken} taken, {refused} refused");
}
