//! What holds every message of a lane, and how fast its messages leave.

use alimi::domain::Status;
use alimi::ports::{Clock, NoResponse};
use alimi_local::simulator::Fault;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::{Value, json};

use super::{
    LIMIT, SCHEDULED, decisive, detail, kinds, left_ms, ms, post, post_many, running_world,
    seconds, start, until, why,
};

fn hold<'a>(why: &'a Value, kind: &str) -> &'a Value {
    let holds = why["holds"].as_array().expect("holds");
    let hold = holds.iter().find(|hold| hold["kind"] == kind);
    hold.unwrap_or_else(|| panic!("{kind} is not in {why:#}"))
}

#[tokio::test(start_paused = true)]
async fn a_message_behind_an_open_circuit_waits_for_the_next_probe() {
    let world = running_world().await;
    world.http.fail_from_now(Some(NoResponse::NotSent("refused".into())));
    let began_ms = world.clock.now_ms();
    let id = post(&world, "k", json!({})).await;
    seconds(600).await;
    let found = why(&world, &id).await;
    let circuit = decisive(&found, "circuit_open");
    assert_eq!(kinds(&found), ["circuit_open"]);
    assert_eq!(found.get("leaves_at"), None, "that depends on the provider");
    let since_ms = ms(&circuit["since"]);
    assert!((0..60_000).contains(&(since_ms - began_ms)), "{circuit}");
    let probe_ms = ms(&circuit["next_probe_at"]);
    assert!(probe_ms > world.clock.now_ms(), "{circuit}");
    // The channel's `give_up_after` is a day.
    assert_eq!(ms(&circuit["gives_up_at"]), since_ms + 24 * 3_600_000, "{circuit}");
    assert!(detail(circuit).starts_with("The provider takes no messages since 2026-03-02T10:"));

    world.http.fail_from_now(None);
    until(&world, probe_ms + 15_000).await;
    let left_ms = left_ms(&world, &id).await.expect("it has left");
    assert!((0..15_000).contains(&(left_ms - probe_ms)), "{}", left_ms - probe_ms);
    assert_eq!(world.notification(&id).await.status, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_the_end_of_a_pause_and_then_for_a_slower_lane() {
    let world = running_world().await;
    post(&world, "first", json!({})).await;
    seconds(5).await;
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(60) });
    let ids = post_many(&world, "waiting", 100, SCHEDULED).await;
    seconds(15).await;
    let last = ids.last().expect("an id");
    let paused = why(&world, last).await;
    let pause = decisive(&paused, "provider_pause");
    let until_ms = ms(&pause["until"]);
    assert!((40_000..60_000).contains(&(until_ms - world.clock.now_ms())), "{pause}");
    let slowed = hold(&paused, "slowed");
    let per_second = slowed["per_second"].as_f64().expect("a number");
    assert!((18.0..20.0).contains(&per_second), "half of 38 a second: {slowed}");
    let leaves_ms = ms(&paused["leaves_at"]);
    assert!(leaves_ms > until_ms, "others leave first: {paused:#}");

    until(&world, until_ms + 1_000).await;
    let slow = why(&world, last).await;
    assert_eq!(kinds(&slow), ["slowed", "turn"], "{slow:#}");
    assert_eq!(slow["waiting_for"]["kind"], "turn");
    until(&world, until_ms + 30_000).await;
    let left_ms = left_ms(&world, last).await.expect("it has left");
    assert!(left_ms >= until_ms, "it left during the pause");
    let error_ms = (left_ms - leaves_ms).abs();
    assert!(error_ms < 2_000, "the estimate is off by {error_ms} ms");
}

/// A message behind others, in a lane that a sender is about to drain.
#[tokio::test(start_paused = true)]
async fn the_messages_ahead_and_the_time_that_they_take_are_counted() {
    let world = World::new(WorldSettings::default()).await;
    let ids = post_many(&world, "batch", 450, SCHEDULED).await;
    for place in [0, 1, 100, 449] {
        let waiting = why(&world, &ids[place]).await;
        if place == 0 {
            assert_eq!(kinds(&waiting), [""; 0], "{waiting:#}");
            assert_eq!(waiting["waiting_for"]["kind"], "turn");
            continue;
        }
        let turn = decisive(&waiting, "turn");
        assert_eq!(turn["ahead"], json!(place));
        assert_eq!(turn["more_ahead"], json!(false));
        assert_eq!(turn["per_second"], json!(38.1));
    }
    let last = why(&world, &ids[449]).await;
    let sentence = "449 messages leave before it. At 38.1 a second that takes about 11s.";
    assert_eq!(detail(&last["waiting_for"]), sentence);
    // A real-time message overtakes all of them.
    let real_time = post(&world, "real-time", json!({})).await;
    assert_eq!(kinds(&why(&world, &real_time).await), [""; 0]);

    let estimates = [why(&world, &ids[100]).await, why(&world, &ids[449]).await];
    start(&world);
    seconds(120).await;
    for (place, estimate) in [100, 449].into_iter().zip(estimates) {
        let left_ms = left_ms(&world, &ids[place]).await.expect("it has left");
        let error_ms = left_ms - ms(&estimate["leaves_at"]);
        assert!(error_ms.abs() < 1_500, "{place}: the estimate is off by {error_ms} ms");
    }
    world.check_invariants(LIMIT);
}

/// The messages of other open classes leave first, and those of a class that is closed do not.
#[tokio::test(start_paused = true)]
async fn only_messages_that_may_leave_by_then_are_ahead() {
    let world = World::new(WorldSettings::default()).await;
    // 20:00 in Seoul: its window is closed, and that of London is open.
    seconds(10 * 3600).await;
    post_many(&world, "seoul", 40, SCHEDULED).await;
    let to = |zone: &str| json!({ "id": "u", "phone": "010-1234-5678", "timezone": zone });
    let london =
        post(&world, "london", json!({ "priority": SCHEDULED, "to": to("Europe/London") })).await;
    assert_eq!(kinds(&why(&world, &london).await), [""; 0]);
    let late = post(&world, "late", json!({ "priority": SCHEDULED })).await;
    let waiting = why(&world, &late).await;
    assert_eq!(kinds(&waiting), ["window", "turn"]);
    // London's window is closed when Seoul's opens, at 01:00.
    assert_eq!(hold(&waiting, "turn")["ahead"], json!(40), "{waiting:#}");
}
