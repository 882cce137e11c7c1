//! The times of puts are handed out once, whoever asks for them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use alimi::ports::{PutPace, PutWish, Reserved};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFault};

use super::fixture::{CHANNEL, Fixture, NOW_MS, SetClock, fixture};

const NOW_US: i64 = 1_000 * NOW_MS;
const SECOND_US: i64 = 1_000_000;

/// A wish for a hundred times, 2 ms apart.
fn wish(earliest_us: i64) -> PutWish {
    PutWish { count: 100, spacing_us: 2_000, earliest_us, latest_us: None }
}

async fn reserve(store: &DynamoStore, wish: PutWish) -> Reserved {
    store.reserve(CHANNEL, wish).await.expect("an answer")
}

/// The time of the first put.
fn reserved(reserved: Reserved) -> i64 {
    match reserved {
        Reserved::From { at_us } => at_us,
        Reserved::TooLate { next_us } => panic!("nothing is free before {next_us}"),
    }
}

#[tokio::test]
async fn reservations_follow_one_another_and_start_anew_after_a_pause() {
    let Fixture { store, .. } = fixture();
    for (earliest_us, expected_us) in [
        (NOW_US, NOW_US),
        (NOW_US, NOW_US + 200_000),
        (NOW_US + 100_000, NOW_US + 400_000),
        (NOW_US + 600_000, NOW_US + 600_000),
        (NOW_US + 9 * SECOND_US, NOW_US + 9 * SECOND_US),
        (NOW_US + 9 * SECOND_US, NOW_US + 9 * SECOND_US + 200_000),
    ] {
        let reserved = reserve(&store, wish(earliest_us)).await;
        assert_eq!(reserved, Reserved::From { at_us: expected_us });
    }
    let other = store.reserve("sms", wish(NOW_US)).await.expect("an answer");
    assert_eq!(other, Reserved::From { at_us: NOW_US }, "another channel");
}

#[tokio::test]
async fn times_that_come_too_late_are_not_reserved() {
    let Fixture { store, .. } = fixture();
    reserve(&store, PutWish { count: 2_000, ..wish(NOW_US) }).await;
    let impatient = PutWish { latest_us: Some(NOW_US + 3 * SECOND_US), ..wish(NOW_US) };
    for _ in 0..2 {
        let next_us = NOW_US + 4 * SECOND_US;
        assert_eq!(reserve(&store, impatient).await, Reserved::TooLate { next_us });
    }
    let patient = PutWish { latest_us: Some(NOW_US + 4 * SECOND_US), ..wish(NOW_US) };
    let reserved = reserve(&store, patient).await;
    assert_eq!(reserved, Reserved::From { at_us: NOW_US + 4 * SECOND_US });
}

/// A machine whose clock is hours ahead must not stop all puts for hours.
#[tokio::test]
async fn a_time_that_nobody_can_have_meant_is_forgotten() {
    for latest_us in [None, Some(NOW_US + 3 * SECOND_US)] {
        let Fixture { store, .. } = fixture();
        reserve(&store, wish(NOW_US + 7_200 * SECOND_US)).await;
        let reserved = reserve(&store, PutWish { latest_us, ..wish(NOW_US) }).await;
        assert_eq!(reserved, Reserved::From { at_us: NOW_US });
    }
}

/// The client repeats the update. The times of the first one stay unused, and none is used twice.
#[tokio::test]
async fn a_lost_answer_costs_times_and_gives_none_of_them_twice() {
    let Fixture { store, faults, .. } = fixture();
    reserve(&store, wish(NOW_US)).await;
    faults.add(DatabaseFault::AnswerLost);
    let at_us = reserved(reserve(&store, wish(NOW_US)).await);
    assert!(at_us >= NOW_US + 200_000, "{at_us}");
    let next_us = reserved(reserve(&store, wish(NOW_US)).await);
    assert!(next_us >= at_us + 200_000, "{at_us} {next_us}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_at_once_get_different_times() {
    let database = embedded::database().expect("a database");
    let served = embedded::serve(database, 0).await.expect("a port");
    let client = embedded::client_over_tcp(&served.endpoint);
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock));
    let callers = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { reserve(&store, wish(NOW_US)).await })
    });
    let mut times = BTreeSet::new();
    for caller in callers.collect::<Vec<_>>() {
        times.insert(reserved(caller.await.expect("no panic")));
    }
    let expected: BTreeSet<_> = (0..50).map(|n| NOW_US + n * 200_000).collect();
    assert_eq!(times, expected);
}
