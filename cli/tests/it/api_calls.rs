//! `api`.

use serde_json::json;

use crate::command_line::CommandLine;
use crate::scripted_api::ScriptedApi;

#[tokio::test]
async fn any_request_is_sent_with_its_body_and_headers() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    let etag = vec![("etag", "\"8\"".to_owned())];
    api.then_with(200, etag, json!({ "name": "a" }).to_string());
    let words = ["api", "put", "/v1/hours/stack", "-i", "-H", "If-Match: \"7\"", "-d", "@-"];
    let ended = alimi.run_with(&words, None, br#"{"scheduled": {}}"#).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.starts_with("HTTP 200\n"), "{ended:?}");
    assert!(ended.out.contains("\netag: \"8\"\n"), "{ended:?}");
    assert!(ended.out.ends_with("\n\n{\n  \"name\": \"a\"\n}\n"), "{ended:?}");
    let asked = &api.asked()[0];
    assert_eq!(asked.line(), "PUT /v1/hours/stack");
    assert_eq!(asked.header("if-match"), "\"7\"");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.body, json!({ "scheduled": {} }));

    api.then_with(200, vec![], "# Problems".to_owned());
    assert_eq!(alimi.run(&["api", "GET", "/docs/errors.md"]).await.done(), "# Problems\n");
    api.then_with(204, vec![], String::new());
    let csv = ["api", "POST", "/v1/x", "-H", "Content-Type: text/csv", "-d", "id,phone"];
    assert_eq!(alimi.run(&csv).await.done(), "");
    assert_eq!(api.asked()[2].header("content-type"), "text/csv");
}

#[tokio::test]
async fn a_request_that_cannot_be_meant_is_not_sent() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    for words in [
        &["api", "PATCH", "/v1/hours"][..],
        &["api", "GET", "v1/hours"],
        &["api", "GET", "/v1/hours", "-H", "Authorization: Bearer x"],
        &["api", "GET", "/v1/hours", "-H", "If-Match"],
        &["api", "PUT", "/v1/hours/stack", "-d", "@/nowhere/at-all"],
    ] {
        let ended = alimi.run(words).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{words:?}: {ended:?}");
    }
    assert!(api.asked().is_empty(), "{:?}", api.asked());
}
