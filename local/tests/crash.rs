//! Senders that die, freeze and overlap. Whatever happens, nothing is sent twice and nothing is
//! lost from sight.

#![expect(clippy::expect_used, reason = "helpers fail the test that called them")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{Notification, PacerPosition, Status};
use alimi::ports::{
    Clock, Lanes, Lease, LeaseTerms, NoResponse, PortError, Saved, Taken, WakeGroup,
};
use alimi_local::simulator::Fault;
use alimi_local::world::{Doom, World, WorldSettings};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

const LIMIT: usize = 40;
const A_WHILE: Duration = Duration::from_secs(3 * 3600);

fn variables() -> Value {
    json!({ "name": "김하나", "date": "3월 2일", "code": "a1" })
}

async fn post_work(world: &World) {
    assert_eq!(ask_for_work(world).await, (202, 202));
}

/// As [`post_work`], when some of it may have been stored before.
async fn post_work_again(world: &World) {
    let (sequence, bulk) = ask_for_work(world).await;
    assert!(matches!(sequence, 200 | 202) && matches!(bulk, 200 | 202));
}

async fn ask_for_work(world: &World) -> (u16, u16) {
    let to = |n: usize| json!({ "id": format!("t{n}"), "phone": "01012345678" });
    let variables = variables();
    let sequence = json!({
        "to": to(0),
        "steps": [
            { "template": "consultation-start", "variables": variables },
            { "template": "photo-and-video", "variables": variables },
        ],
    });
    let (sequence, _) = world.produce("POST", "/v1/sequences", Some("s"), sequence).await;
    let many: Vec<Value> = (1..4)
        .map(|n| json!({ "template": "photo-and-video", "to": to(n), "variables": variables }))
        .collect();
    let (bulk, _) = world.produce("POST", "/v1/notifications", Some("b"), Value::Array(many)).await;
    (sequence.as_u16(), bulk.as_u16())
}

/// A sender dies within a second, its lease runs out within ten, and the sweeper wakes a successor
/// within a minute: sooner than the sweeper itself looks for stale claims.
const FOUND_AT_ONCE_MS: i64 = 60_000;

/// Lets a doom strike the sender after 0, 1, 2, … of its steps, until it comes too late. Answers
/// with how often it struck, and how the notifications ended.
async fn strike_everywhere(doom_after: impl Fn(i64) -> Doom) -> Strikes {
    let mut strikes = 0;
    let mut quickly = 0;
    let mut ends: BTreeMap<Status, usize> = BTreeMap::new();
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let doom = doom_after(steps);
        world.start_mortal_senders(&doom);
        post_work(&world).await;
        world.settle(A_WHILE).await;
        world.check_invariants(LIMIT);
        let all = world.notifications();
        assert_eq!(all.len(), 5, "after {steps} steps");
        for notification in all.values() {
            // Unknown, and what waits behind it, is all that a doom may leave.
            let acceptable = matches!(
                notification.status,
                Status::Delivered | Status::Unknown | Status::Blocked
            );
            assert!(acceptable, "after {steps} steps: {notification:?}");
            // Known to be unknown soon, not when its receipt's time is over.
            if let (Status::Unknown, [attempt]) = (notification.status, &notification.attempts[..])
            {
                let found_after_ms = notification.status_since_ms - attempt.claimed_at_ms;
                assert!(
                    found_after_ms < 150_000,
                    "after {steps} steps found in {found_after_ms} ms"
                );
                quickly += usize::from(found_after_ms < FOUND_AT_ONCE_MS);
            }
            *ends.entry(notification.status).or_default() += 1;
        }
        if !doom.has_struck() {
            break;
        }
        strikes += 1;
    }
    Strikes { count: strikes, ends, quickly }
}

struct Strikes {
    count: usize,
    ends: BTreeMap<Status, usize>,
    /// Lost claims that the successor found as soon as it had the lease.
    quickly: usize,
}

#[tokio::test(start_paused = true)]
async fn a_sender_may_die_at_any_await() {
    let Strikes { count: deaths, ends, quickly } = strike_everywhere(Doom::after).await;
    assert!(deaths > 80, "only {deaths} deaths: the sender's steps are not visited");
    assert!(ends.contains_key(&Status::Unknown), "{ends:?}");
    assert!(quickly > 0, "no successor found what its predecessor had claimed");
}

