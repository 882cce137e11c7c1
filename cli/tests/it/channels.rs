//! `pause` and `resume`.

use serde_json::json;

use crate::command_line::CommandLine;
use crate::scripted_api::{Asked, ScriptedApi};
use crate::stack;

#[tokio::test]
async fn all_channels_are_paused_at_once() {
    let stack = stack::with_example().await;
    let alimi = CommandLine::at(&stack.api_url);
    let paused = alimi.run(&["pause", "--all", "--json"]).await.json();
    assert_eq!(paused["items"][0]["name"], "alimtalk-main", "{paused:#}");
    assert_eq!(paused["items"][0]["paused"], true);
    let stored = alimi.run(&["api", "GET", "/v1/channels/alimtalk-main"]).await.json();
    assert_eq!(stored["paused"], true);
}

#[tokio::test]
async fn a_channel_that_fails_keeps_no_other_from_its_pause() {
    let api = ScriptedApi::start().await;
    let problem = json!({ "type": "/docs/errors.md#not-found", "title": "Not found" });
    api.then(404, &problem);
    api.then(200, &json!({ "paused": true }));
    let ended = CommandLine::at(&api.url).run(&["pause", "a", "b"]).await;
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(ended.out.starts_with("b paused"), "{ended:?}");
    assert!(ended.notes.starts_with("error: Not found"), "{ended:?}");
    let asked: Vec<String> = api.asked().iter().map(Asked::line).collect();
    assert_eq!(asked, ["POST /v1/channels/a/pause", "POST /v1/channels/b/pause"]);
}
