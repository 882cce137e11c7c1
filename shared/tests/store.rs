//! The store, through the real client against the embedded DynamoDB.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail the test that called them")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use alimi::domain::agenda::{confirm_partition, due_partition, ready_partition};
use alimi::domain::audience::file::Member;
use alimi::domain::*;
use alimi::ports::scheduling::*;
use alimi::ports::*;
use alimi::store::DynamoStore;
use alimi_local::embedded::{self, DatabaseFault, DatabaseFaults};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const NOW_MS: i64 = 1_772_413_200_000;
const CHANNEL: &str = "alimtalk-main";

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        1000 * self.0.load(Ordering::Relaxed)
    }
}

struct Fixture {
    store: Arc<DynamoStore>,
    clock: Arc<SetClock>,
    faults: DatabaseFaults,
}

fn fixture() -> Fixture {
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let faults = DatabaseFaults::default();
    let database = embedded::database().expect("a database");
    let client = embedded::client_in_process(database, Duration::ZERO, faults.clone());
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
    Fixture { store, clock, faults }
}

fn notification(index: usize) -> Notification {
    let key = RequestKey { caller: "c", route: "r", idempotency_key: "k" };
    Notification {
        id: key.notification_id(index),
        revision: 0,
        request_digest: "digest".into(),
        channel: CHANNEL.into(),
        template: "t".into(),
        recipient: Recipient {
            id: "u".into(),
            phone: PhoneNumber::try_from("01012345678".to_owned()).ok(),
            timezone: None,
        },
        message: Message {
            template_code: Some("T1".into()),
            body: "안녕하세요".into(),
            buttons: vec![],
            fallback: Some(Fallback::Lms { subject: None, body: "안녕".into() }),
        },
        priority: Priority::REAL_TIME,
        window_class: WindowClass::EXEMPT,
        place: None,
        status: Status::Queued,
        reason: None,
        claim: 0,
        attempt: 0,
        attempt_unsent: false,
        failures: 0,
        attempts: vec![],
        receipts: vec![],
        created_at_ms: NOW_MS,
        ready_at_ms: NOW_MS,
        not_before_ms: None,
        expires_at_ms: None,
        confirm_within_ms: None,
        deadline_ms: None,
        status_since_ms: NOW_MS,
    }
}

fn claimed(n: &Notification, fence: u64) -> Notification {
    let event = Event::Claimed { at_ms: NOW_MS, fence, confirm_within_ms: 1_800_000 };
    transition(n, &event).expect("a claim").notification
}

async fn ids(store: &DynamoStore, partition: &str) -> Vec<NotificationId> {
    let entries = store.entries(partition, None, None, 100).await.expect("entries");
    entries.into_iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn what_is_stored_is_read_back_whole() {
    let Fixture { store, .. } = fixture();
    let mut n = claimed(&notification(0), 3);
    n.place = Some(SequencePlace {
        sequence: RequestKey { caller: "c", route: "r", idempotency_key: "k" }.sequence_id(),
        step: 0,
        steps: 2,
    });
    n.receipts.push(ReceiptRecord {
        attempt: 1,
        received_at_ms: NOW_MS,
        code: "7308".into(),
        medium: Some("KAT".into()),
    });
    n.reason = Some(Reason::Undelivered("7308".into()));
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    assert_eq!(store.load(&n.id).await.expect("read"), Some(n));
}

#[tokio::test]
async fn an_id_is_taken_once() {
    let Fixture { store, .. } = fixture();
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    let other = Notification { template: "other".into(), ..n.clone() };
    assert_eq!(store.create(&other).await.expect("read"), Created::Existing(Box::new(n)));
}

#[tokio::test]
async fn of_fifty_claims_one_wins() {
    let database = embedded::database().expect("a database");
    let served = embedded::serve(database, 0).await.expect("a port");
    let client = embedded::client_over_tcp(&served.endpoint);
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock));
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);

    let start = Arc::new(tokio::sync::Barrier::new(50));
    let claims = (0..50).map(|fence| {
        let (store, start, mut claim) = (store.clone(), start.clone(), [claimed(&n, fence)]);
        tokio::spawn(async move {
            start.wait().await;
            (fence, store.save(&mut claim).await.expect("an answer"))
        })
    });
    let mut won = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        let (fence, saved) = claim.await.expect("no panic");
        if saved == Saved::Done {
            won.push(fence);
        }
    }
    assert_eq!(won.len(), 1, "won by {won:?}");
    let stored = store.load(&n.id).await.expect("read").expect("there");
    assert_eq!((stored.revision, stored.attempts[0].fence), (1, won[0]));
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_is_found_to_be_done() {
    let Fixture { store, faults, .. } = fixture();
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    faults.add(DatabaseFault::AnswerLost);
    // The client tries again, and its second try fails on the first one's write.
    let mut claim = [claimed(&n, 1)];
    assert_eq!(store.save(&mut claim).await.expect("an answer"), Saved::Done);
    // Another sender's claim would differ in its fence.
    assert_eq!(store.save(&mut [claimed(&n, 2)]).await.expect("an answer"), Saved::Lost);
}

