//! `dead-letters`.

use serde_json::json;

use crate::command_line::CommandLine;
use crate::scripted_api::ScriptedApi;

#[tokio::test]
async fn dead_letters_are_listed_with_what_they_were_about() {
    let api = ScriptedApi::start().await;
    let letter = json!({
        "id": "runs-1", "edge": "runs", "state": "dead", "cause": "tried_too_often", "tries": 20,
        "about": { "schedule": "daily", "scheduled_at": "2026-03-02T01:00:00Z" },
        "sent_at": "2026-03-02T01:00:00.137Z", "recorded_at": "2026-03-02T02:44:12.002Z",
    });
    api.then(200, &json!({ "items": [letter] }));
    let words = ["dead-letters", "--edge", "runs", "--state", "dead"];
    let list = CommandLine::at(&api.url).run(&words).await.done();
    for part in ["runs-1", "tried_too_often", "2026-03-02 10:00:00 KST", "schedule daily"] {
        assert!(list.contains(part), "{part} in {list}");
    }
    let expected = "GET /v1/ops/dead-letters?edge=runs&limit=50&state=dead";
    assert_eq!(api.asked()[0].line(), expected);
}

#[tokio::test]
async fn all_of_a_kind_are_sent_again_by_as_many_requests_as_it_takes() {
    let api = ScriptedApi::start().await;
    api.then(200, &json!({ "dry_run": true, "count": 12, "count_is_minimum": false }));
    api.then(200, &json!({ "dry_run": false, "redriven": 9, "left": 3 }));
    api.then(200, &json!({ "dry_run": false, "redriven": 3, "left": 0 }));
    let alimi = CommandLine::at(&api.url);
    let words = ["dead-letters", "redrive", "--edge", "receipts", "--reason", "it is repaired"];
    let ended = alimi.answering(&words, "y\n").await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "12 sent again, 0 left\n"), "{ended:?}");
    let asked = api.asked();
    assert_eq!(asked[0].body, json!({ "edge": "receipts", "dry_run": true }));
    let order =
        |count: u64| json!({ "edge": "receipts", "expected": count, "reason": "it is repaired" });
    assert_eq!((&asked[1].body, &asked[2].body), (&order(12), &order(3)));
}

#[tokio::test]
async fn a_letter_is_sent_again_by_its_id() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    api.then(200, &json!({ "id": "runs-1", "state": "redriven" }));
    let words = ["dead-letters", "redrive", "runs-1", "--reason", "the table is back"];
    assert_eq!(alimi.run(&words).await.done(), "runs-1 redriven\n");
    let asked = &api.asked()[0];
    assert_eq!(asked.line(), "POST /v1/ops/dead-letters/runs-1/redrive");
    assert_eq!(asked.body, json!({ "reason": "the table is back" }));
    assert_eq!(alimi.run(&["dead-letters", "redrive", "--reason", "r"]).await.code, 2);
}
