//! A row that this version of the code cannot use stays as it is, and stops nothing else: neither
//! the other messages of its lane nor other channels.

use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::{Changed, Document, Documents, Expected, Kind, WakeGroup};
use alimi_local::aws::embedded::tables;
use alimi_local::testing::world::{BEGINNING_MS, SETTLES_WITHIN, World, WorldSettings};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::producer::{LIMIT, TEMPLATE, arrivals_us, post_one, sweep, teacher, variables};
use super::rendering::{TEXT, change_text, texts};
use crate::phone_numbers::{DELIVERED, NO_RECEIPT};
use crate::stored_rows::{change_row, get_row, put_row, revision_key, row};

/// What makes a row unusable.
type Damage = fn(&mut Value);

const DAMAGES: [(&str, Damage); 2] = [
    // A newer version of the code has written the row, so it is read and never written.
    ("of a higher schema", |row| row["schema"] = json!({ "N": "99" })),
    ("unreadable", |row| row["recipient"] = json!({ "N": "1" })),
];

/// Posts a message with further fields, and returns its id.
async fn post_with(world: &World, key: &str, fields: &Value) -> String {
    let mut body = json!({
        "template": TEMPLATE, "to": teacher(DELIVERED), "variables": variables(),
    });
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_unusable_row_at_the_head_of_the_queue_stays_and_the_messages_behind_it_leave() {
    for (name, damage) in DAMAGES {
        let world = World::new(WorldSettings::default()).await;
        let first = post_one(&world, "first", DELIVERED).await;
        let damaged = change_row(&world, &first, damage);
        let mut others = vec![post_one(&world, "second", DELIVERED).await];
        world.start_senders();
        sweep(&world, 2).await;
        others.push(post_one(&world, "third", DELIVERED).await);
        sweep(&world, 2).await;
        for id in &others {
            assert_eq!(world.notification(id).await.status, Status::Delivered, "{name}");
        }
        assert_eq!(row(&world, &first), damaged, "{name}");
        assert!(arrivals_us(&world, &first).is_empty(), "{name}");
        assert!(world.queue.dead_letters().is_empty(), "{name}: drains failed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unusable_row_that_comes_due_or_is_overdue_keeps_no_other_message_waiting() {
    for (name, damage) in DAMAGES {
        let world = World::new(WorldSettings::default()).await;
        world.start_senders();
        let due_at = Timestamp::from_millisecond(BEGINNING_MS + 300_000).expect("a time");
        let later = json!({ "not_before": due_at.to_string() });
        let first_due = post_with(&world, "first-due", &later).await;
        let due = post_with(&world, "due", &later).await;
        // No receipts come for these two.
        let first_overdue = post_one(&world, "first-overdue", NO_RECEIPT).await;
        let overdue = post_one(&world, "overdue", NO_RECEIPT).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(world.notification(&first_overdue).await.status, Status::Accepted);
        let damaged = [&first_due, &first_overdue].map(|id| change_row(&world, id, damage));

        sweep(&world, 35).await;
        assert_eq!(world.notification(&due).await.status, Status::Delivered, "{name}");
        assert_eq!(world.notification(&overdue).await.status, Status::Unconfirmed, "{name}");
        let rows = [&first_due, &first_overdue].map(|id| row(&world, id));
        assert_eq!(rows, damaged, "{name}");
        assert!(arrivals_us(&world, &first_due).is_empty(), "{name}");
        assert!(world.queue.dead_letters().is_empty(), "{name}: drains failed");
    }
}

/// The sender moves the messages of a closed class to their present class.
#[tokio::test(start_paused = true)]
async fn an_unusable_row_whose_hours_change_keeps_no_other_message_waiting() {
    for (name, damage) in DAMAGES {
        let world = World::new(WorldSettings::default()).await;
        // At 20:00 in Seoul the window of scheduled messages is closed.
        tokio::time::sleep(Duration::from_secs(10 * 3600)).await;
        let scheduled = json!({ "priority": 600 });
        let first = post_with(&world, "first", &scheduled).await;
        let damaged = change_row(&world, &first, damage);
        let behind = post_with(&world, "behind", &scheduled).await;
        let wider = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
        let answer =
            world.operate("PUT", "/v1/hours/stack", &[("if-none-match", "*")], wider).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        let real_time = post_one(&world, "real-time", DELIVERED).await;
        world.start_senders();
        sweep(&world, 5).await;
        for id in [&behind, &real_time] {
            assert_eq!(world.notification(id).await.status, Status::Delivered, "{name}");
        }
        assert_eq!(row(&world, &first), damaged, "{name}");
        assert!(arrivals_us(&world, &first).is_empty(), "{name}");
        assert!(world.queue.dead_letters().is_empty(), "{name}: drains failed");
    }
}

/// Newer code may have written the revision: the message waits for that code.
#[tokio::test(start_paused = true)]
async fn a_message_whose_template_revision_is_unreadable_waits_unclaimed_and_others_leave() {
    let world = World::new(WorldSettings::default()).await;
    let earlier = post_one(&world, "earlier", DELIVERED).await;
    // A sender reads the history only for revisions that are not the present one.
    change_text(&world, TEMPLATE, "#{name} 선생님, 새 안내입니다.").await;
    let later = post_one(&world, "later", DELIVERED).await;
    let readable = get_row(&world, &tables().catalog, &revision_key(TEMPLATE, 1));
    let mut damaged = readable.clone();
    damaged["document"] = json!({ "M": {} });
    put_row(&world, &tables().catalog, &damaged);
    world.start_senders();
    sweep(&world, 3).await;
    let waiting = world.notification(&earlier).await;
    assert_eq!((waiting.status, waiting.claim), (Status::Queued, 0));
    assert!(arrivals_us(&world, &earlier).is_empty());
    assert_eq!(world.notification(&later).await.status, Status::Delivered);
    assert!(world.queue.dead_letters().is_empty(), "drains failed");

    put_row(&world, &tables().catalog, &readable);
    sweep(&world, 3).await;
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(world.notification(&earlier).await.status, Status::Delivered);
    assert_eq!(texts(&world, &earlier), [TEXT]);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_channel_stops_no_other_channel_in_the_sweepers_round() {
    let world = World::new(WorldSettings::default()).await;
    // By its name it comes before the channel `alimtalk-main`.
    let unreadable = Document {
        name: "a-channel".into(),
        revision: 0,
        body: Some(json!({ "limit": 1 })),
        changed_by: "test".into(),
        changed_at_ms: BEGINNING_MS,
    };
    let saved = world.store.put_document(Kind::Channel, &unreadable, Expected::Any).await;
    assert!(matches!(saved, Ok(Changed::Done(_))));
    let overdue = post_one(&world, "overdue", NO_RECEIPT).await;
    let drained = world.stack.sender.drain("alimtalk-main", WakeGroup::Zero, None).await;
    assert!(drained.is_ok_and(|report| report.departures == 1));
    tokio::time::sleep(Duration::from_secs(31 * 60)).await;
    post_one(&world, "queued", DELIVERED).await;

    let report = alimi_sweeper::handle(&world.stack.sweeper).await.expect("a round");
    assert_eq!(report.swept.lanes_woken, 1, "the lane with a queued message");
    assert_eq!(report.swept.deadlines_closed, 1);
    assert_eq!(world.notification(&overdue).await.status, Status::Unconfirmed);
}
