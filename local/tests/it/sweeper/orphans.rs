//! The claims of crashed senders are found soon, and only where a drain did not report its end.

use std::time::Duration;

use alimi::domain::{Event, Status, claim_deadlines_ms, transition};
use alimi::ports::{Clock, Lanes, Notifications, Saved};
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{World, WorldSettings};
use tokio::time::Instant;

use super::{
    LANE, accepted, begin_round, channel, killed_while_sending, lease, open_drains, post, release,
    round,
};

/// Wherever the crash falls between two rounds.
#[tokio::test(start_paused = true)]
async fn a_message_whose_sender_was_killed_is_listed_within_90_seconds_of_its_departure() {
    for has_successor in [false, true] {
        for phase_s in (0..60).step_by(5) {
            let world = World::new(WorldSettings::default()).await;
            // The provider's token is stored from now on.
            accepted(&world, "first").await;
            world.start_sweeps();
            tokio::time::sleep(Duration::from_secs(phase_s)).await;
            let id = killed_while_sending(&world, "killed").await;
            if has_successor {
                post(&world, "behind").await;
                world.start_senders();
            }
            let give_up_at = Instant::now() + Duration::from_secs(120);
            while world.notification(&id).await.status == Status::Sending {
                assert!(Instant::now() < give_up_at, "it is not found, {phase_s} s");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let found = world.notification(&id).await;
            assert_eq!(found.status, Status::Unknown, "{phase_s} s");
            // It was claimed just before it left.
            let found_after_ms = found.status_since_ms - found.attempts[0].claimed_at_ms;
            assert!(found_after_ms < 90_000, "{phase_s} s: found after {found_after_ms} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_round_queries_for_claims_only_after_a_drain_that_did_not_report_its_end() {
    let database_usage = DatabaseUsage::default();
    let settings =
        WorldSettings { database_usage: database_usage.clone(), ..WorldSettings::default() };
    let world = World::new(settings).await;
    let queries = || database_usage.by_operation().get("Query").map_or(0, |query| query.requests);
    let queries_of_a_round = async || {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let before = queries();
        round(&world).await;
        queries() - before
    };
    let of_a_new_lane = queries_of_a_round().await;

    let in_order = lease(&world, 1).await;
    release(&world, &in_order, in_order.position).await;
    world.store.close_drain(LANE, in_order.fence).await.expect("closed");
    assert_eq!(queries_of_a_round().await, of_a_new_lane);

    let crashed = lease(&world, 2).await;
    release(&world, &crashed, crashed.position).await;
    let deadlines = claim_deadlines_ms(channel(&world).await.own_confirm_within_ms());
    assert_eq!(queries_of_a_round().await, of_a_new_lane + deadlines.len() as u64);
    assert_eq!(open_drains(&world).await, [] as [u64; 0], "the round closed it");
    assert_eq!(queries_of_a_round().await, of_a_new_lane);
}

/// A drain that crashed, and a later one whose claims are under way at the same time.
#[tokio::test(start_paused = true)]
async fn the_claims_of_a_later_drain_are_left_alone_until_its_own_sender_is_gone() {
    let world = World::new(WorldSettings::default()).await;
    let id = post(&world, "one").await;
    lease(&world, 1).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let later = lease(&world, 2).await;
    let queued = world.notification(&id).await;
    let deadlines = claim_deadlines_ms(channel(&world).await.own_confirm_within_ms());
    let claim = Event::Claimed {
        at_ms: world.clock.now_ms(),
        fence: later.fence,
        confirm_within_ms: deadlines[0],
    };
    let mut claimed = [transition(&queued, &claim).expect("a claim").notification];
    assert_eq!(world.store.save(&mut claimed).await.expect("an answer"), Saved::Done);

    // The first drain is 46 s old now, and the later one 16 s.
    tokio::time::sleep(Duration::from_secs(16)).await;
    let round = begin_round(&world);
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert_eq!(open_drains(&world).await, [later.fence]);
    assert_eq!(world.notification(&id).await.status, Status::Sending);
    let report = round.await.expect("a round");
    assert_eq!(report.deadlines_closed, 1);
    assert_eq!(open_drains(&world).await, [] as [u64; 0]);
    assert_eq!(world.notification(&id).await.status, Status::Unknown);
}
