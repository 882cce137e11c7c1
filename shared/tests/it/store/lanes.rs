//! A lane has one lease holder at a time, and its successor learns of an expired lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alimi::domain::PacerPosition;
use alimi::ports::{Acquired, ExpiredLease, Lanes, Lease, LeaseTerms, Saved, WakeGroup};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFault, DatabaseFaults};

use super::fixture::{CHANNEL, Fixture, NOW_MS, SetClock, fixture};

/// Terms of a new holder.
pub fn terms(now_ms: i64) -> LeaseTerms {
    static HOLDERS: AtomicU64 = AtomicU64::new(0);
    LeaseTerms {
        now_ms,
        until_ms: now_ms + 10_000,
        skew_ms: 500,
        confirm_within_ms: 1_800_000,
        holder: HOLDERS.fetch_add(1, Ordering::Relaxed),
        group: WakeGroup::One,
        wake_sent_at_ms: None,
        despite_pause: false,
    }
}

pub fn leased(acquired: Acquired) -> Lease {
    match acquired {
        Acquired::Leased(lease) => lease,
        other @ (Acquired::Held | Acquired::Obsolete | Acquired::MustWait { .. }) => {
            panic!("there is no lease: {other:?}")
        }
    }
}

#[tokio::test]
async fn a_lease_acquired_without_an_answer_is_found_by_the_next_try() {
    let Fixture { store, .. } = fixture();
    let first = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert_eq!(first.fence, 1);
    assert_eq!(first.predecessor, None);
    let mine = terms(NOW_MS + 20_000);
    let taken_once = leased(store.acquire(CHANNEL, mine).await.expect("an answer"));
    let again = LeaseTerms { now_ms: NOW_MS + 20_100, ..mine };
    let taken_again = leased(store.acquire(CHANNEL, again).await.expect("an answer"));
    assert_eq!(taken_once.fence, 2);
    assert_eq!(taken_again.fence, 2);
    // The claims of the expired lease are still to be recovered.
    let expired = taken_again.predecessor.expect("an expired lease");
    assert_eq!(expired.unrecovered_since_ms, NOW_MS);
    let expired_once = taken_once.predecessor.expect("an expired lease");
    assert!(expired.lease_until_ms >= expired_once.lease_until_ms);
    let other = store.acquire(CHANNEL, terms(NOW_MS + 20_200)).await.expect("an answer");
    assert_eq!(other, Acquired::Held);
}

#[tokio::test]
async fn a_wake_from_before_the_lease_is_obsolete_unless_the_lease_expired() {
    let Fixture { store, .. } = fixture();
    let ask = async |now_ms: i64, wake_sent_at_ms: i64| {
        let terms = LeaseTerms { wake_sent_at_ms: Some(wake_sent_at_ms), ..terms(now_ms) };
        store.acquire(CHANNEL, terms).await.expect("an answer")
    };
    let lease = leased(ask(NOW_MS, NOW_MS - 60_000).await);
    let old_ms = NOW_MS - 5_001;
    assert_eq!(ask(NOW_MS + 1_000, old_ms).await, Acquired::Obsolete);
    // The work that these wakes announce may be newer than the holder's first look at the queue.
    assert_eq!(ask(NOW_MS + 1_000, NOW_MS - 4_000).await, Acquired::Held);
    assert_eq!(ask(NOW_MS + 1_000, NOW_MS + 500).await, Acquired::Held);
    // The lease expired: whoever is woken takes over, however old the wake is.
    let successor = leased(ask(NOW_MS + 20_000, old_ms).await);
    assert_eq!(successor.fence, lease.fence + 1);
    // The lease was released, and its holder had read the queue before.
    let released = store.release(&successor, successor.position).await.expect("an answer");
    assert_eq!(released, Saved::Done);
    assert_eq!(ask(NOW_MS + 21_000, NOW_MS + 10_000).await, Acquired::Obsolete);
    leased(ask(NOW_MS + 21_000, NOW_MS + 20_500).await);
}

