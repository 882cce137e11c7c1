//! A drain survives a failing database, clocks that are set, a slow or silent provider, and
//! connections that open slowly.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use alimi::domain::{Notification, NotificationId, PacerPosition, Status};
use alimi::ports::{
    Acquired, Clock, Created, Lanes, LeaseTerms, NoResponse, Notifications, PortError, Saved,
    WakeGroup,
};
use alimi_local::aws::embedded::DatabaseFault;
use alimi_local::simulator::Fault;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

const LIMIT: usize = 40;
/// How often the AWS client sends a request that keeps failing.
const TRIES: usize = alimi::aws::TRIES as usize;

async fn post(world: &World, count: usize) {
    post_page(world, 0, count).await;
}

async fn post_page(world: &World, page: usize, count: usize) {
    let many: Vec<Value> = (0..count)
        .map(|n| {
            json!({
                "template": "photo-and-video",
                "to": { "id": format!("t{page}-{n}"), "phone": "01012345678" },
                "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
            })
        })
        .collect();
    let key = format!("b{page}");
    let (status, _) =
        world.produce("POST", "/v1/notifications", Some(&key), Value::Array(many)).await;
    assert_eq!(status, 202);
}

/// When the last message arrived, in milliseconds after `since_ms`.
fn last_arrival_ms(world: &World, since_ms: i64) -> i64 {
    let arrivals = world.simulator.arrivals();
    arrivals.last().expect("some arrived").at_us / 1000 - since_ms
}

struct Failures {
    count: usize,
    /// Messages that were claimed again because of a failure.
    claimed_again: usize,
}

/// The notifications, as soon as all of them are delivered. A receipt that cannot be recorded comes
/// out of its queue again every two minutes, and each receipt may meet some of the failures.
async fn notifications_once_delivered(world: &World) -> BTreeMap<NotificationId, Notification> {
    let started_at = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let all = world.notifications();
        let are_delivered = all.values().all(|found| found.status == Status::Delivered);
        if are_delivered || started_at.elapsed() >= Duration::from_secs(1_800) {
            return all;
        }
    }
}

/// Makes `in_a_row` database requests fail after 0, 1, 2, … requests of a drain, until the drain
/// makes fewer. In each case every message is delivered, and none is in doubt.
async fn fail_everywhere(fault: DatabaseFault, in_a_row: usize) -> Failures {
    let mut claimed_again = 0;
    for requests in 0.. {
        let mut settings = WorldSettings::default();
        // An idle sender reads an empty queue again and again. A failure of each read shows nothing.
        settings.sender.idle_timeout = Duration::from_millis(500);
        let world = World::new(settings).await;
        post(&world, 5).await;
        let posted_ms = world.clock.now_ms();
        world.faults.pass(requests);
        (0..in_a_row).for_each(|_| world.faults.add(fault));
        world.start_senders();
        let all = notifications_once_delivered(&world).await;
        let has_failed = world.faults.left() < in_a_row;
        assert_eq!(all.len(), 5);
        for notification in all.values() {
            let status = notification.status;
            assert_eq!(status, Status::Delivered, "after {requests} requests: {notification:#?}");
        }
        world.check_invariants(LIMIT);
        // Sooner than the sweeper would wake a successor.
        let took_ms = last_arrival_ms(&world, posted_ms);
        assert!(took_ms < 30_000, "after {requests} requests it took {took_ms} ms");
        claimed_again += all.values().filter(|n| n.claim > 1 && n.attempt == 1).count();
        if !has_failed {
            return Failures { count: requests, claimed_again };
        }
    }
    unreachable!("a drain ends")
}

#[tokio::test(start_paused = true)]
async fn a_database_overload_delays_messages_only_while_it_lasts() {
    let Failures { count, claimed_again: _ } =
        fail_everywhere(DatabaseFault::Refused, 3 * TRIES).await;
    assert!(count > 30, "only {count} failures");
}

/// The sender does not learn whether its write succeeded. It finds its own claim, puts the message
/// back, and sends it later.
#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_never_comes_leaves_no_message_in_doubt() {
    let Failures { count, claimed_again } =
        fail_everywhere(DatabaseFault::AnswerLost, 4 * TRIES).await;
    assert!(count > 30, "only {count} failures");
    assert!(claimed_again > 3, "only {claimed_again} messages were claimed again");
}

