//! In any state, a sender claims a message exactly when an operator is told that nothing holds it but
//! the lane's pace.

use alimi::domain::circuit_breaker::{CircuitBreaker, Failure};
use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::slow_down::SlowDown;
use alimi::domain::{Notification, NotificationId, PacerPosition, Priority, Status, WindowClass};
use alimi::ports::{
    Acquired, Clock, Created, Lanes, LeaseTerms, Notifications, Saved, WakeGroup, WindowClasses,
};
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::json;

use super::{CHANNEL, kinds, post, why};

const LANE: &str = "alimtalk-main";
const MINUTE_MS: i64 = 60_000;

/// The same "random" numbers in every run.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        // The constants are those of Knuth's MMIX.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = self.roll(from.len() as u64);
        from[usize::try_from(index).expect("a small number")].clone()
    }

    /// A whole number of minutes, far enough from now that nothing changes during a drain.
    fn offset_ms(&mut self) -> i64 {
        self.pick(&[-300, -60, -5, 5, 30, 300, 2_000]) * MINUTE_MS
    }
}

/// A stored message in any state, made from one that `enqueue` has stored.
fn any_message(dice: &mut Dice, model: &Notification, number: u64, now_ms: i64) -> Notification {
    let id: NotificationId = format!("{number:030x}").parse().expect("an id");
    let status = dice.pick(&[
        Status::Queued,
        Status::Queued,
        Status::Queued,
        Status::Deferred,
        Status::Blocked,
        Status::Accepted,
        Status::Failed,
    ]);
    let ready_at_ms = now_ms + dice.offset_ms();
    let ready_at_ms = if status == Status::Queued { ready_at_ms.min(now_ms) } else { ready_at_ms };
    let expires = dice.roll(3) == 0;
    let expires_at_ms = expires.then(|| now_ms + dice.offset_ms());
    let priority = dice.pick(&[Priority::REAL_TIME, Priority(600)]);
    // The hours of a message may have changed since it was stored.
    let class = dice.pick(&["-", "1000-1900@Asia/Seoul", "0600-0700@Asia/Seoul"]);
    let window_class: WindowClass = class.parse().expect("a class");
    let attempt = if dice.roll(6) == 0 { u8::MAX } else { 0 };
    let deadline_ms = (status == Status::Accepted).then_some(now_ms + 1_000 * MINUTE_MS);
    let mut recipient = model.recipient.clone();
    recipient.timezone = dice.pick(&[None, None, Some("America/New_York".to_owned())]);
    Notification {
        id,
        status,
        ready_at_ms,
        expires_at_ms,
        priority,
        window_class,
        attempt,
        deadline_ms,
        recipient,
        created_at_ms: now_ms,
        status_since_ms: now_ms,
        revision: 0,
        ..model.clone()
    }
}

fn any_position(dice: &mut Dice, now_us: i64) -> PacerPosition {
    let mut circuit_breaker = CircuitBreaker::default();
    if dice.roll(4) == 0 {
        // Failures whose next probe is more than a minute away.
        let mut at_us = now_us - 127_000_000;
        for _ in 0..8 {
            circuit_breaker.fail(Failure::ClosedDoor, at_us, 0);
            at_us = circuit_breaker.probe_at_us().expect("it is open");
        }
    }
    let mut slow_down = SlowDown::default();
    if dice.roll(4) == 0 {
        slow_down.throttled(now_us - 10_000_000, now_us - 9_000_000);
    }
    let next_at_us = dice.pick(&[0, now_us - 1_000_000, now_us + 500_000, now_us + 90_000_000]);
    PacerPosition { next_at_us, slow_down, circuit_breaker, ..PacerPosition::default() }
}

/// Writes a position into the lane's row, as a sender does at its end.
async fn set_position(world: &World, position: PacerPosition) {
    let now_ms = world.clock.now_ms();
    let terms = LeaseTerms {
        now_ms,
        until_ms: now_ms + 10_000,
        skew_ms: 500,
        confirm_within_ms: 30 * MINUTE_MS,
        holder: 7,
        group: WakeGroup::One,
        wake_sent_at_ms: None,
        despite_pause: true,
    };
    let acquired = world.store.acquire(LANE, terms).await.expect("an answer");
    let Acquired::Leased(lease) = acquired else { panic!("{acquired:?}") };
    assert_eq!(world.store.release(&lease, position).await.expect("released"), Saved::Done);
    world.store.close_drain(LANE, lease.fence).await.expect("closed");
}

/// One random state, and one drain. Returns how many messages were claimed, and how many were held.
async fn claimed_and_held(seed: u64) -> (usize, usize) {
    let mut dice = Dice(seed);
    for _ in 0..8 {
        dice.roll(2);
    }
    let world = World::new(WorldSettings::default()).await;
    let model = post(&world, "model", json!({ "not_before": "2026-03-05T10:00:00+09:00" })).await;
    let model = world.notification(&model).await;
    let model = Notification { not_before_ms: None, ..model };
    tokio::time::sleep(std::time::Duration::from_secs(3_600 * dice.roll(24))).await;
    let hours = dice.pick(&[("10:00", "19:00"), ("03:00", "04:00"), ("12:00", "23:00")]);
    let scheduled = Window::new(hours.0, hours.1).expect("a window");
    let stored = HoursConfig { scheduled, ..HoursConfig::default() };
    world.store.put_hours(&stored).await.expect("stored");
    let mut ids = Vec::new();
    for number in 0..6 {
        let message = any_message(&mut dice, &model, number, world.clock.now_ms());
        world.store.add_class(LANE, &message.window_class).await.expect("added");
        assert_eq!(world.store.create(&message).await.expect("stored"), Created::New);
        ids.push(message.id.as_str().to_owned());
    }
    set_position(&world, any_position(&mut dice, world.clock.now_us())).await;
    if dice.roll(6) == 0 {
        world.operate("POST", &format!("{CHANNEL}/pause"), &[], "").await;
    }

    let mut told = Vec::new();
    for id in &ids {
        told.push(why(&world, id).await);
    }
    let drained = world.stack.sender.drain(LANE, WakeGroup::Zero, None).await;
    drained.expect("drained");
    let (mut claimed, mut held) = (0, 0);
    for (id, why) in ids.iter().zip(&told) {
        let is_free = kinds(why).iter().all(|kind| ["turn", "slowed"].contains(kind));
        let after = world.notification(id).await;
        let was_claimed = after.claim > model.claim;
        assert_eq!(was_claimed, is_free, "seed {seed}: {why:#} and then {after:#?}");
        claimed += usize::from(was_claimed);
        held += usize::from(!was_claimed);
    }
    (claimed, held)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_claimed_exactly_when_nothing_but_the_pace_is_said_to_hold_it() {
    let (mut claimed, mut held) = (0, 0);
    for seed in 0..60 {
        let (of_this, others) = claimed_and_held(seed).await;
        claimed += of_this;
        held += others;
    }
    // Both happened often enough for this test to mean something.
    assert!(claimed > 20 && held > 100, "{claimed} were claimed and {held} held");
}
