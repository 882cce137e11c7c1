//! What is counted for alarms: each notification that needs a person once, whoever finds it, and
//! how long a lane has waited even when nothing leaves it.

use std::time::Duration;

use alimi::domain::{Outcome, Status};
use alimi::ports::NoResponse;
use alimi_local::simulator::Fault;
use alimi_local::world::{Doom, World, WorldSettings};
use serde_json::{Value, json};

const NO_RECEIPT: &str = "010-9007-0000";
const ANSWER_LOST: &str = "010-9008-0000";
const A_WHILE: Duration = Duration::from_secs(3 * 3600);

async fn world() -> World {
    World::new(WorldSettings::default()).await
}

async fn post(world: &World, key: &str, phone: &str) {
    let body = json!({
        "template": "photo-and-video", "to": { "id": key, "phone": phone },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
}

/// How many notifications are in a status.
fn stored(world: &World, status: Status) -> u64 {
    world.notifications().values().filter(|n| n.status == status).count() as u64
}

/// How many became unknown, as the senders and the sweeper counted them.
fn unknown(world: &World) -> [u64; 2] {
    [
        world.ledger.drains().iter().map(|drained| drained.figures.unknown).sum(),
        world.ledger.sweeps().iter().map(|swept| swept.figures.unknown).sum(),
    ]
}

fn unconfirmed(world: &World) -> u64 {
    world.ledger.sweeps().iter().map(|swept| swept.figures.unconfirmed).sum()
}

#[tokio::test(start_paused = true)]
async fn a_message_that_gets_no_answer_is_counted_by_its_sender() {
    let world = world().await;
    world.start_senders();
    post(&world, "one", "010-1234-5678").await;
    post(&world, "two", ANSWER_LOST).await;
    world.settle(A_WHILE).await;
    // Its receipt has settled it since.
    assert_eq!(stored(&world, Status::Delivered), 2);
    assert_eq!((unknown(&world), unconfirmed(&world)), ([1, 0], 0));
}

/// Wherever it dies: by its successor, which finds what it had claimed, or by the sweeper.
#[tokio::test(start_paused = true)]
async fn what_a_lost_sender_had_claimed_is_counted_once() {
    let mut found = 0;
    for steps in (0..120).step_by(6) {
        let world = world().await;
        for n in 0..5 {
            post(&world, &format!("n{n}"), NO_RECEIPT).await;
        }
        world.start_mortal_senders(&Doom::after(steps));
        world.settle(A_WHILE).await;
        let [by_senders, by_sweepers] = unknown(&world);
        assert_eq!(by_senders + by_sweepers, stored(&world, Status::Unknown), "{steps} steps");
        assert_eq!(unconfirmed(&world), stored(&world, Status::Unconfirmed), "{steps} steps");
        found += by_senders + by_sweepers;
    }
    assert!(found > 0, "no sender had claimed anything when it died");
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_receipt_is_counted_by_the_sweeper() {
    let world = world().await;
    world.start_senders();
    post(&world, "one", "010-1234-5678").await;
    post(&world, "two", NO_RECEIPT).await;
    world.settle(A_WHILE).await;
    assert_eq!(stored(&world, Status::Unconfirmed), 1);
    assert_eq!((unknown(&world), unconfirmed(&world)), ([0, 0], 1));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_nobody_drains_is_seen_to_wait() {
    let world = world().await;
    // An empty lane says nothing.
    alimi_sweeper::handle(&world.stack.sweep).await.expect("a round");
    assert_eq!(world.ledger.sweeps(), []);
    post(&world, "one", "010-1234-5678").await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweep).await.expect("a round");
    }
    let ages: Vec<_> = world
        .ledger
        .sweeps()
        .iter()
        .map(|swept| swept.figures.queue_age_ms.expect("an age") / 10_000)
        .collect();
    assert_eq!(ages, [6, 12, 18]);
}

/// Scheduled messages wait for the morning: that is no delay.
#[tokio::test(start_paused = true)]
async fn a_closed_window_is_no_delay() {
    let world = world().await;
    // Half past midnight.
    tokio::time::sleep(Duration::from_secs(14 * 3600 + 1800)).await;
    let body = json!({
        "template": "photo-and-video", "to": { "id": "one", "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" }, "priority": 600,
    });
    let (status, _) = world.produce("POST", "/v1/notifications", Some("one"), body).await;
    assert_eq!(status, 202);
    for _ in 0..(9 * 60 + 29) {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweep).await.expect("a round");
    }
    assert_eq!(world.ledger.sweeps(), []);
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweep).await.expect("a round");
    }
    let sweeps = world.ledger.sweeps();
    let age_ms = sweeps.last().expect("its window is open").figures.queue_age_ms.expect("an age");
    assert!((0..=120_000).contains(&age_ms), "counted from the opening: {age_ms} ms");
}

/// Wrong credentials, an address that is not admitted: what operators of a new stack meet first shows in
/// the request for a token. No message leaves before that.
#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_given_is_counted_as_a_message_would_be() {
    let world = world().await;
    world.http.fail_next(NoResponse::NotSent("refused".into()));
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(1) });
    world.simulator.fail_next(Fault { status: 400, code: 3003, reset_s: None });
    post(&world, "one", "010-1234-5678").await;
    world.start_senders();
    world.settle(A_WHILE).await;
    // The sender lingers.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let drains = world.ledger.drains();
    let count = |outcome| -> u64 {
        drains.iter().filter_map(|drained| drained.figures.outcomes.get(&outcome)).sum()
    };
    let outcomes =
        [Outcome::Unreachable, Outcome::Throttled, Outcome::ChannelDown, Outcome::Accepted];
    assert_eq!(outcomes.map(count), [1, 1, 1, 1]);
    assert_eq!(stored(&world, Status::Delivered), 1);
}

/// The token is taken back while a lane is busy: what is claimed by then leaves no more, and is no request.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_without_a_token_is_no_request() {
    // Slots come while the lane looks whether there is another token.
    let database_latency = Duration::from_millis(20);
    let world = World::new(WorldSettings { database_latency, ..WorldSettings::default() }).await;
    world.start_senders();
    post(&world, "first", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let one = json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let many = Value::Array(vec![one; 200]);
    let (status, _) = world.produce("POST", "/v1/notifications", Some("b"), many).await;
    assert_eq!(status, 202);
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.simulator.forget_tokens();
    world.settle(A_WHILE).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(stored(&world, Status::Delivered), 201);
    let arrivals = world.simulator.arrivals();
    let messages: Vec<_> = arrivals.iter().filter(|a| a.reference.is_some()).collect();
    let refused = messages.iter().filter(|arrival| !arrival.was_taken()).count() as u64;
    assert!((1..10).contains(&refused), "{refused}");
    let drains = world.ledger.drains();
    let down = drains.iter().filter_map(|d| d.figures.outcomes.get(&Outcome::ChannelDown));
    assert_eq!(down.sum::<u64>(), refused);
    let requests: u64 = drains.iter().map(|drained| drained.figures.departures()).sum();
    assert_eq!(requests, messages.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn every_drain_tells_the_limit_that_it_keeps() {
    let world = world().await;
    world.start_senders();
    post(&world, "one", "010-1234-5678").await;
    world.settle(A_WHILE).await;
    // The sender lingers.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let drains = world.ledger.drains();
    assert!(!drains.is_empty());
    assert!(drains.iter().all(|drained| drained.figures.limit_per_second == 40), "{drains:#?}");
}
