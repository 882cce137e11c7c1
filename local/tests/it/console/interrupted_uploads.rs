//! Crashes, outages and concurrent requests leave no half-stored audience.

use std::time::Duration;

use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::testing::crash_point::CrashPoint;

use super::operator::{detail, scheduled_world};
use super::teachers::{CSV, ids_and_lines, lines, upload};

#[tokio::test(start_paused = true)]
async fn an_upload_that_crashes_anywhere_and_is_repeated_leaves_no_gap() {
    let people = lines(60, |n| format!("t{n:02},01012340001\n"));
    let csv = format!("id,phone\n{people}");
    let mut crashes = 0;
    for steps in 0.. {
        let world = scheduled_world().await;
        let crash = CrashPoint::after(steps);
        let finished = crash.run(upload(&world, "", CSV, &csv)).await;
        if let Some(answer) = finished {
            assert_eq!(answer.status, 200);
            break;
        }
        crashes += 1;
        let in_force = ids_and_lines(&world).await;
        let is_whole = in_force.is_empty() || in_force.len() == 60;
        assert!(is_whole, "after {steps} steps: {in_force:?}");
        let again = upload(&world, "", CSV, &csv).await;
        assert_eq!(again.status, 200, "{}", again.body);
        assert_eq!(again.body["size"], 60, "{}", again.body);
        assert_eq!(ids_and_lines(&world).await.len(), 60);
    }
    assert!(crashes > 5, "only {crashes} crashes");
}

#[tokio::test(start_paused = true)]
async fn an_outage_during_an_upload_is_answered_with_503_and_changes_nothing() {
    let world = scheduled_world().await;
    let people = lines(100, |n| format!("t{n}\n"));
    world.faults.pass(20);
    for _ in 0..500 {
        world.faults.add(DatabaseFault::Refused);
    }
    let answer = upload(&world, "", CSV, &format!("id\n{people}")).await;
    world.faults.clear();
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(ids_and_lines(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_equal_uploads_at_once_make_one_upload_and_both_succeed() {
    // A client that gave up waiting repeats the request while the first one is still at work.
    for wait_ms in 0..20 {
        let world = scheduled_world().await;
        let one = upload(&world, "", CSV, "id\na\nb\n");
        let other = async {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            upload(&world, "", CSV, "id\na\nb\n").await
        };
        let (one, other) = futures::future::join(one, other).await;
        assert_eq!(one.status, 200, "{wait_ms} ms: {}", one.body);
        assert_eq!(other.status, 200, "{wait_ms} ms: {}", other.body);
        assert_eq!(one.etag, other.etag, "{wait_ms} ms");
        assert_eq!(ids_and_lines(&world).await, [("a".into(), 2), ("b".into(), 3)]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_does_not_overwrite_an_audience_that_was_changed_meanwhile() {
    let world = scheduled_world().await;
    let first = upload(&world, "", CSV, "id\na\n");
    let second = upload(&world, "", CSV, "id\nb\nc\n");
    let (first, second) = futures::future::join(first, second).await;
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let (refused, body) =
        if first.status == 412 { (first, "id\na\n") } else { (second, "id\nb\nc\n") };
    assert_eq!(refused.etag.as_deref(), Some("\"2\""));
    // The request named no ETag, so the problem is about the request, and says what to do.
    assert_eq!(refused.body["field"], "request");
    assert!(detail(&refused).contains("repeat this request"), "{}", refused.body);
    assert_eq!(upload(&world, "", CSV, body).await.status, 200);
}
