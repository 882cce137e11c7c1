//! A whole accident: messages of every status, a lost period in which most of them leave, and what
//! becomes of them.

use std::time::Duration;

use alimi::domain::{Reason, Status};
use alimi_local::testing::world::World;
use serde_json::json;

use super::table::Snapshot;
use super::work::{
    A_MINUTE, arrivals, drain, in_minutes, message, pass, pause, post, post_many, post_sequence,
    repeat_receipt, resume, review, reviewed, statuses, step, stop, to_new_york, world,
};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT};

const LIMIT: usize = 40;
const TWO_DAYS: Duration = Duration::from_secs(48 * 3600);

/// How many notifications [`Work`] holds.
const STORED: u64 = 34;

/// What is stored when the snapshot is taken.
struct Work {
    /// It ended before.
    delivered: String,
    /// The provider took it before, and its receipt is awaited.
    accepted: String,
    /// The first step was accepted before. The third one has a delay of two hours.
    stalled: Vec<String>,
    /// They leave at once.
    queued: Vec<String>,
    /// It leaves ten minutes later.
    due: String,
    /// Two steps that leave at once, one after the other.
    chain: Vec<String>,
    /// The first step leaves at once, and the second one two hours after it.
    delayed: Vec<String>,
    /// It leaves three hours later.
    later: String,
    /// Both steps leave three hours later.
    planned: Vec<String>,
    /// It leaves when it is morning in New York.
    closed: String,
}

impl Work {
    async fn post(world: &World) -> Self {
        let to = |phone: &str| json!({ "id": "teacher-1", "phone": phone });
        let two_hours_later = |template: &str| {
            let mut step = step(template);
            step["delay"] = json!("2h");
            step
        };
        let first = || step("photo-and-video");
        let delivered = post(world, "delivered", &message(DELIVERED)).await;
        let accepted = post(world, "accepted", &message(NO_RECEIPT)).await;
        let steps = json!([first(), first(), two_hours_later("photo-and-video")]);
        let stalled = json!({ "to": to(NO_RECEIPT), "steps": steps });
        let stalled = post_sequence(world, "stalled", &stalled).await;
        drain(world).await;

        let queued = post_many(world, "queued", 20).await;
        let mut due = message(DELIVERED);
        due["not_before"] = json!(in_minutes(world, 10));
        let due = post(world, "due", &due).await;
        let chain = json!({ "to": to(DELIVERED), "steps": [first(), first()] });
        let chain = post_sequence(world, "chain", &chain).await;
        let steps = json!([first(), two_hours_later("photo-and-video")]);
        let delayed = json!({ "to": to(DELIVERED), "steps": steps });
        let delayed = post_sequence(world, "delayed", &delayed).await;
        let in_three_hours = in_minutes(world, 180);
        let mut later = message(DELIVERED);
        later["not_before"] = json!(in_three_hours);
        let later = post(world, "later", &later).await;
        let planned = json!({
            "to": to(DELIVERED), "steps": [first(), first()], "not_before": in_three_hours,
        });
        let planned = post_sequence(world, "planned", &planned).await;
        let closed = post(world, "closed", &to_new_york()).await;
        Self { delivered, accepted, stalled, queued, due, chain, delayed, later, planned, closed }
    }

    /// Messages that may have left after the snapshot, or whose receipts may have come.
    fn doubtful(&self) -> Vec<String> {
        let stalled = self.stalled[..2].iter();
        let sent = self.queued.iter().chain(&self.chain).chain([&self.due, &self.delayed[0]]);
        sent.chain(stalled).chain([&self.accepted]).cloned().collect()
    }