#[tokio::test]
async fn a_lease_has_one_holder_and_its_successor_gets_the_position() {
    let Fixture { store, .. } = fixture();
    let first = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert_eq!(first.fence, 1);
    assert_eq!(first.predecessor, None);
    assert_eq!(store.acquire(CHANNEL, terms(NOW_MS + 1)).await.expect("an answer"), Acquired::Held);

    let position = PacerPosition { next_at_us: 42, ..PacerPosition::default() };
    assert_eq!(store.release(&first, position).await.expect("an answer"), Saved::Done);
    let second = leased(store.acquire(CHANNEL, terms(NOW_MS + 2)).await.expect("an answer"));
    assert_eq!(second.fence, 2);
    assert_eq!(second.position, position);
    assert_eq!(second.predecessor, None);

    let late = store.renew(&first, position, NOW_MS + 99_000).await.expect("an answer");
    assert_eq!(late, Saved::Conflict, "a released lease cannot be renewed");
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_after_the_skew_and_reported_to_the_successor() {
    let Fixture { store, .. } = fixture();
    let first = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    let moved = PacerPosition { next_at_us: 7, ..PacerPosition::default() };
    let renewed = store.renew(&first, moved, NOW_MS + 13_000).await;
    assert_eq!(renewed.expect("an answer"), Saved::Done);
    let early = store.acquire(CHANNEL, terms(NOW_MS + 13_499)).await.expect("an answer");
    assert_eq!(early, Acquired::Held);

    let second = leased(store.acquire(CHANNEL, terms(NOW_MS + 13_500)).await.expect("an answer"));
    let expired = ExpiredLease {
        unrecovered_since_ms: NOW_MS,
        lease_until_ms: NOW_MS + 13_000,
        confirm_within_ms: 1_800_000,
        group: Some(WakeGroup::One),
    };
    assert_eq!(second.fence, 2);
    assert_eq!(second.predecessor, Some(expired));
    assert_eq!(second.position, moved);
    let stale = store.renew(&first, PacerPosition::default(), NOW_MS + 99_000).await;
    assert_eq!(stale.expect("an answer"), Saved::Conflict);

    // The second lease expires too, before its holder could recover the claims of the first one.
    let third = leased(store.acquire(CHANNEL, terms(NOW_MS + 60_000)).await.expect("an answer"));
    assert_eq!(third.predecessor.map(|expired| expired.unrecovered_since_ms), Some(NOW_MS));
}

#[tokio::test]
async fn a_lease_whose_answer_is_lost_is_recognised_as_our_own() {
    let Fixture { store, faults, .. } = fixture();
    // The first request reads the row of the lane, and the second one acquires the lease.
    faults.pass(1);
    faults.add(DatabaseFault::AnswerLost);
    let lease = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert_eq!(lease.fence, 1);
}

#[tokio::test]
async fn of_many_concurrent_requests_one_gets_the_lease() {
    let Fixture { store, .. } = fixture();
    let wants = (0..20).map(|_| {
        let store = store.clone();
        async move { store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer") }
    });
    let all = futures::future::join_all(wants).await;
    assert_eq!(all.iter().filter(|acquired| matches!(acquired, Acquired::Leased(_))).count(), 1);
}

/// A holder that was frozen wakes up and renews its lease after another sender has read the row and
/// found the lease expired.
#[tokio::test(start_paused = true)]
async fn a_renewal_between_the_read_and_the_write_of_another_sender_keeps_the_lease() {
    let database = embedded::database().expect("a database");
    let store = |latency_ms| {
        let latency = Duration::from_millis(latency_ms);
        let faults = DatabaseFaults::default();
        let client = embedded::client_in_process(database.clone(), latency, faults);
        DynamoStore::new(client, embedded::tables(), Arc::new(SetClock(NOW_MS.into())))
    };
    let (holder, rival) = (store(0), store(100));
    let lease = leased(holder.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    // The taker's read has its effect after 100 ms, and its write after 300 ms.
    let (taken, renewed) = tokio::join!(rival.acquire(CHANNEL, terms(NOW_MS + 10_500)), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        holder.renew(&lease, lease.position, NOW_MS + 21_000).await
    });
    assert_eq!(renewed.expect("an answer"), Saved::Done);
    assert_eq!(taken.expect("an answer"), Acquired::Held);
    let again = holder.renew(&lease, lease.position, NOW_MS + 22_000).await;
    assert_eq!(again.expect("an answer"), Saved::Done, "the lease is still the holder's");
}
