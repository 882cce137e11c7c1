//! One message is sent again, or settled.

use std::time::Duration;

use alimi::domain::Status;
use alimi_local::aws::embedded::DatabaseFault;
use serde_json::json;

use super::work::{
    SENDER_IS_GONE, decide, decide_on, drain, etag, lee_decides_on, post_and_send, resend,
    resend_doubtful, unconfirmed, unknown, world,
};
use crate::provider_receipts::{
    ALIMTALK_DELIVERED, ALIMTALK_UNDELIVERED, receipt, receive, webhook_path,
};

#[tokio::test(start_paused = true)]
async fn a_failed_message_is_sent_again_and_its_record_tells_the_whole_story() {
    let world = world().await;
    let id = post_and_send(&world, "k").await;
    receive(&world, &id, ALIMTALK_UNDELIVERED).await;
    assert_eq!(world.notification(&id).await.status, Status::Failed);
    let first = world.notification(&id).await.reference();

    let answer = decide(&world, &id, "resend", resend()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        (&answer.body["status"], &answer.body["repeated"]),
        (&json!("queued"), &json!(false))
    );
    assert_eq!(drain(&world).await, 1);
    receive(&world, &id, ALIMTALK_DELIVERED).await;

    let shown = world.operate("GET", &format!("/v1/ops/notifications/{id}"), &[], "").await.body;
    assert_eq!(shown["status"], "delivered");
    let numbers: Vec<_> =
        shown["attempts"].as_array().expect("attempts").iter().map(|it| &it["number"]).collect();
    assert_eq!(numbers, [1, 2]);
    let codes: Vec<_> =
        shown["receipts"].as_array().expect("receipts").iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["7308", "7000"]);
    let decision = &shown["decisions"][0];
    assert_eq!(decision["decision"], "resent");
    assert_eq!(decision["by"], "local");
    assert_eq!(decision["reason"], "the outage is over");
    let before = json!({ "status": "failed", "reason": "undelivered", "code": "7308" });
    assert_eq!(decision["before"], before);
    // The provider tells both attempts apart.
    assert_ne!(world.notification(&id).await.reference(), first);
    // A producer sees neither who decided nor why.
    let (_, of_producer) = world.produce("GET", &format!("/v1/notifications/{id}"), None, "").await;
    assert_eq!(of_producer.get("decisions"), None);
}

#[tokio::test(start_paused = true)]
async fn who_decided_and_why_is_recorded_before_the_effect() {
    let world = world().await;
    let id = post_and_send(&world, "k").await;
    receive(&world, &id, ALIMTALK_UNDELIVERED).await;
    let refused = decide(&world, &id, "settle", json!({ "as": "lost", "reason": "r" })).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(decide(&world, &id, "resend", resend()).await.status, 200);
    let records = world.operate("GET", "/v1/ops/audit?limit=500", &[], "").await.body;
    let items = records["items"].as_array().expect("records");
    let of = |action: &str| {
        let action = format!("POST /v1/ops/notifications/{{id}}/{action}");
        items.iter().find(|record| record["action"] == action.as_str()).expect("a record")
    };
    let record = of("resend");
    assert_eq!((&record["actor"], &record["result"]), (&json!("local"), &json!("done")));
    assert_eq!(record["subject"]["id"], id.as_str());
    assert_eq!(record["subject"]["reason"], "the outage is over");
    assert_eq!(record["subject"]["decision"], "resent");
    let stored = world.notification(&id).await;
    assert_eq!(record["subject"]["owner"], stored.owner.as_str());
    assert_eq!(record["subject"]["recipient"], stored.recipient.id.as_str());
    assert_eq!(of("settle")["result"], "refused");
}

