//! `show`, `why` and what they say about a message.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::command_line::CommandLine;
use crate::stack;

/// A busy machine may need much longer than an idle one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Posts a message, and returns its id.
async fn post(alimi: &CommandLine, key: &str) -> String {
    let message = json!({
        "template": "photo-and-video",
        "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "code": "a1" },
        "tag": "march",
    });
    let key = format!("Idempotency-Key: {key}");
    let words = ["api", "post", "/v1/notifications", "-H", &key, "-d", &message.to_string()];
    let created = alimi.run(&words).await.json();
    created["id"].as_str().expect("an id").to_owned()
}

async fn until_delivered(alimi: &CommandLine, id: &str) -> Value {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        let record = alimi.run(&["show", id, "--json"]).await.json();
        if record["status"] == "delivered" {
            return record;
        }
        assert!(Instant::now() < give_up_at, "{record:#}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_behind_a_paused_channel_and_is_delivered_after_it() {
    let stack = stack::with_example().await;
    let alimi = CommandLine::at(&stack.api_url);
    let paused = alimi.run(&["pause", "alimtalk-main"]).await.done();
    assert!(paused.starts_with("alimtalk-main paused"), "{paused}");
    let id = post(&alimi, "first").await;

    let why = alimi.run(&["why", &id, "--json"]).await.json();
    assert_eq!(why["waiting_for"]["kind"], "channel_paused", "{why:#}");
    let why = alimi.run(&["why", &id]).await.done();
    assert!(why.contains("over alimtalk-main\nDecides:  "), "{why}");
    assert!(why.contains("\nLeaves:   depends on an event"), "{why}");
    assert!(why.contains("channel_paused"), "{why}");

    let resumed = alimi.run(&["resume", "alimtalk-main"]).await.done();
    assert_eq!(resumed, "alimtalk-main runs\n");
    let record = until_delivered(&alimi, &id).await;
    assert_eq!(record["owner"], "local", "operators see the producer");

    let shown = alimi.run(&["show", &id, "--text"]).await.done();
    for part in [
        " delivered since 20",
        "KST\n",
        "teacher-1  ***********78",
        "photo-and-video",
        "march",
        "Attempts:",
        "accepted",
        "Receipts:",
        "Text:",
        "김하나 선생님",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("12345678"), "the number is masked: {shown}");
    let own = alimi.run(&["show", &id, "--own", "--json"]).await.json();
    assert_eq!(own.get("owner"), None, "a producer's view: {own:#}");

    let over = alimi.run(&["why", &id]).await.done();
    assert!(over.contains("It waits for nothing."), "{over}");
}

#[tokio::test]
async fn a_message_that_does_not_exist_is_told_in_words_and_by_the_exit_code() {
    let stack = stack::empty().await;
    let alimi = CommandLine::at(&stack.api_url);
    let id = "0".repeat(30);
    for words in [["show", &id], ["why", &id]] {
        let ended = alimi.run(&words).await;
        assert_eq!((ended.code, ended.out.as_str()), (5, ""), "{ended:?}");
        assert!(ended.notes.starts_with("error: Not found (HTTP 404, not-found): GET /v1/ops/"));
        assert!(ended.notes.contains("\nWhat to do: "), "{ended:?}");
        assert!(ended.notes.contains("\nRequest id: "), "{ended:?}");
    }
    let ended = alimi.run(&["show", &id, "--json"]).await;
    let problem: Value = serde_json::from_str(&ended.notes).expect("a problem for programs");
    assert_eq!((problem["status"].as_u64(), ended.out.as_str()), (Some(404), ""));
}