#[tokio::test]
async fn delivered_and_released_are_one_write() {
    let Fixture { store, .. } = fixture();
    let first = notification(0);
    let next = Notification { status: Status::Blocked, ..notification(1) };
    assert_eq!(store.create(&first).await.expect("stored"), Created::New);
    assert_eq!(store.create(&next).await.expect("stored"), Created::New);

    let delivered = Notification { status: Status::Delivered, ..first.clone() };
    let released = Notification { status: Status::Queued, ..next.clone() };
    let stale = Notification { revision: 5, ..released.clone() };
    let refused = store.save(&mut [delivered.clone(), stale]).await.expect("an answer");
    assert_eq!(refused, Saved::Lost);
    assert_eq!(store.load(&first.id).await.expect("read"), Some(first.clone()));

    let done = store.save(&mut [delivered, released]).await.expect("an answer");
    assert_eq!(done, Saved::Done);
    let statuses = [
        store.load(&first.id).await.expect("read").expect("there").status,
        store.load(&next.id).await.expect("read").expect("there").status,
    ];
    assert_eq!(statuses, [Status::Delivered, Status::Queued]);
}

#[tokio::test]
async fn a_sequence_is_stored_whole_or_not_at_all() {
    let Fixture { store, .. } = fixture();
    let steps = [notification(0), notification(1), notification(2)];
    assert_eq!(store.create(&steps[1]).await.expect("stored"), Created::New);
    assert_eq!(store.create_all(&steps).await.expect("an answer"), Saved::Lost);
    assert_eq!(store.load(&steps[0].id).await.expect("read"), None);
}

#[tokio::test]
async fn the_queue_is_read_by_priority_then_age() {
    let Fixture { store, .. } = fixture();
    let wanted = [(0, 5), (0, 9), (1, 1), (600, 0), (10_000, 0)];
    for index in [3, 1, 4, 0, 2] {
        let (priority, age_ms) = wanted[index];
        let n = Notification {
            priority: Priority(priority),
            ready_at_ms: NOW_MS + age_ms,
            ..notification(index)
        };
        assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    }
    let expected: Vec<_> = (0..5).map(|index| notification(index).id).collect();
    assert_eq!(ids(&store, &ready_partition(CHANNEL, &WindowClass::EXEMPT)).await, expected);
}

#[tokio::test]
async fn the_indexes_follow_the_status() {
    let Fixture { store, .. } = fixture();
    let ready = ready_partition(CHANNEL, &WindowClass::EXEMPT);
    let (due, confirm) = (due_partition(CHANNEL), confirm_partition(CHANNEL));
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    assert_eq!(ids(&store, &ready).await, std::slice::from_ref(&n.id));

    let mut saved = [claimed(&n, 1)];
    assert_eq!(store.save(&mut saved).await.expect("saved"), Saved::Done);
    assert_eq!(ids(&store, &ready).await, []);
    assert_eq!(ids(&store, &confirm).await, std::slice::from_ref(&n.id));

    saved[0].status = Status::Deferred;
    assert_eq!(store.save(&mut saved).await.expect("saved"), Saved::Done);
    assert_eq!(ids(&store, &confirm).await, []);
    assert_eq!(ids(&store, &due).await, std::slice::from_ref(&n.id));

    saved[0].status = Status::Delivered;
    assert_eq!(store.save(&mut saved).await.expect("saved"), Saved::Done);
    assert_eq!(ids(&store, &due).await, []);
}