async fn send_one(world: &World) {
    let body = json!({
        "template": "photo-and-video", "variables": variables(),
        "to": { "id": "w", "phone": "01012345678" },
    });
    let (status, _) = world.produce("POST", "/v1/notifications", Some("w"), body).await;
    assert_eq!(status, 202);
    let drained = world.stack.drain.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_ok_and(|report| report.departures == 1));
}

/// Whatever can go wrong with a message, within a few seconds: a provider that is not reached, one that
/// refuses for the pace and asks for a pause, one that answers without sense or not at all, a message that is
/// refused, one that expires in the pause, one whose hours are changed after it was queued.
async fn post_bad_day(world: &World) {
    // The token is there already.
    send_one(world).await;
    let expires_at = Timestamp::from_millisecond(world.clock.now_us() / 1000 + 2_000);
    let expires_at = expires_at.expect("a time").to_string();
    let phones = [
        "01012345678",
        "01012345678",
        "01012345678",
        "01012345678",
        "01012345678",
        "01090010000",
        "01090080000",
        "01012345678",
    ];
    let mut many: Vec<Value> = phones
        .iter()
        .enumerate()
        .map(|(n, phone)| {
            json!({
                "template": "photo-and-video", "variables": variables(),
                "to": { "id": format!("t{n}"), "phone": phone },
            })
        })
        .collect();
    many[7]["expires_at"] = json!(expires_at);
    // Real-time messages have no hours; this one has, and they are changed at once.
    many[4]["priority"] = json!(600);
    let (bulk, answer) =
        world.produce("POST", "/v1/notifications", Some("b"), Value::Array(many)).await;
    assert_eq!(bulk, 202, "{answer}");
    let scheduled = Window::new("09:00", "20:00").expect("a window");
    world
        .store
        .put_hours(&HoursConfig { scheduled, ..HoursConfig::default() })
        .await
        .expect("stored");
    world.http.fail_next(NoResponse::NotSent("refused".into()));
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(3) });
    world.simulator.fail_next(Fault { status: 500, code: 9999, reset_s: None });
}

/// The same on a bad day: while it retries, waits out a pause, puts back, moves a message to another
/// window class, lets one expire. Its steps are more than a thousand, most of them looks at a queue that
/// has not changed: every ninth is struck.
#[tokio::test(start_paused = true)]
async fn a_sender_may_die_anywhere_on_a_bad_day() {
    let (mut deaths, mut lost) = (0, 0);
    for steps in (0..).step_by(9) {
        let world = World::new(WorldSettings::default()).await;
        post_bad_day(&world).await;
        let with_hours = |n: &&Notification| n.priority.0 > 0;
        let before = world.notifications().into_values().find(|n| with_hours(&n)).expect("one");
        let doom = Doom::after(steps);
        world.start_mortal_senders(&doom);
        world.settle(A_WHILE).await;
        world.check_invariants(LIMIT);
        let all = world.notifications();
        assert_eq!(all.len(), 9, "after {steps} steps");
        let count = |status| all.values().filter(|n| n.status == status).count();
        if doom.has_struck() {
            deaths += 1;
            lost += count(Status::Unknown).saturating_sub(1);
            continue;
        }
        // What a day without a death looks like.
        let ends = [Status::Delivered, Status::Failed, Status::Expired, Status::Unknown];
        assert_eq!(ends.map(count), [6, 1, 1, 1], "{all:#?}");
        assert_eq!(all.values().filter(|n| n.attempt == 2).count(), 1, "was not reached at first");
        let claimed_again = all.values().filter(|n| n.claim == 2 && n.attempt == 1);
        assert_eq!(claimed_again.count(), 2, "one was refused for the pace, one waited too long");
        assert_ne!(all[&before.id].window_class, before.window_class);
        break;
    }
    assert!(deaths > 100, "only {deaths} deaths");
    assert!(lost > 5, "only {lost} claims were lost");
}

/// Longer than a lease, but nobody is woken meanwhile: it goes on where it was.
#[tokio::test(start_paused = true)]
async fn a_sender_may_freeze_at_any_await_and_does_not_send_before_it_has_its_lease_again() {
    let freeze = |steps| Doom::freeze_after(steps, Duration::from_secs(17));
    let freezes = strike_everywhere(freeze).await.count;
    assert!(freezes > 80, "only {freezes} freezes: the sender's steps are not visited");
}

