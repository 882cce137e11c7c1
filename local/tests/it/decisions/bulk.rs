//! Many exceptions are counted, and then sent again or settled.

use std::time::Duration;

use alimi::domain::bulk_job::{BulkAct, BulkJob, BulkStatus, BulkWish};
use alimi::domain::{ExceptionFilter, Notification, NotificationId, Reference, Status};
use alimi::ports::{BulkJobs, Clock};
use alimi_local::testing::world::{Answer, SETTLES_WITHIN, World, operate};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::work::{CHANNEL, console_of_lee, post_and_send, store_exceptions, unconfirmed, world};
use crate::provider_receipts::{
    ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, receipt, receive, webhook_path,
};

const RESEND: &str = "/v1/ops/resend";

async fn count(world: &World, filter: Value) -> Value {
    let body = json!({ "filter": filter, "dry_run": true });
    let answer = world.operate("POST", RESEND, &[], body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// The request that begins what was counted.
fn begin(counted: &Value, reason: &str) -> Value {
    json!({
        "filter": counted["filter"], "expected": counted["total"], "reason": reason,
        "may_double": true,
    })
}

async fn post(world: &World, path: &str, body: &Value) -> Answer {
    world.operate("POST", path, &[], body).await
}

/// A job over all unconfirmed messages until now, of which no page is done.
async fn job(world: &World, expected: u64) -> BulkJob {
    let filter = ExceptionFilter {
        channel: CHANNEL.into(),
        status: Some(Status::Unconfirmed),
        until_ms: Some(world.clock.now_ms() + 1),
        ..ExceptionFilter::default()
    };
    let act = BulkAct::Resend { may_double: true };
    let wish = BulkWish { act, filter, expected, reason: "the outage is over".into() };
    let job = BulkJob::begun(wish, "kim".into(), world.clock.now_ms(), 1);
    assert_eq!(world.store.create_job(&job).await.expect("stored"), None);
    job
}

async fn stored(world: &World, id: &str) -> BulkJob {
    world.store.job(id).await.expect("read").expect("the job")
}

fn in_status(world: &World, status: Status) -> usize {
    world.notifications().values().filter(|found| found.status == status).count()
}

/// Half of the messages are delivered after all while both operators send all of them again.
#[tokio::test(start_paused = true)]
async fn two_operators_send_500_exceptions_again_while_receipts_arrive_and_each_leaves_once() {
    const EXCEPTIONS: usize = 500;
    let world = world().await;
    let ids = store_exceptions(&world, EXCEPTIONS, Status::Unconfirmed).await;
    let before = world.notifications();
    let counted = count(&world, json!({ "channel": CHANNEL })).await;
    assert_eq!(counted["total"], EXCEPTIONS);
    assert_eq!(counted["counts"], json!({ "unconfirmed": EXCEPTIONS }));

    let delivered: Vec<&Notification> = ids
        .iter()
        .step_by(5)
        .map(|id| &before[&id.parse::<NotificationId>().expect("an id")])
        .collect();
    let receipts = async {
        for (index, notification) in delivered.iter().enumerate() {
            tokio::time::sleep(Duration::from_millis(if index % 10 == 0 { 40 } else { 1 })).await;
            let receipt = receipt(notification, ALIMTALK_DELIVERED);
            assert_eq!(world.webhook(&webhook_path(), receipt).await.0, 200);
        }
    };
    let lees =
        operate(console_of_lee(&world), "POST", RESEND, &[], begin(&counted, "lee's").to_string());
    let kims = begin(&counted, "kim's");
    let (kim, lee, ()) = futures::join!(post(&world, RESEND, &kims), lees, receipts);
    for answer in [&kim, &lee] {
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(answer.body["status"], "finished", "{}", answer.body);
    }
    // Each was decided about by one of them, or delivered before.
    let after = world.notifications();
    let of = |id: &String| &after[&id.parse::<NotificationId>().expect("an id")];
    assert!(ids.iter().all(|id| of(id).decisions.len() <= 1));
    let decided = ids.iter().filter(|id| of(id).decisions.len() == 1).count();
    let done = |answer: &Answer| answer.body["counts"]["done"].as_u64().expect("a count");
    assert_eq!(done(&kim) + done(&lee), decided as u64, "{} {}", kim.body, lee.body);
    for answer in [&kim, &lee] {
        let counts = answer.body["counts"].as_object().expect("counts").values();
        let looked_at: u64 = counts.filter_map(Value::as_u64).sum();
        // What a receipt has settled meanwhile may have left the index before it was read.
        assert!(looked_at > 0, "{}", answer.body);
    }
    assert!(decided >= EXCEPTIONS - delivered.len());
    assert!(ids.iter().all(|id| matches!(of(id).status, Status::Queued | Status::Delivered)));

    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    let mut second = std::collections::BTreeMap::<NotificationId, usize>::new();
    for arrival in world.simulator.arrivals() {
        if let Some(Reference { id, attempt: 2 }) = arrival.reference {
            *second.entry(id).or_default() += 1;
        }
    }
    let waited = after.values().filter(|found| found.status == Status::Queued).count();
    assert_eq!(second.len(), waited, "what a receipt had delivered did not leave");
    assert!(second.values().all(|arrivals| *arrivals == 1));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_counts_by_state_and_changes_nothing() {
    let world = world().await;
    let failed = post_and_send(&world, "failed").await;
    receive(&world, &failed, ALIMTALK_UNDELIVERED).await;
    for key in ["one", "two"] {
        unconfirmed(&world, key).await;
    }
    let before = world.notifications();
    let counted = count(&world, json!({ "channel": CHANNEL })).await;
    assert_eq!(counted["counts"], json!({ "unconfirmed": 2, "failed": 1 }));
    assert_eq!((&counted["total"], &counted["is_minimum"]), (&json!(3), &json!(false)));
    for (filter, total) in [
        (json!({ "channel": CHANNEL, "status": "failed" }), 1),
        (json!({ "channel": CHANNEL, "reason": "no_receipt" }), 2),
        (json!({ "channel": CHANNEL, "template": "consultation-sms" }), 0),
        (json!({ "channel": "other" }), 0),
        (json!({ "channel": CHANNEL, "until": "2020-01-01T00:00:00Z" }), 0),
        (json!({ "channel": CHANNEL, "since": "2020-01-01T00:00:00Z" }), 3),
    ] {
        assert_eq!(count(&world, filter.clone()).await["total"], total, "{filter}");
    }
    assert_eq!(world.notifications(), before);
    let jobs = world.operate("GET", RESEND, &[], "").await;
    assert_eq!(jobs.body["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_count_decides_nothing_and_learns_the_right_one() {
    let world = world().await;
    store_exceptions(&world, 3, Status::Failed).await;
    let before = world.notifications();
    let counted = count(&world, json!({ "channel": CHANNEL })).await;
    for wrong in [1, 2, 4, 1_000_000] {
        let mut body = begin(&counted, "r");
        body["expected"] = json!(wrong);
        let answer = post(&world, RESEND, &body).await;
        assert_eq!((answer.status, &answer.body["field"]), (409, &json!("expected")));
        assert_eq!(answer.body["type"], "/docs/errors.md#other-count");
        let detail = answer.body["detail"].as_str().expect("a detail");
        assert!(detail.contains("takes 3 now (3 failed)"), "{detail}");
    }
    assert_eq!(world.notifications(), before);
}

#[tokio::test(start_paused = true)]
async fn doubtful_messages_have_to_be_acknowledged() {
    let world = world().await;
    store_exceptions(&world, 2, Status::Unconfirmed).await;
    let counted = count(&world, json!({ "channel": CHANNEL })).await;
    let mut body = begin(&counted, "r");
    body["may_double"] = json!(false);
    let refused = post(&world, RESEND, &body).await;
    assert_eq!((refused.status, &refused.body["field"]), (409, &json!("may_double")));
    body["may_double"] = json!(true);
    assert_eq!(post(&world, RESEND, &body).await.status, 202);
    assert_eq!(in_status(&world, Status::Queued), 2);
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_the_count_is_left_alone() {
    let world = world().await;
    store_exceptions(&world, 3, Status::Failed).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let counted = count(&world, json!({ "channel": CHANNEL })).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = unconfirmed(&world, "later").await;
    let began = post(&world, RESEND, &begin(&counted, "r")).await;
    assert_eq!(began.status, 202, "{}", began.body);
    assert_eq!(
        began.body["counts"],
        json!({ "done": 3, "gone": 0, "refused": 0, "unreadable": 0 })
    );
    assert_eq!(world.notification(&later).await.status, Status::Unconfirmed);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_is_the_same_job() {
    let world = world().await;
    store_exceptions(&world, 3, Status::Failed).await;
    let counted = count(&world, json!({ "channel": CHANNEL })).await;
    let body = begin(&counted, "r");
    let first = post(&world, RESEND, &body).await;
    let second = post(&world, RESEND, &body).await;
    assert_eq!((first.status, second.status), (202, 200), "{}", second.body);
    assert_eq!(first.body, second.body);
    let listed = world.operate("GET", RESEND, &[], "").await.body;
    assert_eq!(listed["items"], json!([first.body]));
    let path = format!("{RESEND}/{}", first.body["id"].as_str().expect("an id"));
    assert_eq!(world.operate("GET", &path, &[], "").await.body, first.body);
    assert_eq!(in_status(&world, Status::Queued), 3);
    // It has finished, so it cannot be stopped.
    let stopped = world.operate("POST", &format!("{path}/stop"), &[], "").await;
    assert_eq!(stopped.status, 409);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_stopped_between_two_pages_and_stays_so() {
    let world = world().await;
    store_exceptions(&world, 250, Status::Unconfirmed).await;
    let job = job(&world, 250).await;
    let bulk = &world.stack.sweeper.continue_bulk.bulk;
    // One page.
    bulk.work(job.clone(), Instant::now()).await.expect("a page");
    assert_eq!(in_status(&world, Status::Queued), 100);
    let path = format!("{RESEND}/{}/stop", job.id);
    for _ in 0..2 {
        let stopped = world.operate("POST", &path, &[], "").await;
        assert_eq!((stopped.status, &stopped.body["status"]), (200, &json!("stopped")));
        assert_eq!(stopped.body["stopped_by"], "local");
    }
    world.stack.sweeper.continue_bulk.round().await.expect("a round");
    assert_eq!(in_status(&world, Status::Queued), 100);
    assert_eq!(stored(&world, &job.id).await.counts.done, 100);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_work_after_the_page_that_is_in_progress() {
    let world = world().await;
    store_exceptions(&world, 350, Status::Unconfirmed).await;
    let job = job(&world, 350).await;
    let bulk = &world.stack.sweeper.continue_bulk.bulk;
    let path = format!("{RESEND}/{}/stop", job.id);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        world.operate("POST", &path, &[], "").await
    };
    let until = Instant::now() + Duration::from_secs(60);
    let (worked, stopped) = futures::join!(bulk.work(job.clone(), until), stop);
    assert_eq!(stopped.status, 200, "{}", stopped.body);
    assert_eq!(worked.expect("the work").status, BulkStatus::Stopped);
    let done = in_status(&world, Status::Queued);
    assert!((1..350).contains(&done), "{done}");
}

#[tokio::test(start_paused = true)]
async fn the_sweeper_goes_on_where_the_console_stopped() {
    let world = world().await;
    store_exceptions(&world, 250, Status::Unconfirmed).await;
    let job = job(&world, 250).await;
    let bulk = &world.stack.sweeper.continue_bulk.bulk;
    let begun = bulk.work(job.clone(), Instant::now()).await.expect("a page");
    assert_eq!((begun.status, begun.counts.done), (BulkStatus::Running, 100));
    world.stack.sweeper.continue_bulk.round().await.expect("a round");
    let ended = stored(&world, &job.id).await;
    assert_eq!((ended.status, ended.counts.done), (BulkStatus::Finished, 250));
    assert_eq!(in_status(&world, Status::Queued), 250);
}

#[tokio::test(start_paused = true)]
async fn never_more_are_decided_about_than_were_counted() {
    let world = world().await;
    store_exceptions(&world, 120, Status::Unconfirmed).await;
    // The index had shown only so many of them.
    let job = job(&world, 103).await;
    world.stack.sweeper.continue_bulk.round().await.expect("a round");
    let ended = stored(&world, &job.id).await;
    assert_eq!((ended.status, ended.counts.done), (BulkStatus::Finished, 103));
    assert_eq!(in_status(&world, Status::Queued), 103);
}

#[tokio::test(start_paused = true)]
async fn many_are_settled_at_once() {
    let world = world().await;
    store_exceptions(&world, 3, Status::Unconfirmed).await;
    let filter = json!({ "channel": CHANNEL, "reason": "no_receipt" });
    let counted = count(&world, filter).await;
    let mut body = json!({
        "filter": counted["filter"], "expected": 3, "reason": "the provider lost its receipts",
        "as": "delivered",
    });
    let settled = post(&world, "/v1/ops/settle", &body).await;
    assert_eq!(settled.status, 202, "{}", settled.body);
    assert_eq!(settled.body["action"], "settle");
    assert_eq!(settled.body["as"], "delivered");
    assert_eq!(in_status(&world, Status::Delivered), 4, "with the pattern");
    assert_eq!(count(&world, json!({ "channel": CHANNEL })).await["total"], 0);
    body["as"] = Value::Null;
    let without = post(&world, "/v1/ops/settle", &body).await;
    assert_eq!((without.status, &without.body["field"]), (422, &json!("as")));
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_request_is_named_by_its_field() {
    let world = world().await;
    store_exceptions(&world, 1, Status::Failed).await;
    let counted = count(&world, json!({ "channel": CHANNEL })).await;
    let valid = begin(&counted, "r");
    let with = |pointer: &str, value: Value| {
        let mut body = valid.clone();
        match pointer.split_once('.') {
            Some((outer, inner)) => body[outer][inner] = value,
            None => body[pointer] = value,
        }
        body
    };
    let before = world.notifications();
    for (body, field) in [
        (with("filter.channel", json!("A b")), "filter.channel"),
        (with("filter.channel", Value::Null), "filter.channel"),
        (with("filter.status", json!("queued")), "filter.status"),
        (with("filter.reason", json!("7308")), "filter.reason"),
        (with("filter.template", json!("")), "filter.template"),
        (with("filter.since", json!("yesterday")), "filter.since"),
        (with("filter.until", json!("2099-01-01T00:00:00Z")), "filter.until"),
        (with("filter.until", json!("2020-01-01T00:00:00Z")), "filter.until"),
        (with("filter.until", Value::Null), "filter.until"),
        (with("filter.state", json!("failed")), "filter.state"),
        (with("expected", json!(-1)), "expected"),
        (with("expected", Value::Null), "expected"),
        (with("reason", json!(" ")), "reason"),
        (with("reason", Value::Null), "reason"),
        (with("dry_run", json!(true)), "expected"),
        (with("all", json!(true)), "all"),
        (json!({ "dry_run": true }), "filter"),
    ] {
        let answer = post(&world, RESEND, &body).await;
        let field_of = answer.body["field"].as_str();
        assert_eq!((answer.status, field_of), (422, Some(field)), "{body}: {}", answer.body);
    }
    let nothing = count(&world, json!({ "channel": "other" })).await;
    let answer = post(&world, RESEND, &begin(&nothing, "r")).await;
    assert_eq!((answer.status, &answer.body["field"]), (422, &json!("expected")));
    for id in ["x", "1772413200000-0", "1772413200000-0123456789abcdef"] {
        for (method, path) in
            [("GET", format!("{RESEND}/{id}")), ("POST", format!("{RESEND}/{id}/stop"))]
        {
            let answer = world.operate(method, &path, &[], "").await;
            assert_eq!((answer.status, &answer.body["field"]), (404, &json!("id")), "{path}");
        }
    }
    assert_eq!(world.notifications(), before);
}