#[tokio::test]
async fn what_outlived_its_retention_is_not_there_even_before_it_is_deleted() {
    let Fixture { store, clock, .. } = fixture();
    let n = Notification { status: Status::Delivered, ..notification(0) };
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    clock.0.store(NOW_MS + 29 * 86_400_000, Ordering::Relaxed);
    assert!(store.load(&n.id).await.expect("read").is_some());
    clock.0.store(NOW_MS + 31 * 86_400_000, Ordering::Relaxed);
    assert_eq!(store.load(&n.id).await.expect("read"), None);
    assert_eq!(store.create(&notification(0)).await.expect("stored"), Created::New);

    // What is not over has no such time.
    clock.0.store(NOW_MS + 400 * 86_400_000, Ordering::Relaxed);
    assert!(store.load(&n.id).await.expect("read").is_some());
}

fn terms(now_ms: i64) -> LeaseTerms {
    static HOLDERS: AtomicU64 = AtomicU64::new(0);
    LeaseTerms {
        now_ms,
        until_ms: now_ms + 10_000,
        skew_ms: 500,
        confirm_within_ms: 1_800_000,
        holder: HOLDERS.fetch_add(1, Ordering::Relaxed),
        group: WakeGroup::One,
        woken_at_ms: None,
    }
}

fn taken(taken: Taken) -> Lease {
    match taken {
        Taken::Yes(lease) => lease,
        Taken::Held | Taken::Served => panic!("the lease is held"),
    }
}