/// Strikes a slow lane, so that a successor that came too early would be seen at once. Answers with
/// how often it struck, and in how many of these a successor sent.
async fn strike_a_slow_lane(doom_after: impl Fn(i64) -> Doom) -> [usize; 2] {
    let (mut strikes, mut successions) = (0, 0);
    for steps in (0..900).step_by(15) {
        let mut settings = WorldSettings::default();
        settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 3");
        settings.simulator.per_second = 3;
        let world = World::new(settings).await;
        let doom = doom_after(steps);
        world.start_mortal_senders(&doom);
        post_work(&world).await;
        // Others wake the lane meanwhile: a successor waits for the lease.
        for second in 0..30 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let wake = format!("again-{second}");
            world.queue.send("alimtalk-main#1", r#"{"channel":"alimtalk-main"}"#.into(), &wake);
        }
        world.settle(A_WHILE).await;
        world.check_invariants(3);
        strikes += usize::from(doom.has_struck());
        let all = world.notifications();
        let by_successors = all.values().flat_map(|n| &n.attempts).any(|attempt| attempt.fence > 1);
        successions += usize::from(doom.has_struck() && by_successors);
    }
    [strikes, successions]
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_kept_when_senders_die_and_are_succeeded() {
    let [strikes, successions] = strike_a_slow_lane(Doom::after).await;
    assert!(strikes > 20, "only {strikes} deaths");
    assert!(successions > 10, "only {successions} successors");
}

/// Longer than a lease: a successor has been at work when it thaws, and goes on.
#[tokio::test(start_paused = true)]
async fn the_limit_is_kept_when_senders_freeze_and_thaw_beside_their_successors() {
    let freeze = |steps| Doom::freeze_after(steps, Duration::from_secs(13));
    let [strikes, successions] = strike_a_slow_lane(freeze).await;
    assert!(strikes > 20, "only {strikes} freezes");
    assert!(successions > 10, "only {successions} successors");
}

/// A sender dies, its successor hands over at the end of its slice. Answers with how often, and for how
/// many milliseconds, the lane stood still. `before` happens to the world first.
async fn pauses_after_a_death(before: impl FnOnce(&World)) -> Vec<i64> {
    let mut settings = WorldSettings::default();
    settings.simulator.latency = Duration::from_millis(800);
    let world = World::new(settings).await;
    let doom = Doom::after(400);
    world.start_mortal_senders(&doom);
    before(&world);
    for batch in 0..4 {
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
    assert!(doom.has_struck());
    // Once, as the sweeper does.
    world.queue.send("alimtalk-main#1", r#"{"channel":"alimtalk-main"}"#.into(), "as-the-sweeper");
    tokio::time::sleep(Duration::from_secs(34)).await;
    let messages = world.simulator.arrivals().into_iter().filter(|a| a.reference.is_some());
    let mut arrived_us: Vec<i64> = messages.map(|a| a.at_us).collect();
    arrived_us.sort_unstable();
    world.settle(A_WHILE).await;
    world.check_invariants(LIMIT);
    arrived_us
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) / 1000)
        .filter(|pause_ms| *pause_ms > 200)
        .collect()
}

/// A crash blocks its message group for the visibility time-out: its successor's hand-over goes past
/// that, to a third one.
#[tokio::test(start_paused = true)]
async fn after_a_death_the_next_hand_over_is_heard_at_once() {
    let pauses_ms = pauses_after_a_death(|_| {}).await;
    assert!(matches!(pauses_ms[..], [at_the_death] if at_the_death > 5_000), "{pauses_ms:?}");
}

/// The group that is handed over to does not hear it: the lane goes on in the sender's own.
#[tokio::test(start_paused = true)]
async fn a_hand_over_that_nobody_hears_costs_seconds_at_most() {
    let block = |world: &World| world.queue.send("alimtalk-main#2", "no wake".into(), "poison");
    let pauses_ms = pauses_after_a_death(block).await;
    let [at_the_death, at_the_hand_over] = pauses_ms[..] else { panic!("{pauses_ms:?}") };
    assert!(at_the_death > 5_000 && at_the_hand_over < 3_000, "{pauses_ms:?}");
}

/// The hand-over is done, the last answers are awaited, and the process dies: nobody takes over a
/// lease that ran out, and no receipt ever comes.
#[tokio::test(start_paused = true)]
async fn a_sender_may_die_while_it_awaits_its_last_answers() {
    let mut lost = 0;
    for steps in 0.. {
        let mut settings = WorldSettings::default();
        // Longer than a sender lingers, and shorter than the answer takes.
        settings.drain.slice = Duration::from_millis(2200);
        settings.simulator.latency = Duration::from_millis(2500);
        settings.simulator.latency_jitter = Duration::ZERO;
        let world = World::new(settings).await;
        let body = json!({
            "template": "photo-and-video", "variables": variables(),
            "to": { "id": "t", "phone": "01090070000" },
        });
        let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
        assert_eq!(status, 202);
        let doom = Doom::after(steps);
        world.start_mortal_senders(&doom);
        world.settle(A_WHILE).await;
        world.check_invariants(LIMIT);
        for notification in world.notifications().values() {
            if notification.status == Status::Unknown {
                lost += 1;
                let claimed_at_ms = notification.attempts[0].claimed_at_ms;
                let found_after_ms = notification.status_since_ms - claimed_at_ms;
                assert!(found_after_ms < 150_000, "after {steps} steps in {found_after_ms} ms");
            }
        }
        if !doom.has_struck() {
            break;
        }
    }
    assert!(lost > 3, "only {lost} claims were lost");
}

async fn post_many(world: &World, count: usize) {
    let many: Vec<Value> = (0..count)
        .map(|n| {
            json!({
                "template": "photo-and-video", "variables": variables(),
                "to": { "id": format!("t{n}"), "phone": "01012345678" },
            })
        })
        .collect();
    let (status, _) =
        world.produce("POST", "/v1/notifications", Some("b"), Value::Array(many)).await;
    assert_eq!(status, 202);
}

/// The row of a lane can be read and taken, and not renewed.
struct NoRenewal(Arc<dyn Lanes>);

#[async_trait]
impl Lanes for NoRenewal {
    async fn acquire(&self, channel: &str, terms: LeaseTerms) -> Result<Taken, PortError> {
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
}

/// A lease that cannot be renewed: its holder stops by itself, with time to spare.
#[tokio::test(start_paused = true)]
async fn nothing_leaves_in_the_last_two_seconds_of_a_lease() {
    let mut settings = WorldSettings::default();
    settings.drain.lease = Duration::from_secs(5);
    settings.drain.slice = Duration::from_secs(8);
    // It does not even try before its time is over.
    settings.drain.renew_every = Duration::from_secs(60);
    let mut world = World::new(settings).await;
    world.stack.drain.lanes = Arc::new(NoRenewal(Arc::clone(&world.stack.drain.lanes)));
    post_many(&world, 400).await;
    let began_us =
        1000 * world.notifications().values().map(|n| n.created_at_ms).max().expect("some");
    let drained = world.stack.drain.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_err(), "{drained:?}");
    assert!(world.simulator.arrivals().len() > 50);
    let last_us = world.simulator.arrivals().iter().map(|a| a.at_us).max().expect("some");
    assert!(last_us - began_us < 3_200_000, "the last one left after {} us", last_us - began_us);
}

/// The way to the provider may take as long as it likes for a strict lane. What a lost sender wrote last
/// is on its way still when its successor has the lease.
#[tokio::test(start_paused = true)]
async fn a_strict_lane_waits_for_what_a_lost_sender_may_have_on_its_way() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("jitter: 50ms", "jitter: 50ms\n      strict: true");
    settings.drain.renew_every = Duration::from_secs(60);
    let mut world = World::new(settings).await;
    send_one(&world).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    post_many(&world, 200).await;
    let lanes = Arc::clone(&world.stack.drain.lanes);
    world.stack.drain.lanes = Arc::new(NoRenewal(Arc::clone(&lanes)));
    world.http.take(Duration::from_millis(2_800));
    let began_us = world.clock.now_us();
    {
        let draining = world.stack.drain.drain("alimtalk-main", WakeGroup::Zero, None);
        let killed = tokio::time::timeout(Duration::from_millis(10_200), draining).await;
        assert!(killed.is_err(), "{killed:?}");
    }

    world.http.take(Duration::ZERO);
    world.stack.drain.lanes = lanes;
    let drained = world.stack.drain.drain("alimtalk-main", WakeGroup::One, None).await;
    assert!(drained.is_ok_and(|report| report.departures > 40));
    world.settle(A_WHILE).await;
    // The way is what takes long here, not the claims.
    let violations = world.audit().violations(LIMIT);
    let broken: Vec<_> = violations.iter().filter(|v| !v.contains("stale claim")).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // When the successor could have the lease, some of its predecessor's were still to arrive.
    let taken_over_us = began_us + 10_500_000;
    let by_the_lost = world.simulator.arrivals().into_iter().filter(|arrival| {
        let reference = arrival.reference.as_ref();
        let by = reference.and_then(|of| world.notifications()[&of.id].attempts.last().cloned());
        arrival.at_us > taken_over_us && by.is_some_and(|attempt| attempt.fence == 2)
    });
    assert!(by_the_lost.count() > 3);
}

