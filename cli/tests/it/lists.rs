//! `list`.

use serde_json::{Value, json};

use crate::command_line::CommandLine;
use crate::scripted_api::{Asked, ScriptedApi};

fn items(ids: std::ops::Range<u32>) -> Vec<Value> {
    let item = |id| {
        json!({
            "id": format!("{id:030x}"), "status": "failed", "channel": "kakao", "template": "order",
            "status_since": "2026-03-02T01:00:00.137Z",
            "recipient": { "id": "teacher-1\u{1b}[2J", "phone": "***********78" },
            "reason": { "name": "rejected", "code": "3015" },
        })
    };
    ids.map(item).collect()
}

#[tokio::test]
async fn a_list_goes_on_from_page_to_page_until_it_has_as_many_as_were_asked_for() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    api.then(200, &json!({ "items": items(0..100), "next": "17#a" }));
    api.then(200, &json!({ "items": items(100..120), "next": "18#b" }));
    let words = ["list", "--exception", "kakao", "--status", "failed", "--limit", "120", "--json"];
    let list = alimi.run(&words).await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(120));
    assert_eq!(list["next"], "18#b");
    let asked: Vec<String> = api.asked().iter().map(Asked::line).collect();
    assert_eq!(
        asked,
        [
            "GET /v1/ops/notifications?exception=kakao&limit=100&status=failed",
            "GET /v1/ops/notifications?cursor=17%23a&exception=kakao&limit=20&status=failed",
        ]
    );
}

#[tokio::test]
async fn all_pages_are_read_and_shown_as_one_table() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    api.then(200, &json!({ "items": items(0..2), "next": "x" }));
    // A page may be empty although more follow.
    api.then(200, &json!({ "items": [], "next": "y" }));
    api.then(200, &json!({ "items": items(2..3) }));
    let ended = alimi.run(&["list", "--tag", "march", "--all"]).await;
    assert_eq!((ended.code, ended.notes.as_str()), (0, ""), "{ended:?}");
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines.len(), 4, "{ended:?}");
    assert!(lines[0].trim_start().starts_with("ID"), "{ended:?}");
    for part in ["failed", "2026-03-02 10:00:00 KST", "rejected 3015", "***********78"] {
        assert!(lines[3].contains(part), "{part}: {ended:?}");
    }
    assert!(!ended.out.contains('\u{1b}'), "nobody else controls the terminal: {ended:?}");
}

#[tokio::test]
async fn a_list_that_ends_early_says_how_to_go_on_and_an_empty_one_that_it_is_empty() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    api.then(200, &json!({ "items": items(0..1), "next": "17#a" }));
    let ended = alimi.run(&["list", "--recipient", "teacher-1", "--limit", "1"]).await;
    assert_eq!(ended.notes, "There are more: --all, or --cursor '17#a'\n");
    api.then(200, &json!({ "items": [] }));
    let words = ["list", "--recipient", "teacher-1", "--cursor", "17#a"];
    let ended = alimi.run(&words).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, ""));
    assert_eq!(ended.notes, "There are none.\n");
    assert!(api.asked()[1].line().contains("?cursor=17%23a&limit=50&"), "{:?}", api.asked());
}
