use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::domain::Status;
use crate::domain::run::{RunCounts, RunStatus};

const NO_LIMITS: SearchLimits =
    SearchLimits { open: u64::MAX, notifications: usize::MAX, until: None };
/// How the sweeper searches: until it finds an open notification.
const FIRST_OPEN: SearchLimits = SearchLimits { open: 1, ..NO_LIMITS };
const STORED_AT_MS: i64 = 1_000_000;

/// The notifications of one run, as the index shows them, and a clock.
struct World {
    shown: Mutex<Vec<GroupMember>>,
    read: AtomicUsize,
    now_ms: AtomicI64,
}

impl World {
    fn of(states: impl IntoIterator<Item = MemberState>) -> Arc<Self> {
        let member = |(n, state)| GroupMember { sort: place(n), state };
        let now_ms = AtomicI64::new(STORED_AT_MS + 60_000);
        let shown = Mutex::new(states.into_iter().enumerate().map(member).collect());
        Arc::new(Self { shown, read: AtomicUsize::new(0), now_ms })
    }

    fn set(&self, n: usize, state: MemberState) {
        self.shown.lock().expect("members")[n].state = state;
    }

    async fn search(self: &Arc<Self>, run: &Run, limits: SearchLimits) -> RunEnd {
        let run_ends = RunEnds { groups: self.clone(), clock: self.clone() };
        run_ends.search(run, limits).await.expect("an answer")
    }
}