/// The provider's push is answered late or never, and comes again.
#[tokio::test(start_paused = true)]
async fn the_webhook_may_die_at_any_await_between_receipt_and_release() {
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let (first, second) = sequence_awaiting_its_receipt(&world).await;
        let push = delivered_push(&first);
        let path = "/webhooks/alimtalk-main/local-webhook-secret";

        let doom = Doom::after(steps);
        doom.over(world.webhook(path, &push)).await;
        let all = world.notifications();
        let (before, next) = (all[&first.id].status, all[&second.id].status);
        assert_eq!(
            before == Status::Delivered,
            next == Status::Queued,
            "after {steps} steps the one is {before:?} and the other {next:?}"
        );
        assert_eq!(world.webhook(path, &push).await.0, 200);
        let all = world.notifications();
        assert_eq!(all[&first.id].status, Status::Delivered);
        assert_eq!(all[&second.id].status, Status::Queued);
        if !doom.has_struck() {
            assert!(steps > 8, "only {steps} deaths");
            break;
        }
    }
}

/// Two pushes for one step at once: the step is delivered and its successor released, once.
#[tokio::test(start_paused = true)]
async fn receipts_that_come_together_release_once() {
    let world = World::new(WorldSettings::default()).await;
    let (first, second) = sequence_awaiting_its_receipt(&world).await;
    let push = delivered_push(&first);
    let path = "/webhooks/alimtalk-main/local-webhook-secret";
    let answers = futures::future::join_all((0..10).map(|_| world.webhook(path, &push))).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let all = world.notifications();
    assert_eq!(all[&first.id].status, Status::Delivered);
    assert_eq!(all[&first.id].receipts.len(), 1);
    assert_eq!((all[&second.id].status, all[&second.id].revision), (Status::Queued, 1));
}

