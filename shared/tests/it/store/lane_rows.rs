//! What a lane's row says beside its lease: how long the lane waits, which drains are open, and what
//! newer code has added.

use std::collections::HashMap;

use alimi::domain::circuit_breaker::{CircuitBreaker, Failure, Permit};
use alimi::domain::{Event, PacerPosition, Reason, Refused, Status, transition};
use alimi::ports::{Acquired, LaneState, Lanes, LeaseTerms, OpenDrain, PortError, Saved};
use alimi_local::aws::embedded;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::fixture::{CHANNEL, Fixture, NOW_MS, claimed, fixture, notification};
use super::lanes::{leased, terms};
use super::raw::{Item, number, text};

const KEY: &str = "lane#alimtalk-main";

async fn row(client: &Client) -> Item {
    let get = client.get_item().table_name(embedded::tables().state).key("pk", text(KEY));
    get.send().await.expect("read").item.expect("a row")
}

async fn put_row(client: &Client, row: Item) {
    let put = client.put_item().table_name(embedded::tables().state).set_item(Some(row));
    put.send().await.expect("stored");
}

/// A row as code without schemas and open drains wrote it, with a lease that was given back.
fn first_shape() -> Item {
    let position = serde_dynamo::to_attribute_value(PacerPosition::default()).expect("a position");
    HashMap::from([
        ("pk".to_owned(), text(KEY)),
        ("fence".to_owned(), number(7)),
        ("holder".to_owned(), number(99)),
        ("since_ms".to_owned(), number(NOW_MS - 60_000)),
        ("confirm_within_ms".to_owned(), number(1_800_000)),
        ("position".to_owned(), position),
    ])
}

/// A position with an open circuit, and when its next probe is due, in milliseconds.
fn open_circuit() -> (PacerPosition, i64) {
    let mut circuit_breaker = CircuitBreaker::default();
    for _ in 0..6 {
        circuit_breaker.probe_now();
        circuit_breaker.fail(Failure::ClosedDoor, 1000 * NOW_MS, 0);
    }
    let Permit::Probe { at_us } = circuit_breaker.permit(1000 * NOW_MS) else { panic!("closed") };
    (PacerPosition { circuit_breaker, ..PacerPosition::default() }, at_us / 1000)
}

fn is_done(saved: Result<Saved, PortError>) -> bool {
    saved.is_ok_and(|saved| saved == Saved::Done)
}

async fn open_drains(store: &impl Lanes) -> Vec<OpenDrain> {
    store.lane_state(CHANNEL).await.expect("an answer").map_or(vec![], |state| state.open_drains)
}

#[tokio::test]
async fn a_drain_is_open_from_its_lease_until_it_is_closed() {
    let Fixture { store, .. } = fixture();
    assert_eq!(store.lane_state(CHANNEL).await.expect("an answer"), None);
    let first = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert!(is_done(store.release(&first, first.position).await));
    let second = leased(store.acquire(CHANNEL, terms(NOW_MS + 9)).await.expect("an answer"));
    // Its last answers are awaited after the lease was given back.
    let open = |fence, began_at_ms| OpenDrain { fence, began_at_ms, confirm_within_ms: 1_800_000 };
    let both = [open(1, NOW_MS), open(2, NOW_MS + 9)];
    assert_eq!(open_drains(&*store).await, both);
    for _ in 0..2 {
        store.close_drain(CHANNEL, first.fence).await.expect("closing it again changes nothing");
        assert_eq!(open_drains(&*store).await, both[1..]);
    }
    assert!(is_done(store.renew(&second, second.position, NOW_MS + 99_000).await));
    let state = store.lane_state(CHANNEL).await.expect("an answer").expect("a row");
    assert_eq!(state.leased_until_ms, Some(NOW_MS + 99_000));
    assert_eq!(state.open_drains, both[1..]);
}

/// The drains of ten holders are in the order of their fences, not of the texts.
#[tokio::test]
async fn open_drains_are_in_the_order_of_their_fences() {
    let Fixture { store, .. } = fixture();
    for n in 0..11 {
        leased(store.acquire(CHANNEL, terms(NOW_MS + 60_000 * n)).await.expect("an answer"));
    }
    let fences: Vec<u64> = open_drains(&*store).await.iter().map(|drain| drain.fence).collect();
    assert_eq!(fences, (1..=11).collect::<Vec<u64>>());
}

/// One sender takes the lane while the drain of another is closed. Neither undoes the other's write.
#[tokio::test]
async fn a_drain_that_is_closed_while_the_lane_is_taken_stays_closed() {
    let Fixture { store, .. } = fixture();
    let mut open = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    for n in 1..20 {
        let taking = store.acquire(CHANNEL, terms(NOW_MS + 60_000 * n));
        let (taken, closed) = tokio::join!(taking, store.close_drain(CHANNEL, open.fence));
        closed.expect("closed");
        open = leased(taken.expect("an answer"));
        let fences: Vec<u64> = open_drains(&*store).await.iter().map(|drain| drain.fence).collect();
        assert_eq!(fences, [open.fence]);
    }
}

#[tokio::test]
async fn closing_a_drain_of_a_lane_without_a_row_or_without_drains_does_nothing() {
    let Fixture { store, client, .. } = fixture();
    store.close_drain(CHANNEL, 1).await.expect("nothing to close");
    assert_eq!(store.lane_state(CHANNEL).await.expect("an answer"), None);
    put_row(&client, first_shape()).await;
    store.close_drain(CHANNEL, 7).await.expect("nothing to close");
    assert_eq!(row(&client).await, first_shape());
}

