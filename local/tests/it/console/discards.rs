//! Members of uploads that nothing reads any more are deleted after a day.

use std::time::Duration;

use alimi::domain::RunKey;
use alimi::ports::Members;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{Answer, World};
use serde_json::Value;

use super::operator::{get, scheduled_world, status_and_field};
use super::teachers::{CSV, ids_and_lines, upload, world_with_members};

#[tokio::test(start_paused = true)]
async fn members_that_nothing_reads_any_more_are_discarded_after_a_day() {
    let world = scheduled_world().await;
    let rows = |ids: &str| {
        let lines = ids.chars().map(|id| format!("{id},01012345678,n,c\n"));
        format!("id,phone,name,code\n{}", lines.collect::<String>())
    };
    let stored = |version: String| {
        let store = world.store.clone();
        async move { store.members("teachers", &version, None, 100).await.expect("members").len() }
    };
    let discard = world.stack.sweeper.discard_uploads.clone();
    let first = upload(&world, "", CSV, &rows("ab")).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let version_in_force = async || {
        let audience = get(&world, "/v1/audiences/teachers").await.body;
        audience["source"]["version"].as_str().expect("a version").to_owned()
    };
    let first = version_in_force().await;
    // A run begins with the first upload and does not end.
    let key = RunKey::new("daily", "2026-03-02T11:00+09:00".parse().expect("a time"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let mut run = Value::Null;
    for steps in 1..100 {
        let run_for_a_minute = world.stack.trigger.run(&key, Duration::from_secs(60));
        let _crashed = CrashPoint::after(steps).run(run_for_a_minute).await;
        run = get(&world, "/v1/schedules/daily/runs").await.body["items"][0].clone();
        // The run is recorded before the trigger has read the documents that the run pins.
        if !run["template"].is_null() {
            break;
        }
    }
    assert_eq!(run["status"], "storing", "{run}");

    let replaced = upload(&world, "", CSV, &rows("cde")).await;
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    let second = version_in_force().await;
    let begun = upload(&world, "?upload=begun&first_line=1", CSV, &rows("f")).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    upload(&world, "", CSV, &rows("gh")).await;
    let third = version_in_force().await;

    // Nothing is deleted during the first day.
    tokio::time::sleep(Duration::from_secs(23 * 3600)).await;
    assert_eq!(discard.round().await.expect("a round"), 0);
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    // A sweeper that crashes leaves the rest to the next round.
    for steps in [3, 9, 12] {
        let _crashed = CrashPoint::after(steps).run(discard.round()).await;
    }
    discard.round().await.expect("a round");
    let begun = "upload-begun".to_owned();
    for (version, left) in [(&first, 2), (&second, 0), (&begun, 0), (&third, 2)] {
        assert_eq!(stored(version.clone()).await, left, "{version}");
    }

    // The same file is stored anew. A run that has ended needs its members no more.
    upload(&world, "", CSV, &rows("cde")).await;
    assert_eq!(stored(second.clone()).await, 3);
    world.stack.trigger.run(&key, Duration::from_secs(60)).await.expect("a run");
    // The first upload was in use until now. Its day begins, for whoever has just read its name.
    assert_eq!(discard.round().await.expect("a round"), 0);
    assert_eq!(stored(first.clone()).await, 2);
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    assert_eq!(discard.round().await.expect("a round"), 2);
    for (version, left) in [(&first, 0), (&second, 3), (&third, 0)] {
        assert_eq!(stored(version.clone()).await, left, "{version}");
    }
}

/// The sweeper marks an upload before it deletes any member. A part that comes after the mark is
/// refused, or the members that are left would pass for the whole upload.
#[tokio::test(start_paused = true)]
async fn an_upload_that_continues_while_it_is_discarded_takes_effect_whole_or_not_at_all() {
    let (first, last) = ("id\na\nb\n", "id\nc\n");
    let complete = "?upload=u&first_line=4&complete=true";
    let (mut refused, mut completed) = (0, 0);
    let mut check = async |world: &World, answer: Answer, when: &str| {
        let mut is_gap = false;
        if answer.status == 200 {
            completed += 1;
        } else {
            // 503 during the deletion. After it the lines of the first part are missing.
            is_gap = status_and_field(&answer) == (422, "first_line");
            assert!(answer.status == 503 || is_gap, "{when}: {}", answer.body);
            refused += 1;
        }
        // Another round finishes the deletion.
        world.stack.sweeper.discard_uploads.round().await.expect("a round");
        let whole = [("a".into(), 2), ("b".into(), 3), ("c".into(), 5)];
        if answer.status == 200 {
            assert_eq!(ids_and_lines(world).await, whole, "{when}");
        } else {
            // A last part that finds a gap is kept until the missing lines come.
            let left = world.store.members("teachers", "upload-u", None, 10).await;
            let left: Vec<_> = left.expect("members").into_iter().map(|m| m.member.id).collect();
            assert!(left.is_empty() || (left == ["c"] && is_gap), "{when}: {left:?}");
            let again = upload(world, complete, CSV, last).await;
            assert_eq!(status_and_field(&again), (422, "first_line"), "{when}");
        }
    };
    let abandoned = async || {
        let world = scheduled_world().await;
        assert_eq!(upload(&world, "?upload=u", CSV, first).await.status, 200);
        tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
        world
    };
    // The sweeper crashes, and the last part comes later.
    for steps in 0.. {
        let world = abandoned().await;
        let discard = world.stack.sweeper.discard_uploads.clone();
        if CrashPoint::after(steps).run(discard.round()).await.is_some() {
            break;
        }
        let answer = upload(&world, complete, CSV, last).await;
        check(&world, answer, &format!("after {steps} steps")).await;
    }
    // The last part comes while the sweeper is at work.
    let earlier = (1..20).map(|ms| (ms, 0));
    for (part_ms, sweep_ms) in earlier.chain((0..20).map(|ms| (0, ms))) {
        let world = abandoned().await;
        let discard = world.stack.sweeper.discard_uploads.clone();
        let part = async {
            tokio::time::sleep(Duration::from_millis(part_ms)).await;
            upload(&world, complete, CSV, last).await
        };
        let sweep = async {
            tokio::time::sleep(Duration::from_millis(sweep_ms)).await;
            discard.round().await.expect("a round");
        };
        let (answer, ()) = futures::future::join(part, sweep).await;
        check(&world, answer, &format!("{part_ms} and {sweep_ms} ms later")).await;
    }
    assert!(refused > 0 && completed > 0, "{refused} refused, {completed} completed");
}

#[tokio::test(start_paused = true)]
async fn a_large_upload_is_discarded_completely_a_day_after_it_was_replaced() {
    let world = world_with_members(1100).await;
    let version = get(&world, "/v1/audiences/teachers").await.body["source"]["version"].clone();
    let version = version.as_str().expect("a version");
    let left = || async {
        world.store.members("teachers", version, None, 5000).await.expect("members").len()
    };
    // The sweeper has not run for more than a day.
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    assert_eq!(upload(&world, "", CSV, "id\na\n").await.status, 200);
    assert_eq!(world.stack.sweeper.discard_uploads.round().await.expect("a round"), 0);
    assert_eq!(left().await, 1100);
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(world.stack.sweeper.discard_uploads.round().await.expect("a round"), 1);
    assert_eq!(left().await, 0);
}
