//! What a script learns from the exit code.

use serde_json::json;

use crate::command_line::CommandLine;
use crate::scripted_api::ScriptedApi;

#[tokio::test]
async fn each_kind_of_refusal_has_its_exit_code() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    for (status, code) in [
        (400, 1),
        (422, 1),
        (401, 4),
        (403, 4),
        (404, 5),
        (409, 6),
        (412, 6),
        (428, 6),
        (429, 3),
        (500, 3),
        (503, 3),
    ] {
        api.then(status, &json!({ "title": "No" }));
        let ended = alimi.run(&["pause", "kakao"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "HTTP {status}: {ended:?}");
        assert!(ended.notes.starts_with(&format!("error: No (HTTP {status})")), "{ended:?}");
    }
    assert_eq!(api.asked().len(), 11, "a request that changes something is sent once");
}

#[tokio::test]
async fn a_request_that_only_reads_is_sent_again_while_the_api_asks_to_try_again() {
    let api = ScriptedApi::start().await;
    api.then(503, &json!({}));
    api.then(200, &json!({ "items": [] }));
    let ended = CommandLine::at(&api.url).run(&["list", "--tag", "t"]).await;
    assert_eq!((ended.code, api.asked().len()), (0, 2), "{ended:?}");
    // A pause that is longer than a person waits is left to the person.
    let later = vec![("retry-after", "60".to_owned())];
    api.then_with(429, later, String::new());
    let ended = CommandLine::at(&api.url).run(&["list", "--tag", "t"]).await;
    assert_eq!((ended.code, api.asked().len()), (3, 3), "{ended:?}");
    assert!(ended.notes.contains("Try again after 60 s."), "{ended:?}");
}

#[tokio::test]
async fn a_stack_that_cannot_be_reached_is_no_refusal() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let ended = CommandLine::at(&url).run(&["resume", "kakao"]).await;
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.notes.starts_with(&format!("error: {url} gave no answer: ")), "{ended:?}");
}

#[tokio::test]
async fn wrong_words_are_told_with_the_right_ones() {
    let alimi = CommandLine::with(&[]);
    let unknown = alimi.run(&["lst"]).await;
    assert_eq!(unknown.code, 2);
    assert!(unknown.notes.contains("list"), "{unknown:?}");
    let version = alimi.run(&["--version"]).await;
    assert_eq!(version.done(), format!("alimi {}\n", env!("CARGO_PKG_VERSION")));
    let help = alimi.run(&["--help"]).await.done();
    for part in ["list", "why", "apply", "Exit codes: 0 done; 1 refused"] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let nowhere = alimi.run(&["show", "x"]).await;
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.notes.contains("set ALIMI_URL"), "{nowhere:?}");
    let script = alimi.run(&["completions", "bash"]).await.done();
    assert!(script.contains("resume"), "no stack is needed for the script");
}