#[tokio::test]
async fn a_lease_whose_taking_got_no_answer_is_found_by_the_next_try() {
    let Fixture { store, .. } = fixture();
    let first = taken(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert_eq!((first.fence, first.lost), (1, None));
    let mine = terms(NOW_MS + 20_000);
    let taken_once = taken(store.acquire(CHANNEL, mine).await.expect("an answer"));
    let again = LeaseTerms { now_ms: NOW_MS + 20_100, ..mine };
    let taken_again = taken(store.acquire(CHANNEL, again).await.expect("an answer"));
    assert_eq!((taken_once.fence, taken_again.fence), (2, 2));
    // Claims of the lost holder before are still to be looked for.
    let lost = taken_again.lost.expect("a lost holder");
    assert_eq!(lost.since_ms, NOW_MS);
    assert!(lost.until_ms >= taken_once.lost.expect("a lost holder").until_ms);
    let other = store.acquire(CHANNEL, terms(NOW_MS + 20_200)).await.expect("an answer");
    assert_eq!(other, Taken::Held);
}

#[tokio::test]
async fn a_wake_from_before_the_lane_was_taken_is_served_unless_its_holder_was_lost() {
    let Fixture { store, .. } = fixture();
    let woken = |now_ms: i64, at_ms: i64| LeaseTerms { woken_at_ms: Some(at_ms), ..terms(now_ms) };
    let lease = taken(store.acquire(CHANNEL, woken(NOW_MS, NOW_MS - 60_000)).await.expect("taken"));
    let old = NOW_MS - 5_001;
    let ask =
        async |now_ms, at_ms| store.acquire(CHANNEL, woken(now_ms, at_ms)).await.expect("taken");
    assert_eq!(ask(NOW_MS + 1_000, old).await, Taken::Served);
    // What it was sent for may not have been seen by whoever came a moment later.
    assert_eq!(ask(NOW_MS + 1_000, NOW_MS - 4_000).await, Taken::Held);
    assert_eq!(ask(NOW_MS + 1_000, NOW_MS + 500).await, Taken::Held);
    // Lost: whoever is woken takes over, however old the wake.
    let successor = taken(ask(NOW_MS + 20_000, old).await);
    assert_eq!(successor.fence, lease.fence + 1);
    // Given back: it had looked.
    let released = store.release(&successor, successor.position).await.expect("an answer");
    assert_eq!(released, Saved::Done);
    assert_eq!(ask(NOW_MS + 21_000, NOW_MS + 10_000).await, Taken::Served);
    taken(ask(NOW_MS + 21_000, NOW_MS + 20_500).await);
}

#[tokio::test]
async fn a_lease_has_one_holder_and_is_handed_over_with_its_position() {
    let Fixture { store, .. } = fixture();
    let first = taken(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert_eq!((first.fence, first.lost), (1, None));
    assert_eq!(store.acquire(CHANNEL, terms(NOW_MS + 1)).await.expect("an answer"), Taken::Held);

    let position = PacerPosition { next_at_us: 42, ..PacerPosition::default() };
    assert_eq!(store.release(&first, position).await.expect("an answer"), Saved::Done);
    let second = taken(store.acquire(CHANNEL, terms(NOW_MS + 2)).await.expect("an answer"));
    assert_eq!((second.fence, second.position, second.lost), (2, position, None));

    let late = store.renew(&first, position, NOW_MS + 99_000).await.expect("an answer");
    assert_eq!(late, Saved::Lost, "who gave it back has it no more");
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_after_the_skew_and_tells_of_the_lost_holder() {
    let Fixture { store, .. } = fixture();
    let first = taken(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    let moved = PacerPosition { next_at_us: 7, ..PacerPosition::default() };
    let renewed = store.renew(&first, moved, NOW_MS + 13_000).await;
    assert_eq!(renewed.expect("an answer"), Saved::Done);
    let early = store.acquire(CHANNEL, terms(NOW_MS + 13_499)).await.expect("an answer");
    assert_eq!(early, Taken::Held);

    let second = taken(store.acquire(CHANNEL, terms(NOW_MS + 13_500)).await.expect("an answer"));
    let lost = LostHolder {
        since_ms: NOW_MS,
        until_ms: NOW_MS + 13_000,
        confirm_within_ms: 1_800_000,
        group: Some(WakeGroup::One),
    };
    assert_eq!((second.fence, second.lost), (2, Some(lost)));
    assert_eq!(second.position, moved);
    let stale = store.renew(&first, PacerPosition::default(), NOW_MS + 99_000).await;
    assert_eq!(stale.expect("an answer"), Saved::Lost);

    // The second is lost as well, before it could look for the first one's claims.
    let third = taken(store.acquire(CHANNEL, terms(NOW_MS + 60_000)).await.expect("an answer"));
    assert_eq!(third.lost.map(|lost| lost.since_ms), Some(NOW_MS));
}

#[tokio::test]
async fn a_lease_whose_answer_is_lost_is_found_to_be_ours() {
    let Fixture { store, faults, .. } = fixture();
    // The first request reads the row, the second takes it.
    faults.pass(1);
    faults.add(DatabaseFault::AnswerLost);
    let lease = taken(store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer"));
    assert_eq!(lease.fence, 1);
}

#[tokio::test]
async fn of_many_who_want_a_lease_one_gets_it() {
    let Fixture { store, .. } = fixture();
    let wants = (0..20).map(|_| {
        let store = store.clone();
        async move { store.acquire(CHANNEL, terms(NOW_MS)).await.expect("an answer") }
    });
    let all = futures::future::join_all(wants).await;
    assert_eq!(all.iter().filter(|taken| matches!(taken, Taken::Yes(_))).count(), 1);
}

#[tokio::test]
async fn a_request_is_remembered_by_its_first_digest() {
    let Fixture { store, .. } = fixture();
    assert_eq!(store.recall("r").await.expect("an answer"), None);
    assert_eq!(store.remember("r", "one", NOW_MS).await.expect("an answer"), None);
    let second = store.remember("r", "two", NOW_MS).await.expect("an answer");
    assert_eq!(second.as_deref(), Some("one"));
    assert_eq!(store.recall("r").await.expect("an answer").as_deref(), Some("one"));
}

#[tokio::test]
async fn a_token_is_shared() {
    let Fixture { store, .. } = fixture();
    assert!(store.load_token(CHANNEL).await.expect("an answer").is_none());
    let token = StoredToken {
        token: SecretString::from("secret"),
        fetched_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 1000,
    };
    store.save_token(CHANNEL, &token).await.expect("saved");
    let read = store.load_token(CHANNEL).await.expect("an answer").expect("a token");
    assert_eq!(read.token.expose_secret(), "secret");
    assert_eq!(read.expires_at_ms, NOW_MS + 1000);
}

#[tokio::test]
async fn an_outage_is_told_as_such() {
    let Fixture { store, faults, .. } = fixture();
    for _ in 0..10 {
        faults.add(DatabaseFault::Refused);
    }
    let error = store.load(&notification(0).id).await.expect_err("an outage");
    assert!(matches!(error, PortError::Unavailable { .. }), "{error}");
}

fn document(body: Option<Value>) -> Document {
    Document {
        name: "daily".into(),
        revision: 0,
        body,
        changed_by: "kim".into(),
        changed_at_ms: NOW_MS,
    }
}

/// Makes a schedule's document say this.
async fn put(store: &DynamoStore, body: Value, expected: Expected) -> Changed {
    let document = document(Some(body));
    store.put_document(Kind::Schedule, &document, expected).await.expect("an answer")
}

async fn delete(store: &DynamoStore, expected: Expected) -> Changed {
    let deleted = store.delete_document(Kind::Schedule, "daily", expected, "lee", NOW_MS + 1).await;
    deleted.expect("an answer")
}

#[tokio::test]
async fn a_document_is_read_back_whole_and_among_its_kind_only() {
    let Fixture { store, .. } = fixture();
    let body = json!({
        "text": "하나", "number": 7, "no": null, "list": [true, { "deep": [] }], "object": {},
    });
    assert_eq!(put(&store, body.clone(), Expected::Absent).await, Changed::Done(1));
    let read = store.document(Kind::Schedule, "daily").await.expect("read");
    let stored = Document { revision: 1, ..document(Some(body)) };
    assert_eq!(read.as_ref(), Some(&stored));
    assert_eq!(store.documents(Kind::Schedule, None, 10).await.expect("read"), [stored]);
    for kind in [Kind::Channel, Kind::Template, Kind::Audience, Kind::Hours] {
        assert_eq!(store.document(kind, "daily").await.expect("read"), None);
        assert_eq!(store.documents(kind, None, 10).await.expect("read"), []);
        assert_eq!(store.history(kind, "daily", 10).await.expect("read"), []);
    }
}

#[tokio::test]
async fn a_document_changes_only_from_what_was_expected() {
    let Fixture { store, .. } = fixture();
    assert_eq!(put(&store, json!({}), Expected::Revision(1)).await, Changed::Lost(None));
    assert_eq!(delete(&store, Expected::Any).await, Changed::Lost(None));
    assert_eq!(put(&store, json!({}), Expected::Absent).await, Changed::Done(1));
    assert_eq!(put(&store, json!({}), Expected::Absent).await, Changed::Lost(Some(1)));
    assert_eq!(put(&store, json!({}), Expected::Revision(1)).await, Changed::Done(2));
    assert_eq!(put(&store, json!({}), Expected::Revision(1)).await, Changed::Lost(Some(2)));
    assert_eq!(delete(&store, Expected::Revision(1)).await, Changed::Lost(Some(2)));
    assert_eq!(put(&store, json!({}), Expected::Any).await, Changed::Done(3));
    assert!(store.put_document(Kind::Schedule, &document(None), Expected::Any).await.is_err());
    assert_eq!(store.history(Kind::Schedule, "daily", 10).await.expect("read").len(), 3);
}

#[tokio::test]
async fn a_revision_is_never_used_twice_even_when_the_document_is_made_anew() {
    let Fixture { store, .. } = fixture();
    assert_eq!(put(&store, json!({ "n": 1 }), Expected::Absent).await, Changed::Done(1));
    assert_eq!(delete(&store, Expected::Revision(1)).await, Changed::Done(2));
    assert_eq!(store.document(Kind::Schedule, "daily").await.expect("read"), None);
    assert_eq!(put(&store, json!({ "n": 3 }), Expected::Absent).await, Changed::Done(3));
    let history = store.history(Kind::Schedule, "daily", 10).await.expect("read");
    let told: Vec<_> = history
        .iter()
        .map(|revision| (revision.revision, revision.changed_by.as_str(), revision.body.clone()))
        .collect();
    let expected = [
        (3, "kim", Some(json!({ "n": 3 }))),
        (2, "lee", None),
        (1, "kim", Some(json!({ "n": 1 }))),
    ];
    assert_eq!(told, expected);
    assert_eq!(store.history(Kind::Schedule, "daily", 1).await.expect("read").len(), 1);
}

#[tokio::test]
async fn of_fifty_changes_to_one_revision_one_wins_and_every_unconditional_one_is_made() {
    let database = embedded::database().expect("a database");
    let served = embedded::serve(database, 0).await.expect("a port");
    let client = embedded::client_over_tcp(&served.endpoint);
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock));
    for expected in [Expected::Absent, Expected::Revision(1)] {
        let changes = (0..50).map(|n| put(&store, json!({ "n": n }), expected));
        let changes = futures::future::join_all(changes).await;
        let won = changes.iter().filter(|change| matches!(change, Changed::Done(_))).count();
        assert_eq!(won, 1, "{changes:?}");
    }
    let changes = (0..5).map(|n| put(&store, json!({ "n": n }), Expected::Any));
    let changes = futures::future::join_all(changes).await;
    assert!(changes.iter().all(|change| matches!(change, Changed::Done(_))), "{changes:?}");
    let history = store.history(Kind::Schedule, "daily", 100).await.expect("read");
    let revisions: Vec<_> = history.iter().map(|revision| revision.revision).collect();
    assert_eq!(revisions, [7, 6, 5, 4, 3, 2, 1]);
    let newest = store.document(Kind::Schedule, "daily").await.expect("read").expect("there");
    assert_eq!(newest, history[0]);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_found_to_be_made() {
    let Fixture { store, faults, .. } = fixture();
    // The document and its history are read, and then written.
    for expected in [Expected::Absent, Expected::Revision(1)] {
        faults.pass(2);
        faults.add(DatabaseFault::AnswerLost);
        assert!(matches!(put(&store, json!({}), expected).await, Changed::Done(_)));
    }
    faults.pass(2);
    faults.add(DatabaseFault::AnswerLost);
    assert_eq!(delete(&store, Expected::Revision(2)).await, Changed::Done(3));
    assert_eq!(store.history(Kind::Schedule, "daily", 10).await.expect("read").len(), 3);
}

#[tokio::test]
async fn what_a_catalog_file_says_again_is_no_change() {
    let Fixture { store, .. } = fixture();
    let hours = HoursConfig::default();
    store.put_hours(&hours).await.expect("stored");
    store.put_hours(&hours).await.expect("stored");
    assert_eq!(Catalog::hours(&*store).await.expect("read"), hours);
    let history = store.history(Kind::Hours, "stack", 10).await.expect("read");
    assert_eq!(history.len(), 1);
    assert_eq!(
        (history[0].changed_by.as_str(), history[0].changed_at_ms),
        ("catalog file", NOW_MS)
    );
}

fn member(id: &str, line: u64) -> StoredMember {
    let member = Member {
        id: id.into(),
        phone: Some("01012345678".into()),
        timezone: Some("Asia/Seoul".into()),
        variables: [("이름".to_owned(), "김하나".to_owned())].into(),
    };
    StoredMember { line, member }
}

async fn put_member(store: &DynamoStore, version: &str, member: &StoredMember) -> MemberSaved {
    store.put_member("teachers", version, member).await.expect("an answer")
}

#[tokio::test]
async fn a_member_is_stored_once_an_upload_however_often_its_line_is_repeated() {
    let Fixture { store, faults, .. } = fixture();
    let (first, same_id) = (member("t1", 2), member("t1", 3));
    faults.add(DatabaseFault::AnswerLost);
    assert_eq!(put_member(&store, "v1", &first).await, MemberSaved::Done);
    assert_eq!(put_member(&store, "v1", &first).await, MemberSaved::Done);
    assert_eq!(put_member(&store, "v1", &same_id).await, MemberSaved::Doubled);
    assert_eq!(put_member(&store, "v2", &same_id).await, MemberSaved::Done);
    let stored = |version| store.members("teachers", version, None, 10);
    assert_eq!(stored("v1").await.expect("read"), [first]);
    assert_eq!(stored("v2").await.expect("read"), [same_id]);
    let bare =
        Member { phone: None, timezone: None, variables: [].into(), ..member("t2", 4).member };
    let bare = StoredMember { line: 4, member: bare };
    assert_eq!(put_member(&store, "v3", &bare).await, MemberSaved::Done);
    assert_eq!(stored("v3").await.expect("read"), [bare]);
}

#[tokio::test]
async fn of_two_lines_with_one_member_one_wins() {
    let Fixture { store, .. } = fixture();
    let lines: Vec<_> = (2..22).map(|line| member("t1", line)).collect();
    let puts = lines.iter().map(|line| put_member(&store, "v", line));
    let saved = futures::future::join_all(puts).await;
    assert_eq!(saved.iter().filter(|saved| **saved == MemberSaved::Done).count(), 1);
}

#[tokio::test]
async fn members_are_read_by_id_page_by_page_and_discarded_bit_by_bit() {
    let Fixture { store, .. } = fixture();
    for n in 0..60 {
        assert_eq!(
            put_member(&store, "v", &member(&format!("t{n:02}"), n)).await,
            MemberSaved::Done
        );
    }
    assert_eq!(put_member(&store, "other", &member("t00", 1)).await, MemberSaved::Done);
    let page = store.members("teachers", "v", Some("t09"), 20).await.expect("read");
    let ids: Vec<_> = page.into_iter().map(|member| member.member.id).collect();
    assert_eq!(ids, (10..30).map(|n| format!("t{n:02}")).collect::<Vec<_>>());

    for left in [10, 0, 0] {
        let discarded = store.discard_members("teachers", "v", 50).await.expect("discarded");
        assert_eq!(discarded, if left == 10 { 50 } else { discarded });
        let stored = store.members("teachers", "v", None, 100).await.expect("read");
        assert_eq!(stored.len(), left);
    }
    assert_eq!(store.members("teachers", "other", None, 9).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_part_of_an_upload_keeps_its_content_and_takes_no_step_back() {
    let Fixture { store, .. } = fixture();
    let begun = UploadPart {
        first_line: 1,
        lines: 10,
        digest: "one".into(),
        members: 0,
        is_stored: false,
        is_last: false,
    };
    let stored = UploadPart { members: 9, is_stored: true, is_last: true, ..begun.clone() };
    let other = UploadPart { digest: "two".into(), ..stored.clone() };
    let second = UploadPart { first_line: 11, ..begun.clone() };
    for (part, expected) in [
        (&begun, Saved::Done),
        (&other, Saved::Lost),
        (&second, Saved::Done),
        (&stored, Saved::Done),
        (&begun, Saved::Done),
    ] {
        let noted = store.note_part("teachers", "v", part).await.expect("an answer");
        assert_eq!(noted, expected);
    }
    assert_eq!(store.parts("teachers", "v").await.expect("read"), [stored, second]);
    assert_eq!(store.parts("teachers", "w").await.expect("read"), []);
}
