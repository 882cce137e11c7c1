//! A channel with much work for the sweeper holds up no other channel.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::Clock;
use alimi::store::DynamoStore;
use alimi::use_cases::Apply;
use alimi_local::aws::embedded::{self, DatabaseFaults};
use alimi_local::testing::world::{World, WorldSettings};
use tokio::time::Instant;

use super::{BUSY, accepted, add_busy_channel, copy_rows, killed_while_sending, round};

/// As many as become overdue within 37 seconds at 35 a second.
const OVERDUE: usize = 1_300;

/// A world in which each request of the sweeper to the database takes 400 ms, so that a round closes
/// half of the busy channel's deadlines at most.
async fn world_with_a_slow_sweeper() -> World {
    let mut world = World::new(WorldSettings::default()).await;
    add_busy_channel(&world).await;
    let latency = Duration::from_millis(200);
    let faults = DatabaseFaults::default();
    let client = embedded::client_in_process(world.database.clone(), latency, faults);
    let clock: Arc<dyn Clock> = world.clock.clone();
    let slow = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
    let sweeper = &mut world.stack.sweeper.sweeper;
    sweeper.agenda = slow.clone();
    sweeper.lanes = slow.clone();
    sweeper.apply = Apply::new(slow.clone(), slow.clone(), slow, world.queue.clone(), clock);
    world
}

/// How many of the busy channel's messages have been closed.
fn closed_of_busy(world: &World) -> usize {
    let of_busy = world.notifications().into_values().filter(|found| found.channel == BUSY);
    of_busy.filter(|found| found.status == Status::Unconfirmed).count()
}

#[tokio::test(start_paused = true)]
async fn many_overdue_deadlines_of_one_channel_delay_no_orphan_of_another() {
    let world = world_with_a_slow_sweeper().await;
    let original = accepted(&world, "first").await;
    copy_rows(&world, &original, OVERDUE, BUSY, world.clock.now_ms());
    let id = killed_while_sending(&world, "killed").await;
    world.start_sweeps();
    let give_up_at = Instant::now() + Duration::from_secs(120);
    while world.notification(&id).await.status == Status::Sending {
        assert!(Instant::now() < give_up_at, "it is not found");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let found = world.notification(&id).await;
    let found_after_ms = found.status_since_ms - found.attempts[0].claimed_at_ms;
    assert!(found_after_ms < 90_000, "found after {found_after_ms} ms");
    let closed = closed_of_busy(&world);
    assert!((1..OVERDUE).contains(&closed), "{closed} were closed: the sweeper was not busy");
}

#[tokio::test(start_paused = true)]
async fn channels_take_turns_when_their_deadlines_are_closed() {
    let world = world_with_a_slow_sweeper().await;
    let overdue = accepted(&world, "overdue").await;
    tokio::time::sleep(Duration::from_secs(31 * 60)).await;
    copy_rows(&world, &overdue, OVERDUE, BUSY, world.clock.now_ms() - 60_000);
    let began_at = Instant::now();
    let report = round(&world).await;
    assert!(began_at.elapsed() < Duration::from_secs(45), "{:?}", began_at.elapsed());
    let closed = closed_of_busy(&world);
    assert!((100..OVERDUE).contains(&closed), "{closed}");
    assert_eq!(world.notification(&overdue).await.status, Status::Unconfirmed);
    assert_eq!(report.deadlines_closed, closed + 1);
    // The next rounds close the rest.
    for _ in 0..4 {
        round(&world).await;
    }
    assert_eq!(closed_of_busy(&world), OVERDUE);
}
