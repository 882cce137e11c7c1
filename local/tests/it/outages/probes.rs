//! How a lane finds out that its provider is back.

use alimi::domain::Status;
use alimi::ports::{Clock, Lanes};
use alimi_local::simulator::Kind;
use alimi_local::testing::world::{World, WorldSettings};

use super::{
    Away, LANE, LIMIT, REAL_TIME, SCHEDULED, arrivals_since, busy_world, count, post, seconds,
};

/// The priority of messages that may wait longer than the scheduled ones.
const PATIENT: u16 = 900;

#[tokio::test(start_paused = true)]
async fn a_probe_is_harmless_first_and_then_takes_the_least_urgent_message() {
    let world = busy_world(WorldSettings::default()).await;
    post(&world, "patient", PATIENT, 40).await;
    post(&world, "batch", SCHEDULED, 40).await;
    Away::HangsForMessages.begin(&world);
    post(&world, "urgent", REAL_TIME, 40).await;
    // The requests that were in flight have ended, and the circuit is open.
    seconds(6).await;
    let before = world.simulator.arrivals().len();
    seconds(7200).await;
    let all = world.notifications();
    let arrivals = arrivals_since(&world, before);
    let mut probes = 0;
    for pair in arrivals.windows(2) {
        let Some(reference) = &pair[1].reference else { continue };
        assert_eq!(pair[0].kind, Kind::Token, "no request without a message came first");
        assert_eq!(all[&reference.id].priority.0, PATIENT, "a more urgent message was a probe");
        probes += 1;
    }
    assert!((8..=16).contains(&probes), "{probes} probes in two hours");

    Away::end(&world);
    seconds(2400).await;
    world.check_invariants(LIMIT);
    let unknown = count(&world, Status::Unknown);
    assert_eq!(count(&world, Status::Delivered) + unknown, 121);
}

/// The sweeper wakes the lane for each probe.
#[tokio::test(start_paused = true)]
async fn pauses_double_and_each_probe_is_at_most_some_seconds_late() {
    let world = busy_world(WorldSettings::default()).await;
    Away::RefusesTokens.begin(&world);
    post(&world, "waiting", REAL_TIME, 1).await;
    let before = world.simulator.arrivals().len();
    seconds(3600).await;
    let tokens = arrivals_since(&world, before).into_iter().filter(|a| a.kind == Kind::Token);
    let at_s: Vec<i64> = tokens.map(|arrival| arrival.at_us / 1_000_000).collect();
    let gaps_s: Vec<i64> = at_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps_s.len() > 12, "{gaps_s:?}");
    let mut late = 0;
    for (doublings, gap_s) in gaps_s.iter().enumerate() {
        let pause_s = (1_i64 << doublings.min(20)).min(300);
        assert!(*gap_s >= pause_s - 1, "{gaps_s:?}");
        late += usize::from(*gap_s > pause_s * 5 / 4 + 15);
    }
    // The drain that finds the outage ends in the middle of a round of the sweeper. The next round
    // finds the open circuit.
    assert!(late <= 1 && gaps_s[..4].iter().all(|gap_s| *gap_s < 75), "{gaps_s:?}");
}

/// A time in the longest pause between two probes.
async fn in_a_long_pause(world: &World) {
    loop {
        let state = world.store.lane_state(LANE).await.expect("the row").unwrap_or_default();
        let now_ms = world.clock.now_ms();
        if state.must_wait_until_ms(now_ms).is_some_and(|until_ms| until_ms > now_ms + 120_000) {
            return;
        }
        seconds(5).await;
    }
}

async fn delivered_soon(world: &World) {
    seconds(4).await;
    assert_eq!(count(world, Status::Delivered), 2, "the lane waits for its next probe");
}

#[tokio::test(start_paused = true)]
async fn a_resumed_channel_is_probed_at_once() {
    let world = busy_world(WorldSettings::default()).await;
    Away::RefusesTokens.begin(&world);
    post(&world, "waiting", REAL_TIME, 1).await;
    in_a_long_pause(&world).await;
    let paused = world.operate("POST", "/v1/channels/alimtalk-main/pause", &[], "").await;
    assert_eq!(paused.status, 200, "{:?}", paused.body);
    Away::end(&world);
    seconds(10).await;
    assert_eq!(count(&world, Status::Queued), 1);
    let resumed = world.operate("POST", "/v1/channels/alimtalk-main/resume", &[], "").await;
    assert_eq!(resumed.status, 200, "{:?}", resumed.body);
    delivered_soon(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_changed_channel_is_probed_at_once() {
    let world = busy_world(WorldSettings::default()).await;
    Away::RefusesTokens.begin(&world);
    post(&world, "waiting", REAL_TIME, 1).await;
    in_a_long_pause(&world).await;
    Away::end(&world);
    let path = "/v1/channels/alimtalk-main";
    let read = world.operate("GET", path, &[], "").await;
    let revision = read.etag.expect("a revision");
    let headers = [("if-match", revision.as_str())];
    let saved = world.operate("PUT", path, &headers, read.body).await;
    assert_eq!(saved.status, 200, "{:?}", saved.body);
    delivered_soon(&world).await;
}

/// A wake for another reason, such as a new message, leaves the provider alone until the probe.
#[tokio::test(start_paused = true)]
async fn a_new_message_does_not_hurry_the_next_probe() {
    let world = busy_world(WorldSettings::default()).await;
    Away::RefusesTokens.begin(&world);
    post(&world, "waiting", REAL_TIME, 1).await;
    in_a_long_pause(&world).await;
    let before = world.simulator.arrivals().len();
    for key in ["a", "b", "c"] {
        post(&world, key, REAL_TIME, 1).await;
        seconds(5).await;
    }
    assert_eq!(world.simulator.arrivals().len(), before);
}
