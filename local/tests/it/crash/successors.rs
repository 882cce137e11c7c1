//! A successor takes the lane over in time, and both senders together keep the limit.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::PacerPosition;
use alimi::ports::{
    Acquired, Clock, LaneState, Lanes, Lease, LeaseTerms, PortError, Saved, WakeGroup,
};
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use async_trait::async_trait;
use serde_json::{Value, json};

use super::work::{LIMIT, calm, post_many, post_work, send_one, variables};

struct Crashes {
    count: usize,
    /// Crashes after which a successor sent.
    with_successor: usize,
}

/// Crashes the sender of a slow lane at many steps. In a slow lane a successor that comes too early
/// exceeds the limit at once.
async fn crash_in_a_slow_lane(crash_after: impl Fn(i64) -> CrashPoint) -> Crashes {
    let (mut count, mut with_successor) = (0, 0);
    for steps in (0..320).step_by(8) {
        let mut settings = calm();
        settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 3");
        settings.simulator.per_second = 3;
        let world = World::new(settings).await;
        let crash = crash_after(steps);
        world.start_crashable_senders(&crash);
        post_work(&world).await;
        // Producers keep waking the lane, so that a successor waits for the lease.
        for second in 0..30 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let wake = format!("again-{second}");
            world.queue.send("alimtalk-main#1", r#"{"channel":"alimtalk-main"}"#.into(), &wake);
        }
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(3);
        count += usize::from(crash.was_reached());
        let all = world.notifications();
        let by_successors = all.values().flat_map(|n| &n.attempts).any(|attempt| attempt.fence > 1);
        with_successor += usize::from(crash.was_reached() && by_successors);
    }
    Crashes { count, with_successor }
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_kept_when_senders_crash_and_successors_take_over() {
    let Crashes { count, with_successor } = crash_in_a_slow_lane(CrashPoint::after).await;
    assert!(count > 20, "only {count} crashes");
    assert!(with_successor > 10, "only {with_successor} successors");
}

/// The freeze is longer than the lease. When the sender resumes, a successor is already at work.
#[tokio::test(start_paused = true)]
async fn the_limit_is_kept_when_senders_freeze_and_resume_beside_their_successors() {
    let freeze = |steps| CrashPoint::freeze_after(steps, Duration::from_secs(13));
    let Crashes { count, with_successor } = crash_in_a_slow_lane(freeze).await;
    assert!(count > 20, "only {count} freezes");
    assert!(with_successor > 10, "only {with_successor} successors");
}

/// A sender crashes, and its successor hands over at the end of its slice. Returns the pauses of
/// the lane, in milliseconds. `before` changes the world first.
async fn pauses_after_a_crash(before: impl FnOnce(&World)) -> Vec<i64> {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 20");
    settings.simulator.latency = Duration::from_millis(800);
    let world = World::new(settings).await;
    let crash = CrashPoint::after(400);
    world.start_crashable_senders(&crash);
    before(&world);
    for batch in 0..2 {
        let many: Vec<Value> = (0..500)
            .map(|n| {
                json!({
                    "template": "photo-and-video", "variables": variables(),
                    "to": { "id": format!("t{batch}-{n}"), "phone": "01012345678" },
                })
            })
            .collect();
        let key = format!("b{batch}");
        let (status, _) =
            world.produce("POST", "/v1/notifications", Some(&key), Value::Array(many)).await;
        assert_eq!(status, 202);
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert!(crash.was_reached());
    // The lane is woken once, as the sweeper does.
    world.queue.send("alimtalk-main#1", r#"{"channel":"alimtalk-main"}"#.into(), "as-the-sweeper");
    tokio::time::sleep(Duration::from_secs(34)).await;
    let messages = world.simulator.arrivals().into_iter().filter(|a| a.reference.is_some());
    let mut arrived_us: Vec<i64> = messages.map(|a| a.at_us).collect();
    arrived_us.sort_unstable();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(20);
    arrived_us
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) / 1000)
        // A sender that does not know yet how slow the provider is waits for its first answer.
        .filter(|pause_ms| *pause_ms > 400)
        .collect()
}

/// A crash blocks its message group for the visibility timeout. The successor hands over to a third
/// group instead.
#[tokio::test(start_paused = true)]
async fn after_a_crash_the_next_hand_over_is_immediate() {
    let pauses_ms = pauses_after_a_crash(|_| {}).await;
    assert!(matches!(pauses_ms[..], [at_the_crash] if at_the_crash > 5_000), "{pauses_ms:?}");
}

/// Nobody receives from the group that the sender hands over to. The lane continues in the group of
/// the sender.
#[tokio::test(start_paused = true)]
async fn a_hand_over_to_a_blocked_message_group_costs_seconds_at_most() {
    let block = |world: &World| world.queue.send("alimtalk-main#2", "no wake".into(), "poison");
    let pauses_ms = pauses_after_a_crash(block).await;
    let [at_the_crash, at_the_hand_over] = pauses_ms[..] else { panic!("{pauses_ms:?}") };
    assert!(at_the_crash > 5_000, "{pauses_ms:?}");
    assert!(at_the_hand_over < 3_000, "{pauses_ms:?}");
}

/// A database in which a lease can be acquired but not renewed.
struct NoRenewal(Arc<dyn Lanes>);

#[async_trait]
impl Lanes for NoRenewal {
    async fn acquire(&self, channel: &str, terms: LeaseTerms) -> Result<Acquired, PortError> {
        self.0.acquire(channel, terms).await
    }

    async fn renew(&self, _: &Lease, _: PacerPosition, _: i64) -> Result<Saved, PortError> {
        Err(PortError::Unavailable { what: "the state table", detail: "overloaded".into() })
    }

    async fn was_succeeded(&self, lease: &Lease) -> Result<bool, PortError> {
        self.0.was_succeeded(lease).await
    }

    async fn release(&self, lease: &Lease, position: PacerPosition) -> Result<Saved, PortError> {
        self.0.release(lease, position).await
    }

    async fn close_drain(&self, channel: &str, fence: u64) -> Result<(), PortError> {
        self.0.close_drain(channel, fence).await
    }

    async fn lane_state(&self, channel: &str) -> Result<Option<LaneState>, PortError> {
        self.0.lane_state(channel).await
    }
}

/// The lease cannot be renewed, and its holder stops by itself in time.
#[tokio::test(start_paused = true)]
async fn nothing_leaves_in_the_last_two_seconds_of_a_lease() {
    let mut settings = WorldSettings::default();
    settings.sender.lease = Duration::from_secs(5);
    settings.sender.slice = Duration::from_secs(8);
    // The sender does not try to renew the lease before it expires.
    settings.sender.renew_every = Duration::from_secs(60);
    let mut world = World::new(settings).await;
    world.stack.sender.lanes = Arc::new(NoRenewal(Arc::clone(&world.stack.sender.lanes)));
    post_many(&world, 400).await;
    let began_us = world.clock.now_us();
    let drained = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_err(), "{drained:?}");
    // Every claim ended and is recorded, so nobody has to look for it.
    let state = world.store.lane_state("alimtalk-main").await.expect("the row").expect("a row");
    assert!(state.open_drains.is_empty(), "{:?}", state.open_drains);
    assert!(world.simulator.arrivals().len() > 50);
    let last_us = world.simulator.arrivals().iter().map(|a| a.at_us).max().expect("some");
    let last_after_us = last_us - began_us;
    assert!(last_after_us < 3_200_000, "the last message left after {last_after_us} us");
}