/// The terms of another sender.
pub fn terms_of_another(now_ms: i64) -> LeaseTerms {
    LeaseTerms {
        now_ms,
        until_ms: now_ms + 10_000,
        skew_ms: 500,
        confirm_within_ms: 1_800_000,
        holder: 7,
        group: WakeGroup::One,
        wake_sent_at_ms: None,
        despite_pause: false,
    }
}

/// A clock that a test sets ahead or back.
struct SetClock {
    inner: Arc<dyn Clock>,
    ahead_us: Arc<AtomicI64>,
}

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        self.inner.now_us() + self.ahead_us.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn setting_the_clock_during_a_drain_neither_stops_it_nor_exceeds_the_limit() {
    for step_ms in [-8_000, -700, 700, 8_000] {
        let mut world = World::new(WorldSettings::default()).await;
        let ahead_us = Arc::new(AtomicI64::new(0));
        let inner = Arc::clone(&world.stack.sender.clock);
        world.stack.sender.clock = Arc::new(SetClock { inner, ahead_us: Arc::clone(&ahead_us) });
        post(&world, 200).await;
        let posted_ms = world.clock.now_ms();
        let setting = async {
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            ahead_us.store(1_000 * step_ms, Ordering::Relaxed);
        };
        let draining = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None);
        let (drained, ()) = tokio::join!(draining, setting);
        assert_eq!(drained.expect("a drain").departures, 200);
        let took_ms = last_arrival_ms(&world, posted_ms);
        assert!(took_ms < 6_000, "{step_ms} ms: it took {took_ms} ms");
        let arrivals = world.simulator.arrivals();
        let pauses_us = arrivals.windows(2).map(|pair| pair[1].at_us - pair[0].at_us);
        let longest_ms = pauses_us.max().expect("some") / 1000;
        assert!(longest_ms < 200, "{step_ms} ms: the lane stood still for {longest_ms} ms");
        world.settle(SETTLES_WITHIN).await;
        // Claims look stale, because their age comes from the clock that was set.
        let violations = world.audit().violations(LIMIT);
        let broken: Vec<_> = violations.iter().filter(|v| !v.contains("stale claim")).collect();
        assert!(broken.is_empty(), "{step_ms} ms: {broken:#?}");
    }
}

/// The lease lasts as long as its holder believes, even when the clock of the holder is set back.
#[tokio::test(start_paused = true)]
async fn no_successor_takes_the_lease_of_a_sender_whose_clock_was_set_back() {
    let mut world = World::new(WorldSettings::default()).await;
    let contender = world.stack.sender.clone();
    let ahead_us = Arc::new(AtomicI64::new(0));
    let inner = Arc::clone(&world.stack.sender.clock);
    world.stack.sender.clock = Arc::new(SetClock { inner, ahead_us: Arc::clone(&ahead_us) });
    post(&world, 400).await;
    let contending = async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        ahead_us.store(-8_000_000, Ordering::Relaxed);
        let mut waited = 0;
        while world.simulator.arrivals().len() < 390 {
            let drained = contender.drain("alimtalk-main", WakeGroup::One, None).await;
            assert!(drained.expect("an answer").did_not_get_lease, "the lease was taken over");
            waited += 1;
        }
        assert!(waited > 1);
    };
    let draining = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None);
    let (drained, ()) = tokio::join!(draining, contending);
    assert_eq!(drained.expect("a drain").departures, 400);
}

/// The previous holder's clock was a day ahead, and so is the position that it left.
#[tokio::test(start_paused = true)]
async fn a_pacer_position_of_tomorrow_delays_a_lane_by_minutes_at_most() {
    let world = World::new(WorldSettings::default()).await;
    let now_ms = world.clock.now_ms();
    let taken =
        world.store.acquire("alimtalk-main", terms_of_another(now_ms)).await.expect("an answer");
    let Acquired::Leased(lease) = taken else { panic!("{taken:?}") };
    let next_at_us = 1_000 * (now_ms + 24 * 3_600_000);
    let position = PacerPosition { next_at_us, ..PacerPosition::default() };
    let released = world.store.release(&lease, position).await.expect("an answer");
    assert_eq!(released, Saved::Done);

    post(&world, 5).await;
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    let took_ms = last_arrival_ms(&world, now_ms);
    assert!((300_000..330_000).contains(&took_ms), "it took {took_ms} ms");
}

