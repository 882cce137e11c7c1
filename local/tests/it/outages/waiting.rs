//! Nobody waits for a provider that is away: a drain that could only wait ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alimi::domain::{Channel, Status};
use alimi::ports::{LaneAdvice, Lanes, NotPrepared, Provider, Providers, WakeGroup};
use alimi_local::simulator::Fault;
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use async_trait::async_trait;
use tokio::time::Instant;

use super::{Away, LANE, LIMIT, REAL_TIME, SCHEDULED, busy_world, count, post, seconds};

#[tokio::test(start_paused = true)]
async fn a_drain_ends_when_it_can_only_wait_and_the_next_one_writes_nothing() {
    let settings = WorldSettings::default();
    let usage = settings.database_usage.clone();
    let world = World::new(settings).await;
    post(&world, "waiting", REAL_TIME, 50).await;
    Away::RefusesConnections.begin(&world);
    let began_at = Instant::now();
    let drained = world.stack.sender.drain(LANE, WakeGroup::Zero, None).await.expect("drained");
    assert!(drained.must_wait, "{drained:?}");
    assert!(began_at.elapsed() < Duration::from_secs(15), "{:?}", began_at.elapsed());
    assert_eq!(count(&world, Status::Queued), 50);
    let state = world.store.lane_state(LANE).await.expect("the row").expect("a row");
    assert!(state.position.circuit_breaker.is_open());
    assert_eq!(state.leased_until_ms, None);
    assert!(state.open_drains.is_empty(), "{:?}", state.open_drains);

    let (before, woken_at) = (usage.total(), Instant::now());
    let woken = world.stack.sender.drain(LANE, WakeGroup::One, None).await.expect("drained");
    assert!(woken.must_wait && woken.did_not_get_lease, "{woken:?}");
    assert!(woken_at.elapsed() < Duration::from_millis(500), "{:?}", woken_at.elapsed());
    let written = usage.total().since(before).write_units;
    assert!(written.abs() < f64::EPSILON, "{written} write units");
}

#[tokio::test(start_paused = true)]
async fn senders_are_free_during_an_outage() {
    for away in [Away::RefusesConnections, Away::Hangs, Away::HangsForMessages] {
        let world = busy_world(WorldSettings::default()).await;
        post(&world, "batch", SCHEDULED, 200).await;
        away.begin(&world);
        seconds(600).await;
        let mut busy = 0;
        for _ in 0..600 {
            seconds(1).await;
            busy += usize::from(!world.queue.is_empty());
        }
        assert!(busy < 60, "{away:?}: a sender was busy in {busy} of 600 seconds");
    }
}

/// The provider asks for a minute, and nobody waits for its end.
#[tokio::test(start_paused = true)]
async fn a_drain_ends_during_a_long_pause_and_the_lane_goes_on_after_it() {
    let world = busy_world(WorldSettings::default()).await;
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(60) });
    post(&world, "waiting", REAL_TIME, 30).await;
    seconds(15).await;
    assert!(world.queue.is_empty(), "a sender waits");
    // A few had left before the answer came.
    let queued = count(&world, Status::Queued);
    assert!(queued > 20, "{queued} messages wait");
    seconds(65).await;
    assert_eq!(count(&world, Status::Delivered), 31);
    world.check_invariants(LIMIT);
}

/// Providers of channels whose secret is missing for a while.
struct NoSecret {
    inner: Arc<dyn Providers>,
    is_missing: AtomicBool,
}

#[async_trait]
impl Providers for NoSecret {
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared> {
        if self.is_missing.load(Ordering::Relaxed) {
            return Err(NotPrepared {
                advice: LaneAdvice::OpenCircuit,
                outcome: None,
                detail: "there is no secret".into(),
            });
        }
        self.inner.provider(channel).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_its_secret_waits_as_during_an_outage() {
    let mut world = World::new(WorldSettings::default()).await;
    let inner = Arc::clone(&world.stack.sender.providers);
    let providers = Arc::new(NoSecret { inner, is_missing: AtomicBool::new(true) });
    world.stack.sender.providers = providers.clone();
    post(&world, "waiting", REAL_TIME, 10).await;
    let began_at = Instant::now();
    let drained = world.stack.sender.drain(LANE, WakeGroup::Zero, None).await.expect("drained");
    assert!(drained.must_wait, "{drained:?}");
    assert!(began_at.elapsed() < Duration::from_secs(1), "{:?}", began_at.elapsed());
    let state = world.store.lane_state(LANE).await.expect("the row").expect("a row");
    assert!(state.position.circuit_breaker.is_open());

    world.start_senders();
    world.start_sweeps();
    seconds(3600).await;
    assert_eq!(count(&world, Status::Queued), 10);
    providers.is_missing.store(false, Ordering::Relaxed);
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(count(&world, Status::Delivered), 10);
}