/// The producer gets no answer, and asks again under the same key.
#[tokio::test(start_paused = true)]
async fn enqueue_may_die_at_any_await_and_the_replay_completes_it() {
    for steps in 0.. {
        let world = World::new(WorldSettings::default()).await;
        let doom = Doom::after(steps);
        doom.over(post_work(&world)).await;
        post_work_again(&world).await;
        world.start_senders();
        world.settle(A_WHILE).await;
        world.check_invariants(LIMIT);
        let all = world.notifications();
        assert_eq!(all.len(), 5, "after {steps} steps");
        assert!(all.values().all(|n| n.status == Status::Delivered), "after {steps} steps");
        if !doom.has_struck() {
            assert!(steps > 8, "only {steps} deaths");
            break;
        }
    }
}

/// The first step is accepted and nothing is known of its delivery.
async fn sequence_awaiting_its_receipt(world: &World) -> (Notification, Notification) {
    let body = json!({
        "to": { "id": "t", "phone": "01090070000" },
        "steps": [
            { "template": "consultation-start", "variables": variables() },
            { "template": "photo-and-video", "variables": variables() },
        ],
    });
    let (status, _) = world.produce("POST", "/v1/sequences", Some("s"), body).await;
    assert_eq!(status, 202);
    let drained = world.stack.drain.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_ok_and(|report| report.departures == 1));
    let mut steps: Vec<_> = world.notifications().into_values().collect();
    steps.sort_by_key(|n| n.place.as_ref().map(|place| place.step));
    let [first, second] = steps.try_into().expect("two steps");
    assert_eq!((first.status, second.status), (Status::Accepted, Status::Blocked));
    (first, second)
}

fn delivered_push(notification: &Notification) -> String {
    json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "PHONE": "01090070000", "MEDIA": "KAT",
        "UNIXTIME": "1", "RESULT": "7000", "REFKEY": notification.reference().to_string(),
    })
    .to_string()
}