/// Each answer takes four seconds. Only the first slice has to learn that.
#[tokio::test(start_paused = true)]
async fn a_slow_provider_causes_no_pause_at_hand_overs() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("total: 3s", "total: 8s");
    settings.simulator.latency = Duration::from_secs(4);
    let world = World::new(settings).await;
    for page in 0..5 {
        post_page(&world, page, 400).await;
    }
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let arrivals = world.simulator.arrivals();
    let messages: Vec<i64> =
        arrivals.iter().filter(|a| a.reference.is_some()).map(|a| a.at_us).collect();
    assert_eq!(messages.len(), 2_000);
    let pauses_ms: Vec<i64> = messages
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) / 1000)
        .filter(|pause_ms| *pause_ms > 500)
        .collect();
    assert!(matches!(pauses_ms[..], [at_first] if at_first < 3_800), "{pauses_ms:?}");
}

/// A database that takes three seconds to record an answer of the provider.
struct SlowRecords(Arc<dyn Notifications>);

#[async_trait]
impl Notifications for SlowRecords {
    async fn create(&self, notification: &Notification) -> Result<Created, PortError> {
        self.0.create(notification).await
    }

    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError> {
        self.0.load(id).await
    }

    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError> {
        if notifications.iter().any(|n| n.status == Status::Accepted) {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        self.0.save(notifications).await
    }
}

/// The time when the provider answered counts, not the time when the answer was recorded.
#[tokio::test(start_paused = true)]
async fn a_database_that_records_slowly_does_not_look_like_a_provider_outage() {
    let mut world = World::new(WorldSettings::default()).await;
    let records = Arc::clone(&world.stack.sender.notifications);
    world.stack.sender.notifications = Arc::new(SlowRecords(records));
    post(&world, 200).await;
    let drained = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_ok_and(|report| report.departures == 200));
    let arrivals = world.simulator.arrivals();
    let pauses_us = arrivals.windows(2).map(|pair| pair[1].at_us - pair[0].at_us);
    let longest_ms = pauses_us.max().expect("some") / 1000;
    assert!(longest_ms < 300, "the lane stood still for {longest_ms} ms");
}

struct Freeze {
    departures: usize,
    /// Messages that arrived at the provider.
    arrivals: usize,
}

/// Another sender takes the lane, whose lease has expired by then. The holder may renew its lease
/// between the taker's read and its write, so the first try may find the lane held.
async fn take_the_lane(world: &World, now_ms: i64) {
    for _ in 0..2 {
        let taken = world.store.acquire("alimtalk-main", terms_of_another(now_ms)).await;
        if matches!(taken.expect("an answer"), Acquired::Leased(_)) {
            return;
        }
    }
    panic!("the lane is held");
}

