//! Runs in the store, through the real client against the embedded DynamoDB.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::audience::file::BadLine;
use alimi::domain::run::{KnownEnds, Run, RunCounts, RunStatus};
use alimi::domain::{RunKey, UnknownAttributes};
use alimi::ports::{Runs, Saved};
use alimi::store::DynamoStore;
use alimi::time::SystemClock;
use alimi_local::aws::embedded::{self, DatabaseFault, DatabaseFaults};

fn store() -> (DynamoStore, DatabaseFaults) {
    let faults = DatabaseFaults::default();
    let database = embedded::database().expect("a database");
    let client = embedded::client_in_process(database, Duration::ZERO, faults.clone());
    (DynamoStore::new(client, embedded::tables(), Arc::new(SystemClock)), faults)
}

fn run(schedule: &str, at: &str) -> Run {
    Run {
        schema: Run::SCHEMA,
        unknown: UnknownAttributes::default(),
        key: RunKey::new(schedule, at.parse().expect("a time")),
        status: RunStatus::Storing,
        started_at_ms: 1,
        stored_at_ms: None,
        ended_at_ms: None,
        pins: None,
        cursor: Some("m7".into()),
        counts: RunCounts { members: 9, stored: 7, invalid: 1, duplicate: 1 },
        known_ends: KnownEnds { count: 2, last: Some("s2".into()), latest_ms: Some(7) },
        faults: vec![BadLine { line: 3, field: Some("phone".into()), fault: "must".into() }],
        failure: None,
        overlaps: None,
        by_hand: None,
        cancel: None,
        fence: 1,
        holder: u64::MAX,
        lease_until_ms: Some(60_000),
    }
}

#[tokio::test]
async fn a_run_is_read_back_as_it_was_written_and_created_once() {
    let (store, _) = store();
    let first = run("daily", "2026-03-02T01:00:00Z");
    assert_eq!(store.create_run(&first).await.expect("created"), None);
    assert_eq!(store.run(&first.key).await.expect("read"), Some(first.clone()));
    let second = Run { holder: 5, ..first.clone() };
    assert_eq!(store.create_run(&second).await.expect("refused"), Some(first));
    let none = RunKey::new("", second.key.scheduled_at);
    assert_eq!(store.run(&none).await.expect("read"), None);
    assert_eq!(store.runs("", 1).await.expect("read"), []);
}

