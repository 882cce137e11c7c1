//! Previews and dry runs of an audience whose members are in a file in S3.

use std::time::Duration;

use alimi::domain::RunKey;
use alimi::use_cases::Audiences;
use serde_json::{Value, json};

use super::operator::{create, daily, get, scheduled_world, status_and_field, with};
use super::teachers::lines;

#[tokio::test(start_paused = true)]
async fn a_preview_estimates_a_file_in_s3_by_its_length_and_a_dry_run_reads_it() {
    let world = scheduled_world().await;
    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    create(&world, "/v1/schedules/file", with(daily(), &json!({ "audience": "file" }))).await;
    let missing = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await;
    assert_eq!(status_and_field(&missing), (422, "audience"));

    let csv = "id,phone,name,code\na,01012340001,n,c\nb,x,n,c\n\"c\n";
    world.stack.files.save("files", "k.csv", csv);
    // A file has no index of members to start from.
    let after = world.operate("POST", "/v1/schedules/file/dry-run?after=x", &[], "").await;
    assert_eq!(status_and_field(&after), (422, "after"));
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    let audience = json!({
        "name": "file", "size": 1, "size_is_estimate": true, "bytes": csv.len(),
    });
    assert_eq!(preview["audience"], audience);
    assert_eq!(preview["warnings"], json!([]));
    assert!(preview["drain_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    let answer = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["sendable"], 1, "{}", answer.body);
    assert_eq!(answer.body["faults"][0]["field"], "phone");
    assert_eq!(answer.body["faults"][1]["line"], 4);

    let faulty = format!("id,phone,name,code\n{}z,0", lines(150, |n| format!("t{n},,n,c\n")));
    world.stack.files.save("files", "k.csv", faulty);
    let answer = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await;
    assert_eq!(answer.body["faults"].as_array().map(Vec::len), Some(101));
    assert_eq!(answer.body["faults"][100]["line"], 152, "the truncated last line");
    // The first valid line of a member counts, as in a run.
    let twice = "id,phone,name,code\na,x,n,c\na,01012340001,n,c\na,01012340002,n,c\n";
    world.stack.files.save("files", "k.csv", twice);
    let answer = world.operate("POST", "/v1/schedules/file/dry-run", &[], "").await.body;
    for (count, value) in [("members", 3), ("sendable", 1), ("invalid", 1), ("duplicate", 1)] {
        assert_eq!(answer[count], value, "{count}");
    }
    let fault_lines = [0, 1].map(|index| &answer["faults"][index]["line"]);
    assert_eq!(fault_lines, [2, 4]);
    world.stack.files.save("files", "k.csv", csv);

    // After a run, its figures replace the estimate.
    let key = RunKey::new("file", "2026-03-02T11:00+09:00".parse().expect("a time"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.stack.trigger.run(&key, Duration::from_secs(60)).await.expect("a run");
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!(preview["audience"]["size"], 1, "{preview}");
    assert_eq!(preview["audience"]["size_is_estimate"], true);

    // Another file is estimated anew.
    world.stack.files.save("files", "k.csv", "id,phone,name,code\n");
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!(preview["audience"]["size"], 0);
    assert_eq!(preview["drain_seconds"], json!(0.0));
    assert_eq!(preview["warnings"][0]["kind"], "audience_empty");
    world.stack.files.save("files", "k.csv", "number\n1\n");
    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!(preview["audience"]["size"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_preview_of_a_large_file_warns_of_the_window_end_before_the_first_run() {
    let world = scheduled_world().await;
    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    let late = json!({ "audience": "file", "expression": "cron(59 18 * * ? *)" });
    create(&world, "/v1/schedules/file", with(daily(), &late)).await;
    let members = 20_000;
    let people = lines(members, |n| format!("t{n:05},01012340001,n,c\n"));
    let csv = format!("id,phone,name,code\n{people}");
    assert!(csv.len() as u64 > Audiences::PART_BYTES);
    world.stack.files.save("files", "k.csv", csv);

    let preview = get(&world, "/v1/schedules/file/preview").await.body;
    assert_eq!(preview["audience"]["size_is_estimate"], true);
    let size = preview["audience"]["size"].as_u64().expect("a size");
    assert!(size.abs_diff(members as u64) < 20, "{size}");
    assert_eq!(preview["warnings"][0]["kind"], "crosses_window_end");
    let left = preview["warnings"][0]["left"].as_u64().expect("a number");
    assert!(left.abs_diff(members as u64 - 60 * 40) < 200, "{left} left");
}