/// A strict lane trusts no transit time. The last requests of a crashed sender are still in transit
/// when its successor could take the lease.
#[tokio::test(start_paused = true)]
async fn a_strict_lane_waits_for_requests_that_a_crashed_sender_may_have_in_transit() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("jitter: 50ms", "jitter: 50ms\n      strict: true");
    settings.sender.renew_every = Duration::from_secs(60);
    let mut world = World::new(settings).await;
    send_one(&world).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    post_many(&world, 200).await;
    let lanes = Arc::clone(&world.stack.sender.lanes);
    world.stack.sender.lanes = Arc::new(NoRenewal(Arc::clone(&lanes)));
    world.http.set_transit_time(Duration::from_millis(2_800));
    let began_us = world.clock.now_us();
    {
        let draining = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None);
        let crashed = tokio::time::timeout(Duration::from_millis(10_200), draining).await;
        assert!(crashed.is_err(), "{crashed:?}");
    }

    world.http.set_transit_time(Duration::ZERO);
    world.stack.sender.lanes = lanes;
    let drained = world.stack.sender.drain("alimtalk-main", WakeGroup::One, None).await;
    assert!(drained.is_ok_and(|report| report.departures > 40));
    world.settle(SETTLES_WITHIN).await;
    // Claims look stale here, because the transit takes long.
    let violations = world.audit().violations(LIMIT);
    let broken: Vec<_> = violations.iter().filter(|v| !v.contains("stale claim")).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // Some requests of the predecessor arrived after the successor could take the lease.
    let taken_over_us = began_us + 10_500_000;
    let all = world.notifications();
    let late_arrivals = world.simulator.arrivals().into_iter().filter(|arrival| {
        let reference = arrival.reference.as_ref();
        let attempt = reference.and_then(|of| all[&of.id].attempts.last());
        arrival.at_us > taken_over_us && attempt.is_some_and(|attempt| attempt.fence == 2)
    });
    assert!(late_arrivals.count() > 3);
}