#[tokio::test]
async fn a_row_of_the_first_shape_is_read_and_gets_a_schema_and_its_drains() {
    let Fixture { store, client, .. } = fixture();
    put_row(&client, first_shape()).await;
    let state = store.lane_state(CHANNEL).await.expect("an answer").expect("a row");
    assert_eq!(state, LaneState::default());
    let lease = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert_eq!((lease.fence, lease.predecessor), (8, None));
    let row = row(&client).await;
    assert_eq!(row.get("schema"), Some(&number(1)));
    let drains = row.get("drains").and_then(|drains| drains.as_m().ok()).expect("a map");
    assert_eq!(drains.keys().collect::<Vec<_>>(), ["8"]);
}

#[tokio::test]
async fn what_newer_code_added_to_a_lanes_row_survives_every_write() {
    let Fixture { store, client, .. } = fixture();
    let first = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    let mut newer = row(&client).await;
    newer.insert("added".into(), AttributeValue::Ss(vec!["a".into(), "b".into()]));
    let Some(AttributeValue::M(drains)) = newer.get_mut("drains") else { panic!("no drains") };
    let Some(AttributeValue::M(drain)) = drains.get_mut("1") else { panic!("no drain") };
    drain.insert("added".into(), text("in the drain"));
    put_row(&client, newer.clone()).await;

    assert!(is_done(store.renew(&first, first.position, NOW_MS + 11_000).await));
    assert!(is_done(store.release(&first, first.position).await));
    let second = leased(store.acquire(CHANNEL, terms(NOW_MS + 1)).await.expect("an answer"));
    store.close_drain(CHANNEL, second.fence).await.expect("closed");
    let after = row(&client).await;
    for name in ["added", "drains"] {
        assert_eq!(after.get(name), newer.get(name), "{name}");
    }
}

#[tokio::test]
async fn a_lanes_row_of_a_higher_schema_is_read_and_never_written() {
    let Fixture { store, client, .. } = fixture();
    let lease = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    let mut newer = row(&client).await;
    newer.insert("schema".into(), number(2));
    put_row(&client, newer.clone()).await;

    assert_eq!(open_drains(&*store).await.len(), 1);
    let taken = store.acquire(CHANNEL, terms(NOW_MS + 60_000)).await;
    assert!(matches!(taken, Err(PortError::Unusable { .. })), "{taken:?}");
    let renewed = store.renew(&lease, lease.position, NOW_MS + 20_000).await;
    assert_eq!(renewed.expect("an answer"), Saved::Conflict);
    let released = store.release(&lease, lease.position).await;
    assert_eq!(released.expect("an answer"), Saved::Conflict);
    let closed = store.close_drain(CHANNEL, lease.fence).await;
    assert!(matches!(closed, Err(PortError::Unusable { .. })), "{closed:?}");
    assert_eq!(row(&client).await, newer);
}

#[tokio::test]
async fn a_lane_that_must_wait_is_not_taken_and_its_row_is_not_written() {
    let Fixture { store, client, .. } = fixture();
    let lease = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    let (position, probe_at_ms) = open_circuit();
    assert!(is_done(store.release(&lease, position).await));
    let before = row(&client).await;

    let acquired = store.acquire(CHANNEL, terms(NOW_MS + 1_000)).await.expect("an answer");
    let Acquired::MustWait { until_ms } = acquired else { panic!("{acquired:?}") };
    assert!((probe_at_ms..=probe_at_ms + 1).contains(&until_ms), "{until_ms} {probe_at_ms}");
    assert_eq!(row(&client).await, before);
    // A wake from before the last drain has nothing to say, whether or not the lane waits.
    let old = LeaseTerms { wake_sent_at_ms: Some(NOW_MS - 6_000), ..terms(NOW_MS + 1_000) };
    assert_eq!(store.acquire(CHANNEL, old).await.expect("an answer"), Acquired::Obsolete);

    let at_the_probe = leased(store.acquire(CHANNEL, terms(probe_at_ms)).await.expect("an answer"));
    assert_eq!(at_the_probe.position, position);
}

#[tokio::test]
async fn a_change_by_an_operator_takes_a_lane_that_must_wait() {
    let Fixture { store, .. } = fixture();
    let lease = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    let (position, _) = open_circuit();
    assert!(is_done(store.release(&lease, position).await));
    let changed = LeaseTerms { despite_pause: true, ..terms(NOW_MS + 1_000) };
    let taken = leased(store.acquire(CHANNEL, changed).await.expect("an answer"));
    assert_eq!((taken.fence, taken.position), (2, position));
}

#[tokio::test]
async fn a_lease_that_expired_is_taken_although_the_lane_must_wait() {
    let Fixture { store, .. } = fixture();
    let lease = leased(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    let (position, probe_at_ms) = open_circuit();
    assert!(is_done(store.renew(&lease, position, NOW_MS + 10_000).await));
    assert!(probe_at_ms > NOW_MS + 20_000);
    let held = store.acquire(CHANNEL, terms(NOW_MS + 5_000)).await.expect("an answer");
    assert_eq!(held, Acquired::Held);
    let taken = leased(store.acquire(CHANNEL, terms(NOW_MS + 11_000)).await.expect("an answer"));
    assert!(taken.predecessor.is_some(), "its claims have to be recovered");
}

/// The sweeper and a successor end the claims of earlier holders. The claims of the drain itself may
/// still be under way.
#[test]
fn a_lost_sender_ends_no_claim_of_its_own_fence_or_of_a_later_one() {
    let claimed = claimed(&notification(0), 3);
    let lost = |fence| transition(&claimed, &Event::SenderLost { fence, at_ms: NOW_MS });
    for fence in [2, 3] {
        assert_eq!(lost(fence), Err(Refused::NoSuchAttempt), "{fence}");
    }
    let ended = lost(4).expect("a move").notification;
    assert_eq!((ended.status, ended.reason), (Status::Unknown, Some(Reason::SenderLost)));
}