#[tokio::test]
async fn a_save_with_an_old_fence_is_a_conflict() {
    let (store, _) = store();
    let first = run("daily", "2026-03-02T01:00:00Z");
    store.create_run(&first).await.expect("created");
    let second = Run { fence: 2, holder: 1, ..first.clone() };
    assert_eq!(store.save_run(&second, 1).await.expect("saved"), Saved::Done);
    // The rival's run differs in its holder only.
    let rival = Run { holder: 2, ..second.clone() };
    assert_eq!(store.save_run(&rival, 1).await.expect("an answer"), Saved::Conflict);
    assert_eq!(store.run(&first.key).await.expect("read"), Some(second));
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_counts_as_done() {
    let (store, faults) = store();
    let first = run("daily", "2026-03-02T01:00:00Z");
    faults.add(DatabaseFault::AnswerLost);
    assert_eq!(store.create_run(&first).await.expect("created"), None);
    faults.add(DatabaseFault::AnswerLost);
    let second = Run { fence: 2, ..first };
    assert_eq!(store.save_run(&second, 1).await.expect("saved"), Saved::Done);
}

#[tokio::test]
async fn runs_are_listed_latest_first_and_the_index_holds_the_storing_ones() {
    let (store, _) = store();
    let times = ["2026-03-02T01:00:00Z", "2025-12-31T23:59:59Z", "2026-03-02T01:00:01Z"];
    for at in times {
        store.create_run(&run("daily", at)).await.expect("created");
    }
    store.create_run(&run("other", times[0])).await.expect("created");
    let mut ended = run("daily", times[0]);
    ended.fence = 2;
    ended.end(RunStatus::Finished, None, 90_000);
    assert_eq!(store.save_run(&ended, 1).await.expect("saved"), Saved::Done);

    let keys = |runs: Vec<Run>| runs.into_iter().map(|run| run.key).collect::<Vec<_>>();
    let expected: Vec<_> = [2, 0, 1].map(|n| run("daily", times[n]).key).into();
    assert_eq!(keys(store.runs("daily", 10).await.expect("read")), expected);
    assert_eq!(keys(store.runs("daily", 1).await.expect("read")), expected[..1]);
    let storing = store.storing_runs(10).await.expect("read");
    let expected =
        [run("daily", times[1]).key, run("other", times[0]).key, run("daily", times[2]).key];
    assert_eq!(storing, expected);
    assert_eq!(store.storing_runs(2).await.expect("read"), expected[..2]);
}

#[tokio::test]
async fn sending_runs_are_listed_by_their_time_until_they_are_finished() {
    let (store, _) = store();
    let keys = [("a", "09"), ("a", "10"), ("b", "10"), ("c", "10"), ("a", "11")];
    let mut runs = keys.map(|(schedule, hour)| run(schedule, &format!("2026-03-02T{hour}:00:00Z")));
    for run in &mut runs {
        store.create_run(run).await.expect("created");
    }
    assert_eq!(store.sending_runs(None, 10).await.expect("read"), []);
    for run in &mut runs {
        run.fence = 2;
        run.all_stored(60_000);
        assert_eq!(store.save_run(run, 1).await.expect("saved"), Saved::Done);
    }
    assert_eq!(store.storing_runs(10).await.expect("read"), []);
    let all = store.sending_runs(None, 10).await.expect("read");
    let sorted = |keys: &[RunKey]| {
        let mut keys = keys.to_vec();
        keys.sort_by(|a, b| (a.scheduled_at, &a.schedule).cmp(&(b.scheduled_at, &b.schedule)));
        keys
    };
    assert_eq!(sorted(&all), runs.each_ref().map(|run| run.key.clone()));
    // Page by page, also between runs of one time.
    for size in 1..=4 {
        let mut paged: Vec<RunKey> = vec![];
        loop {
            let page = store.sending_runs(paged.last(), size).await.expect("read");
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all, "in pages of {size}");
    }
    let [_, _, finished, ..] = &mut runs;
    finished.end(RunStatus::Finished, None, 90_000);
    finished.fence = 3;
    assert_eq!(store.save_run(finished, 2).await.expect("saved"), Saved::Done);
    let left = store.sending_runs(None, 10).await.expect("read");
    assert_eq!(left.len(), 4);
    // A page begins behind a run that has left the index meanwhile.
    let behind = store.sending_runs(Some(&finished.key), 10).await.expect("read");
    let place = all.iter().position(|key| *key == finished.key).expect("listed");
    assert_eq!(behind, all[place + 1..]);
}

#[tokio::test]
async fn what_newer_code_stored_beside_a_run_survives_a_save() {
    let (store, _) = store();
    let newer = run("daily", "2026-03-02T01:00:00Z");
    let note = serde_json::json!({ "S": "kept" });
    let with_note =
        Run { unknown: UnknownAttributes([("note".to_owned(), note)].into()), ..newer.clone() };
    store.create_run(&with_note).await.expect("created");
    let read = store.run(&newer.key).await.expect("read").expect("a run");
    assert_eq!(read, with_note);
    let saved = Run { fence: 2, ..read };
    assert_eq!(store.save_run(&saved, 1).await.expect("saved"), Saved::Done);
    let again = store.run(&newer.key).await.expect("read").expect("a run");
    assert_eq!(again.unknown, with_note.unknown);
}

#[tokio::test]
async fn a_run_of_a_higher_schema_is_not_written() {
    let (store, _) = store();
    let newer = Run { schema: Run::SCHEMA + 1, ..run("daily", "2026-03-02T01:00:00Z") };
    let error = store.create_run(&newer).await.expect_err("refused");
    assert!(error.to_string().contains("schema 2"), "{error}");
}