#[tokio::test(start_paused = true)]
async fn a_late_delivery_stops_a_resend_that_waits() {
    let world = world().await;
    let id = unconfirmed(&world, "k").await;
    assert_eq!(decide(&world, &id, "resend", resend_doubtful()).await.status, 200);
    receive(&world, &id, ALIMTALK_DELIVERED).await;
    assert_eq!(world.notification(&id).await.status, Status::Delivered);
    assert_eq!(drain(&world).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_failure_of_the_earlier_attempt_stops_no_resend() {
    let world = world().await;
    let id = unconfirmed(&world, "k").await;
    let first = world.notification(&id).await;
    assert_eq!(decide(&world, &id, "resend", resend_doubtful()).await.status, 200);
    let late = receipt(&first, ALIMTALK_UNDELIVERED);
    assert_eq!(world.webhook(&webhook_path(), &late).await.0, 200);
    assert_eq!(world.notification(&id).await.status, Status::Queued);
    assert_eq!(drain(&world).await, 1);
    // Its receipt comes again while the second attempt is under way.
    assert_eq!(world.webhook(&webhook_path(), &late).await.0, 200);
    assert_eq!(world.notification(&id).await.status, Status::Accepted);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_message_is_sent_again_once_its_sender_is_certainly_gone() {
    let world = world().await;
    let id = unknown(&world, "k").await;
    let early = decide(&world, &id, "resend", resend_doubtful()).await;
    assert_eq!(early.status, 409, "{}", early.body);
    tokio::time::sleep(SENDER_IS_GONE + Duration::from_secs(1)).await;
    let doubtful = decide(&world, &id, "resend", resend()).await;
    assert_eq!((doubtful.status, &doubtful.body["field"]), (409, &json!("may_double")));
    assert_eq!(decide(&world, &id, "resend", resend_doubtful()).await.status, 200);
    assert_eq!(drain(&world).await, 1);
    assert_eq!(world.notification(&id).await.attempt, 2);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_decision_does_nothing_and_says_so() {
    let world = world().await;
    let id = post_and_send(&world, "k").await;
    receive(&world, &id, ALIMTALK_UNDELIVERED).await;
    let etag = etag(&world, &id).await;
    let first = decide_on(&world, &id, "resend", &etag, resend()).await;
    assert_eq!(first.body["repeated"], false);
    let after = world.notification(&id).await;
    let second = decide_on(&world, &id, "resend", &etag, resend()).await;
    assert_eq!((second.status, &second.body["repeated"]), (200, &json!(true)));
    assert_eq!(second.etag, first.etag);
    assert_eq!(world.notification(&id).await, after);
    // Also after the message has left and failed again: the decision was about an earlier state.
    assert_eq!(drain(&world).await, 1);
    receive(&world, &id, ALIMTALK_UNDELIVERED).await;
    let late = decide_on(&world, &id, "resend", &etag, resend()).await;
    assert_eq!((late.status, &late.body["repeated"]), (200, &json!(true)));
    assert_eq!(world.notification(&id).await.status, Status::Failed);
}

#[tokio::test(start_paused = true)]
async fn of_two_operators_at_the_same_instant_one_wins_and_the_other_learns_why() {
    for (kims, lees) in [
        (("resend", resend_doubtful()), ("resend", resend_doubtful())),
        (("resend", resend_doubtful()), ("settle", json!({ "as": "delivered", "reason": "r" }))),
        (
            ("settle", json!({ "as": "given_up", "reason": "r" })),
            ("settle", json!({ "as": "delivered", "reason": "r" })),
        ),
    ] {
        let world = world().await;
        let id = unconfirmed(&world, "k").await;
        let etag = etag(&world, &id).await;
        let (one, other) = futures::join!(
            decide_on(&world, &id, kims.0, &etag, kims.1),
            lee_decides_on(&world, &id, lees.0, &etag, lees.1),
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.body, other.body);
        let (loser, winner) = if one.status == 409 { (one, "lee") } else { (other, "local") };
        let detail = loser.body["detail"].as_str().expect("a detail");
        assert!(detail.contains(&format!("{winner} has ")), "{detail}");
        assert_eq!(world.notification(&id).await.decisions.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_without_an_audit_record_has_no_effect() {
    let world = world().await;
    let id = unconfirmed(&world, "k").await;
    let etag = etag(&world, &id).await;
    let before = world.notification(&id).await;
    let path = format!("/v1/ops/notifications/{id}/settle");
    let body = json!({ "as": "delivered", "reason": "seen" }).to_string();
    // The first write is the record of the beginning, and the second one adds what is decided.
    for passed in [0, 1] {
        world.faults.pass(passed);
        (0..40).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let headers = [("if-match", etag.as_str())];
        let answer = world.operate("POST", &path, &headers, body.clone()).await;
        world.faults.clear();
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(world.notification(&id).await, before);
    }
}
