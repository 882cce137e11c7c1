//! A day's count of a producer never exceeds its maximum, whoever counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use alimi::domain::{DailyQuota, QuotaDay};
use alimi::ports::{CountWish, Counted, PutPace, PutWish, Quotas, Reserved};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFault};
use jiff::{SignedDuration, Timestamp};

use super::fixture::{Fixture, NOW_MS, SetClock, fixture};

/// The day in Seoul that is this many days after the fixture's.
fn day(later: i64) -> QuotaDay {
    let quota = DailyQuota { notifications_per_day: 1, timezone: "Asia/Seoul".into() };
    let now = Timestamp::from_millisecond(NOW_MS).expect("a time");
    quota.day(now + SignedDuration::from_hours(24 * later))
}

/// A wish that no other one equals.
fn wish<'a>(producer: &'a str, day: &'a QuotaDay, count: u32, max: u32) -> CountWish<'a> {
    static TOKENS: AtomicU64 = AtomicU64::new(0);
    CountWish { producer, day, count, max, token: TOKENS.fetch_add(1, Ordering::Relaxed) }
}

async fn count(store: &DynamoStore, day: &QuotaDay, count: u32) -> Counted {
    store.count(wish("shop", day, count, 10)).await.expect("an answer")
}

#[tokio::test]
async fn notifications_count_all_together_or_not_at_all() {
    let Fixture { store, .. } = fixture();
    let today = day(0);
    assert_eq!(count(&store, &today, 7).await, Counted::Done { total: 7 });
    assert_eq!(count(&store, &today, 4).await, Counted::Refused { total: 7 });
    assert_eq!(count(&store, &today, 3).await, Counted::Done { total: 10 });
    assert_eq!(count(&store, &today, 1).await, Counted::Refused { total: 10 });
    assert_eq!(count(&store, &today, 11).await, Counted::Refused { total: 0 });
    let other = store.count(wish("school", &today, 10, 10)).await.expect("an answer");
    assert_eq!(other, Counted::Done { total: 10 }, "another producer");
    let raised = store.count(wish("shop", &today, 1, 11)).await.expect("an answer");
    assert_eq!(raised, Counted::Done { total: 11 }, "a larger quota");
}

#[tokio::test]
async fn each_day_begins_at_zero() {
    let Fixture { store, .. } = fixture();
    assert_eq!(count(&store, &day(0), 10).await, Counted::Done { total: 10 });
    assert_eq!(count(&store, &day(1), 4).await, Counted::Done { total: 4 });
    // A process whose clock is a little behind goes on with the day that has begun.
    assert_eq!(count(&store, &day(0), 5).await, Counted::Done { total: 9 });
    assert_eq!(count(&store, &day(0), 2).await, Counted::Refused { total: 9 });
    assert_eq!(count(&store, &day(5), 1).await, Counted::Done { total: 1 });
}

/// A machine whose clock is weeks ahead must not stop a producer for weeks.
#[tokio::test]
async fn a_day_that_nobody_can_have_meant_is_forgotten() {
    let Fixture { store, .. } = fixture();
    assert_eq!(count(&store, &day(30), 10).await, Counted::Done { total: 10 });
    assert_eq!(count(&store, &day(0), 1).await, Counted::Done { total: 1 });
}

/// The client repeats the update, and finds its own count.
#[tokio::test]
async fn a_lost_answer_counts_nothing_twice() {
    let Fixture { store, faults, .. } = fixture();
    for total in [4, 7, 10] {
        faults.add(DatabaseFault::AnswerLost);
        let counted = count(&store, &day(0), if total == 4 { 4 } else { 3 }).await;
        assert_eq!(counted, Counted::Done { total });
        assert_eq!(faults.left(), 0);
    }
    assert_eq!(count(&store, &day(0), 1).await, Counted::Refused { total: 10 });
    // The first count of a day finds the row of the day before.
    faults.pass(1);
    faults.add(DatabaseFault::AnswerLost);
    assert_eq!(count(&store, &day(1), 10).await, Counted::Done { total: 10 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_at_once_never_exceed_a_quota() {
    let database = embedded::database().expect("a database");
    let served = embedded::serve(database, 0).await.expect("a port");
    let client = embedded::client_over_tcp(&served.endpoint);
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock));
    let counting = (0..40).map(|_| {
        let store = store.clone();
        tokio::spawn(
            async move { store.count(wish("shop", &day(0), 3, 100)).await.expect("an answer") },
        )
    });
    let mut counted = 0;
    for one in counting.collect::<Vec<_>>() {
        counted += u32::from(matches!(one.await.expect("no panic"), Counted::Done { .. }));
    }
    assert_eq!(counted, 33, "33 times 3 are 99");
}

/// A producer may have the name of a channel.
#[tokio::test]
async fn the_requests_of_a_producer_and_the_puts_of_a_channel_have_times_of_their_own() {
    let Fixture { store, .. } = fixture();
    let now_us = 1_000 * NOW_MS;
    let turn =
        PutWish { count: 1, spacing_us: 500_000, earliest_us: now_us, latest_us: Some(now_us) };
    let from_now = Reserved::From { at_us: now_us };
    assert_eq!(store.reserve_request("shop", turn).await.expect("an answer"), from_now);
    assert_eq!(store.reserve("shop", turn).await.expect("an answer"), from_now);
    let late = store.reserve_request("shop", turn).await.expect("an answer");
    assert_eq!(late, Reserved::TooLate { next_us: now_us + 500_000 });
}