/// In a frozen process the monotonic clock may stand still, so that only the wall clock shows that
/// the lease expired. A successor took the lane meanwhile.
async fn freeze_a_senders_clock_after(ms: u64, settings: WorldSettings) -> Freeze {
    let mut world = World::new(settings).await;
    let ahead_us = Arc::new(AtomicI64::new(0));
    let inner = Arc::clone(&world.stack.sender.clock);
    world.stack.sender.clock = Arc::new(SetClock { inner, ahead_us: Arc::clone(&ahead_us) });
    post(&world, 120).await;
    let frozen = async {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let now_ms = world.clock.now_ms() + 15_000;
        take_the_lane(&world, now_ms).await;
        ahead_us.store(15_000_000, Ordering::Relaxed);
        // Requests that were written before the freeze still arrive.
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        world.simulator.arrivals().len()
    };
    let draining = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None);
    let (drained, sent) = tokio::join!(draining, frozen);
    // The token request, and the messages that left before the freeze.
    assert_eq!(world.simulator.arrivals().len(), sent, "frozen after {ms} ms");
    // A message that did not leave counts as no failure.
    assert!(world.notifications().values().all(|n| n.failures == 0));
    let arrivals = world.simulator.arrivals();
    Freeze {
        departures: drained.expect("a drain").departures,
        arrivals: arrivals.iter().filter(|arrival| arrival.reference.is_some()).count(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_whose_clock_stood_still_during_a_freeze_sends_nothing_more() {
    // Two slots of the pace.
    for freezes_after_ms in (2_000..2_060).step_by(7) {
        let settings = WorldSettings::default();
        let frozen = freeze_a_senders_clock_after(freezes_after_ms, settings).await;
        let departures = frozen.departures;
        assert!(departures > 60 && departures < 100, "{departures} messages left");
    }
}

/// When the sender resumes, the connection is open, and the waiting request could be written.
#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_its_connection_during_a_freeze_is_not_written() {
    let mut unwritten = 0;
    for freezes_after_ms in (3_000..4_500).step_by(70) {
        let mut settings = WorldSettings::default();
        settings.simulator.latency = Duration::from_secs(2);
        settings.connect_time = Duration::from_millis(900);
        let frozen = freeze_a_senders_clock_after(freezes_after_ms, settings).await;
        unwritten += frozen.departures - frozen.arrivals;
    }
    assert!(unwritten > 20, "only {unwritten} requests waited for a connection");
}

/// The provider asks for a pause. The messages that the sender had claimed for its next slots go back
/// to the queue, and then the drain ends.
#[tokio::test(start_paused = true)]
async fn claimed_messages_do_not_wait_for_the_end_of_a_long_pause() {
    let mut settings = WorldSettings::default();
    settings.simulator.latency = Duration::from_millis(300);
    // Messages are claimed long before their slots.
    settings.database_latency = Duration::from_millis(20);
    let world = World::new(settings).await;
    post(&world, 100).await;
    let began_at = Instant::now();
    let draining = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None);
    let throttling = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(30) });
    };
    let (drained, ()) = tokio::join!(draining, throttling);
    assert!(drained.is_ok_and(|report| report.must_wait));
    assert!(began_at.elapsed() < Duration::from_secs(6), "{:?}", began_at.elapsed());
    // Besides the throttled message, some were claimed and are queued again.
    let was_put_back = |n: &Notification| n.claim > 0 && n.attempt_unsent;
    let put_back = world.notifications().values().filter(|n| was_put_back(n)).count();
    assert!(put_back > 1, "{put_back} messages were put back");
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let all = world.notifications();
    assert!(all.values().all(|n| n.status == Status::Delivered));
}

/// The provider is down for two minutes in the middle of a batch. Only requests that were written and
/// not answered are in doubt. All other messages are delivered afterwards.
#[tokio::test(start_paused = true)]
async fn a_provider_outage_affects_few_messages() {
    for (failure, in_doubt_max) in [("hang", 30), ("unreachable", 0)] {
        let world = World::new(WorldSettings::default()).await;
        post(&world, 400).await;
        world.start_senders();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let failing = match failure {
            "hang" => Some(NoResponse::MaybeSent("silence".into())),
            _ => Some(NoResponse::NotSent("refused".into())),
        };
        world.http.fail_from_now(failing);
        tokio::time::sleep(Duration::from_secs(120)).await;
        world.http.fail_from_now(None);
        let recovered_ms = world.clock.now_ms();
        let before = world.simulator.arrivals().len();
        world.settle(SETTLES_WITHIN).await;
        let resumed_after_ms = world.simulator.arrivals()[before].at_us / 1000 - recovered_ms;
        // The last pause between two probes is about as long as the outage was before it.
        assert!(resumed_after_ms < 100_000, "{failure}: resumed after {resumed_after_ms} ms");
        world.check_invariants(LIMIT);
        let all = world.notifications();
        let affected = all.values().filter(|n| n.status != Status::Delivered).count();
        assert!(affected <= in_doubt_max, "{failure}: {affected} are not delivered");
    }
}

/// Connections take longer to open than the jitter allowance of 50 ms covers. At first every
/// request opens one, because answers take a second.
#[tokio::test(start_paused = true)]
async fn connections_that_open_slowly_do_not_exceed_the_limit() {
    for connecting_ms in [400, 1_200] {
        let mut settings = WorldSettings::default();
        settings.simulator.latency = Duration::from_secs(1);
        settings.simulator.latency_jitter = Duration::from_millis(500);
        settings.connect_time = Duration::from_millis(connecting_ms);
        // Short slices, so that senders hand over while connections open.
        settings.sender.slice = Duration::from_millis(2_300);
        let world = World::new(settings).await;
        post(&world, 400).await;
        world.start_senders();
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        let arrivals = world.simulator.arrivals();
        let span_us = arrivals.last().expect("some").at_us - arrivals[0].at_us;
        assert!(span_us < 16_000_000, "{connecting_ms} ms: it took {} ms", span_us / 1000);
    }
}
