//! A row that the sweeper cannot read is reported, and stops nothing else in the round.

use std::time::Duration;

use alimi::domain::agenda::{confirm_partition, ready_partition};
use alimi::domain::{Status, WindowClass};
use alimi::ports::Clock;
use alimi_local::aws::embedded::tables;
use alimi_local::testing::world::{World, WorldSettings};
use serde_json::json;

use super::{BUSY, LANE, accepted, add_busy_channel, copy_rows, post, round};
use crate::captured_log::CapturedLog;
use crate::stored_rows::put_row;

#[tokio::test(start_paused = true)]
async fn an_unreadable_row_of_a_lane_stops_neither_its_deadlines_nor_another_lane() {
    let world = World::new(WorldSettings::default()).await;
    add_busy_channel(&world).await;
    let overdue = accepted(&world, "overdue").await;
    copy_rows(&world, &overdue, 3, BUSY, world.clock.now_ms());
    tokio::time::sleep(Duration::from_secs(31 * 60)).await;
    post(&world, "queued").await;
    let unreadable = json!({ "pk": { "S": format!("lane#{BUSY}") }, "fence": { "S": "none" } });
    put_row(&world, &tables().state, &unreadable);

    let log = CapturedLog::start();
    let report = round(&world).await;
    assert_eq!(report.channels_failed, 1);
    assert_eq!(report.lanes_woken, 1, "the lane with a queued message");
    assert_eq!(report.deadlines_closed, 4);
    assert_eq!(world.notification(&overdue).await.status, Status::Unconfirmed);
    let text = log.text();
    assert!(text.contains("unreadable_rows") && text.contains(BUSY), "{text}");
}

#[tokio::test(start_paused = true)]
async fn unreadable_entries_of_the_agenda_hide_no_work() {
    let world = World::new(WorldSettings::default()).await;
    let overdue = accepted(&world, "overdue").await;
    tokio::time::sleep(Duration::from_secs(31 * 60)).await;
    post(&world, "queued").await;
    // Both come before the readable ones.
    let ready = ready_partition(LANE, &WindowClass::EXEMPT);
    for (id, partition, sort) in [
        ("x", ready, "00000000#00000#0000000000001#x"),
        ("y", confirm_partition(LANE), "0000000000001#y"),
    ] {
        let row = json!({
            "id": { "S": id }, "agenda_pk": { "S": partition }, "agenda_sk": { "S": sort },
        });
        put_row(&world, &tables().notifications, &row);
    }

    let log = CapturedLog::start();
    let report = round(&world).await;
    assert_eq!((report.lanes_woken, report.deadlines_closed, report.channels_failed), (1, 1, 0));
    assert_eq!(world.notification(&overdue).await.status, Status::Unconfirmed);
    let text = log.text();
    assert_eq!(text.matches("unreadable_rows").count(), 2, "one line for each partition: {text}");
}