impl Clock for World {
    fn now_us(&self) -> i64 {
        1000 * self.now_ms.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Groups for World {
    async fn group_members(
        &self,
        _: &Group,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<GroupMember>, PortError> {
        let shown = self.shown.lock().expect("members");
        let behind = shown.iter().filter(|one| after.is_none_or(|after| one.sort.as_str() > after));
        let page: Vec<_> = behind.take(limit).cloned().collect();
        self.read.fetch_add(page.len(), Ordering::Relaxed);
        Ok(page)
    }
}

fn place(n: usize) -> String {
    format!("{n:06}")
}

fn open() -> MemberState {
    MemberState::Stored { status: Status::Queued, since_ms: 1 }
}

fn delivered(since_ms: i64) -> MemberState {
    MemberState::Stored { status: Status::Delivered, since_ms }
}

/// A run that has stored so many notifications.
fn sending(stored: u64) -> Run {
    let counts = RunCounts { members: stored, stored, ..RunCounts::default() };
    Run { status: RunStatus::Sending, stored_at_ms: Some(STORED_AT_MS), counts, ..Run::sample() }
}

fn exactly(count: u64, known_ends: KnownEnds) -> RunEnd {
    RunEnd::Open { count, is_minimum: false, known_ends }
}

fn known(count: u64, latest_ms: i64) -> KnownEnds {
    let last = usize::try_from(count).expect("a count") - 1;
    KnownEnds { count, last: Some(place(last)), latest_ms: Some(latest_ms) }
}

#[tokio::test]
async fn a_run_is_over_when_its_last_notification_has_ended_or_waits_for_a_person() {
    let statuses = [
        Status::Delivered,
        Status::Failed,
        Status::Unknown,
        Status::Unconfirmed,
        Status::Expired,
        Status::Cancelled,
    ];
    let since = [5, 9, 7, 1, 2, 3];
    let ended = statuses.into_iter().zip(since);
    let ended = ended.map(|(status, since_ms)| MemberState::Stored { status, since_ms });
    let world = World::of(ended);
    assert_eq!(world.search(&sending(6), NO_LIMITS).await, RunEnd::Over { at_ms: 9 });
    for status in
        [Status::Blocked, Status::Deferred, Status::Queued, Status::Sending, Status::Accepted]
    {
        world.set(3, MemberState::Stored { status, since_ms: 1 });
        let found = world.search(&sending(6), NO_LIMITS).await;
        assert_eq!(found, exactly(1, known(3, 9)), "{status:?}");
    }
}

#[tokio::test]
async fn a_deleted_notification_had_ended_and_an_unreadable_one_may_be_open() {
    let world = World::of([MemberState::Deleted, delivered(5)]);
    assert_eq!(world.search(&sending(2), NO_LIMITS).await, RunEnd::Over { at_ms: 5 });
    world.set(0, MemberState::Unreadable);
    assert_eq!(world.search(&sending(2), NO_LIMITS).await, exactly(1, KnownEnds::default()));
}

#[tokio::test]
async fn each_notification_is_read_about_once_however_many_rounds_the_run_lasts() {
    const STORED: usize = 5_000;
    let world = World::of((0..STORED).map(|_| open()));
    let mut run = sending(STORED as u64);
    let rounds = 50;
    for round in 0..rounds {
        let ended = STORED / rounds * round;
        for n in 0..ended {
            world.set(n, delivered(7));
        }
        match world.search(&run, FIRST_OPEN).await {
            RunEnd::Open { known_ends, .. } => run.known_ends = known_ends,
            over @ RunEnd::Over { .. } => panic!("in round {round}: {over:?}"),
        }
        assert_eq!(run.known_ends.count, ended as u64, "in round {round}");
    }
    let read = world.read.load(Ordering::Relaxed);
    assert!(read < STORED + rounds * (FIRST_PAGE + PAGE), "{read} reads");
    // While one notification is awaited, a round reads a few.
    world.read.store(0, Ordering::Relaxed);
    world.search(&run, FIRST_OPEN).await;
    assert_eq!(world.read.load(Ordering::Relaxed), FIRST_PAGE);
    for n in 0..STORED {
        world.set(n, delivered(8));
    }
    assert_eq!(world.search(&run, FIRST_OPEN).await, RunEnd::Over { at_ms: 8 });
}

#[tokio::test]
async fn open_notifications_are_counted_up_to_a_limit() {
    let states = (0..1_000).map(|n| if n % 2 == 0 { open() } else { delivered(7) });
    let world = World::of(states);
    let run = sending(1_000);
    assert_eq!(world.search(&run, NO_LIMITS).await, exactly(500, KnownEnds::default()));
    for limits in [
        SearchLimits { open: 100, ..NO_LIMITS },
        SearchLimits { notifications: 200, ..NO_LIMITS },
        SearchLimits { until: Some(Instant::now()), ..NO_LIMITS },
    ] {
        let RunEnd::Open { count, is_minimum: true, .. } = world.search(&run, limits).await else {
            panic!("more than {limits:?}");
        };
        assert!((5..=150).contains(&count), "{count} with {limits:?}");
    }
}

#[tokio::test]
async fn a_notification_that_the_index_does_not_show_yet_counts_as_open() {
    let world = World::of((0..20).map(|_| delivered(7)));
    let late = world.shown.lock().expect("members").remove(4);
    let mut run = sending(20);
    let found = world.search(&run, FIRST_OPEN).await;
    assert_eq!(found, exactly(1, KnownEnds::default()), "the next search begins anew");
    world.set(18, open());
    assert_eq!(world.search(&run, NO_LIMITS).await, exactly(2, known_without(&late, 18)));
    world.set(18, delivered(8));

    // It stands before those that are known to have ended, and it is open.
    run.known_ends = known_without(&late, 18);
    world.shown.lock().expect("members").insert(4, GroupMember { state: open(), ..late });
    let RunEnd::Open { known_ends, .. } = world.search(&run, FIRST_OPEN).await else {
        panic!("the late one was overlooked");
    };
    run.known_ends = known_ends;
    assert_eq!(world.search(&run, NO_LIMITS).await, exactly(1, known(4, 7)));
    world.set(4, delivered(9));
    assert_eq!(world.search(&run, FIRST_OPEN).await, RunEnd::Over { at_ms: 9 });
}

/// The first 18 of the notifications that are shown without the late one.
fn known_without(late: &GroupMember, count: u64) -> KnownEnds {
    assert_eq!(late.sort, place(4));
    KnownEnds { count, last: Some(place(18)), latest_ms: Some(7) }
}

/// They were deleted after their retention.
#[tokio::test]
async fn notifications_that_the_index_never_shows_do_not_keep_a_run_sending() {
    let world = World::of([delivered(5)]);
    let run = sending(3);
    assert_eq!(world.search(&run, NO_LIMITS).await, exactly(2, KnownEnds::default()));
    world.now_ms.store(STORED_AT_MS + INDEX_LAG_MAX_MS + 1, Ordering::Relaxed);
    assert_eq!(world.search(&run, NO_LIMITS).await, RunEnd::Over { at_ms: 5 });
    world.shown.lock().expect("members").clear();
    let over = world.search(&run, NO_LIMITS).await;
    assert_eq!(over, RunEnd::Over { at_ms: STORED_AT_MS + INDEX_LAG_MAX_MS + 1 });
}