    /// Messages that certainly had not left when the channel was paused, and leave afterwards.
    fn unsent(&self) -> Vec<String> {
        let one = [&self.later, &self.closed, &self.delayed[1]];
        self.planned.iter().chain(one).cloned().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_again_and_what_had_not_left_is_sent() {
    let world = world().await;
    let work = Work::post(&world).await;
    let snapshot = Snapshot::take(&world);

    // The lost period.
    world.start_senders();
    pass(&world, 20).await;
    assert_eq!(statuses(&world, &work.queued).await, [Status::Delivered; 20]);
    assert_eq!(statuses(&world, &work.chain).await, [Status::Delivered; 2]);
    assert_eq!(statuses(&world, &work.delayed).await, [Status::Delivered, Status::Deferred]);
    assert_eq!(world.notification(&work.due).await.status, Status::Delivered);
    let lost = post(&world, "lost", &message(DELIVERED)).await;
    pass(&world, 1).await;
    assert_eq!(arrivals(&world, &lost), 1);

    // The restoration.
    let running = review(&world, &snapshot.taken_at).await;
    assert_eq!(running.status, 409, "{}", running.body);
    pause(&world).await;
    let at_work = review(&world, &snapshot.taken_at).await;
    assert_eq!(at_work.status, 409, "{}", at_work.body);
    tokio::time::sleep(10 * A_MINUTE).await;
    snapshot.put_back(&world);
    let sent_before = world.simulator.arrivals().len();
    let doubtful = work.doubtful();
    let moved = u64::try_from(doubtful.len()).expect("a few");
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (STORED, moved));
    for id in &doubtful {
        let found = world.notification(id).await;
        assert_eq!((found.status, found.reason), (Status::Unknown, Some(Reason::Restored)), "{id}");
    }
    let kept = [&work.delivered, &work.later, &work.closed];
    let kept = kept.into_iter().chain(&work.planned).chain([&work.stalled[2], &work.delayed[1]]);
    let kept: Vec<String> = kept.cloned().collect();
    let (deferred, blocked) = (Status::Deferred, Status::Blocked);
    let expected =
        [Status::Delivered, deferred, Status::Queued, deferred, blocked, blocked, blocked];
    assert_eq!(statuses(&world, &kept).await, expected);
    assert_eq!(reviewed(&world, &snapshot.taken_at).await, (STORED, 0), "a repetition");

    // The provider repeats receipts.
    for id in work.chain.iter().chain([&work.accepted, &work.delayed[0]]) {
        repeat_receipt(&world, id).await;
    }
    assert_eq!(statuses(&world, &work.chain).await, [Status::Delivered; 2]);
    assert_eq!(world.notification(&work.accepted).await.status, Status::Delivered);
    assert_eq!(statuses(&world, &work.delayed).await, [Status::Delivered, Status::Deferred]);
    assert_eq!(world.simulator.arrivals().len(), sent_before, "nothing has left meanwhile");

    resume(&world).await;
    world.settle(TWO_DAYS).await;
    for id in work.unsent() {
        assert_eq!(arrivals(&world, &id), 1, "{id}");
        assert_eq!(world.notification(&id).await.status, Status::Delivered, "{id}");
    }
    for id in doubtful.iter().filter(|id| **id != work.stalled[1]) {
        assert_eq!(arrivals(&world, id), 1, "{id}");
    }
    // Nobody has settled the step before them.
    for id in &work.stalled[1..] {
        assert_eq!(arrivals(&world, id), 0, "{id}");
    }
    let audit = world.audit();
    assert_eq!(audit.sent_twice, []);
    assert_eq!(audit.out_of_order, []);
    assert!(audit.busiest_second <= LIMIT, "{}", audit.busiest_second);
}

/// Without the review the accident of this file would send them again.
#[tokio::test(start_paused = true)]
async fn a_restored_table_that_nobody_reviews_sends_again() {
    let world = world().await;
    let ids = post_many(&world, "queued", 3).await;
    let snapshot = Snapshot::take(&world);
    world.start_senders();
    pass(&world, 2).await;
    stop(&world).await;
    snapshot.put_back(&world);
    resume(&world).await;
    world.settle(TWO_DAYS).await;
    for id in &ids {
        assert_eq!(arrivals(&world, id), 2, "{id}");
    }
}
