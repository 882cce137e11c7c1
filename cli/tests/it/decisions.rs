//! `resend`, `settle` and `cancel`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::command_line::CommandLine;
use crate::scripted_api::{Asked, ScriptedApi};

/// The next answer is a notification that was read.
fn then_read(api: &ScriptedApi, status: &str, etag: &str) {
    let body = json!({ "id": "a", "status": status }).to_string();
    api.then_with(200, vec![("etag", etag.to_owned())], body);
}

fn lines(api: &ScriptedApi) -> Vec<String> {
    api.asked().iter().map(Asked::line).collect()
}

fn counted() -> Value {
    json!({
        "dry_run": true, "counts": { "failed": 3, "unknown": 1 }, "total": 4, "is_minimum": false,
        "filter": { "channel": "kakao", "until": "2026-03-02T01:00:00Z" },
    })
}

fn job(status: &str, done: u64) -> Value {
    let counts = json!({ "done": done, "gone": 1, "refused": 0, "unreadable": 0 });
    json!({ "id": "1772413200137-00ff", "status": status, "counts": counts })
}

#[tokio::test]
async fn a_decision_is_about_the_notification_as_it_was_read() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    then_read(&api, "unknown", "\"7\"");
    api.then(200, &json!({ "id": "a", "status": "queued", "repeated": false }));
    let words = ["resend", "a", "--reason", "the log has no such message", "--may-double"];
    assert_eq!(alimi.run(&words).await.done(), "a  unknown → queued\n");
    assert_eq!(lines(&api), ["GET /v1/ops/notifications/a", "POST /v1/ops/notifications/a/resend"]);
    let asked = api.asked();
    assert_eq!(asked[1].header("if-match"), "\"7\"");
    let expected = json!({ "reason": "the log has no such message", "may_double": true });
    assert_eq!(asked[1].body, expected);

    then_read(&api, "unconfirmed", "\"3\"");
    api.then(200, &json!({ "id": "b", "status": "delivered", "repeated": true }));
    let words = ["settle", "b", "--as", "delivered", "--reason", "it is in the provider's log"];
    assert_eq!(alimi.run(&words).await.done(), "b  unconfirmed → delivered, decided before\n");
    let body = api.asked()[3].body.clone();
    assert_eq!(body, json!({ "as": "delivered", "reason": "it is in the provider's log" }));
}

/// Reading it anew would give another `ETag`, and with `--force` a second message.
#[tokio::test]
async fn a_decision_whose_answer_was_lost_is_repeated_about_the_same_etag() {
    let api = ScriptedApi::start().await;
    then_read(&api, "delivered", "\"4\"");
    api.then(503, &json!({ "title": "Not available" }));
    api.then(200, &json!({ "id": "a", "status": "queued", "repeated": true }));
    let words = ["resend", "a", "--reason", "r", "--force"];
    let ended = CommandLine::at(&api.url).run(&words).await;
    assert_eq!(ended.done(), "a  delivered → queued, decided before\n");
    let asked = api.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert_eq!(asked[1].line(), asked[2].line());
    assert_eq!((asked[1].header("if-match"), asked[2].header("if-match")), ("\"4\"", "\"4\""));
}

#[tokio::test]
async fn a_notification_that_is_refused_keeps_no_other_one_from_its_decision() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    then_read(&api, "sending", "\"1\"");
    api.then(409, &json!({ "title": "No", "field": "id", "detail": "is sending" }));
    then_read(&api, "failed", "\"2\"");
    api.then(200, &json!({ "status": "queued" }));
    let ended = alimi.run(&["resend", "a", "b", "--reason", "r"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (6, "b  failed → queued\n"), "{ended:?}");
    assert!(ended.notes.contains("id: is sending"), "{ended:?}");
}

#[tokio::test]
async fn many_are_counted_and_agreed_to_and_then_followed_to_their_end() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    api.then(200, &counted());
    api.then(202, &job("running", 1));
    api.then(200, &job("running", 2));
    api.then(200, &job("finished", 3));
    let words = ["resend", "--exception", "kakao", "--cause", "rejected", "--reason", "corrected"];
    let ended = alimi.answering(&words, "y\n").await;
    assert_eq!(ended.code, 0, "{ended:?}");
    for part in ["failed", "unknown", "all", "Send them again (4, http://", "2 of 4", "3 of 4"] {
        assert!(ended.notes.contains(part), "{part}: {ended:?}");
    }
    let done = "job 1772413200137-00ff: 3 done\n  1 needed nobody any more: ";
    assert!(ended.out.starts_with(done), "{ended:?}");
    let asked = api.asked();
    let wished = json!({ "filter": { "channel": "kakao", "reason": "rejected" }, "dry_run": true });
    assert_eq!(asked[0].body, wished);
    let wished = json!({ "filter": counted()["filter"], "expected": 4, "reason": "corrected" });
    assert_eq!(asked[1].body, wished, "the filter of the count, which has an end");
    let look = "GET /v1/ops/resend/1772413200137-00ff";
    assert_eq!(lines(&api), ["POST /v1/ops/resend", "POST /v1/ops/resend", look, look]);
}

#[tokio::test]
async fn nothing_is_decided_about_another_number_than_was_agreed_to() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    let settle = ["settle", "--exception", "kakao", "--as", "given-up", "--reason", "r"];
    for (answer, words, typed, code) in [
        (counted(), [&settle[..], &["--yes", "--expected", "5"]].concat(), None, 6),
        (counted(), settle.to_vec(), Some("n\n"), 8),
        (counted(), settle.to_vec(), None, 2),
        (json!({ "total": 50_000, "is_minimum": true }), settle.to_vec(), Some("y\n"), 2),
        (json!({ "total": 0 }), settle.to_vec(), None, 0),
    ] {
        let before = api.asked().len();
        api.then(200, &answer);
        let ended = match typed {
            Some(typed) => alimi.answering(&words, typed).await,
            None => alimi.run(&words).await,
        };
        assert_eq!((ended.code, api.asked().len()), (code, before + 1), "{words:?}: {ended:?}");
    }
    let words = ["settle", "a", "--as", "given-up", "--reason", "r", "--yes", "--expected", "1"];
    assert_eq!(alimi.run(&words).await.code, 2, "an id needs no count");
    for line in ["resend --reason r", "resend a", "resend a --exception kakao --reason r"] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(alimi.run(&words).await.code, 2, "{line}");
    }
    assert_eq!(api.asked().len(), 5);
}

/// The same request is the same job, so it can be repeated.
#[tokio::test]
async fn a_job_begins_once_although_its_first_request_had_no_answer() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    api.then(200, &counted());
    api.then(503, &json!({ "title": "Not available" }));
    api.then(200, &job("finished", 4));
    let agreed = ["--yes", "--expected", "4", "--json"];
    let words = [&["resend", "--exception", "kakao", "--reason", "r"], &agreed[..]].concat();
    assert_eq!(alimi.run(&words).await.json()["counts"]["done"], 4);
    let asked = api.asked();
    assert_eq!(asked[1].body, asked[2].body);
}

#[tokio::test]
async fn ctrl_c_stops_the_job_and_shows_what_it_has_done() {
    let api = ScriptedApi::start().await;
    let alimi = CommandLine::at(&api.url);
    api.then(200, &counted());
    api.then(202, &job("running", 1));
    api.then(200, &job("running", 2));
    api.then(200, &job("stopped", 2));
    let stopped = async {
        while api.asked().len() < 3 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let words = ["resend", "--exception", "kakao", "--reason", "r"];
    let ended = alimi.run_until(&words, Some(&mut &b"y\n"[..]), b"", stopped).await;
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.out.starts_with("job 1772413200137-00ff: 2 done\n"), "{ended:?}");
    assert!(ended.notes.contains("Stopping…"), "{ended:?}");
    let asked = lines(&api);
    let last = asked.last().map(String::as_str);
    assert_eq!(last, Some("POST /v1/ops/resend/1772413200137-00ff/stop"), "{asked:?}");
}

#[tokio::test]
async fn an_operator_cancels_with_a_reason_and_a_producer_without() {
    let api = ScriptedApi::start().await;
    api.then(200, &json!({ "status": "cancelled" }));
    let operator = CommandLine::at(&api.url);
    let cancelled = operator.run(&["cancel", "a", "--reason", "the customer asked"]).await.done();
    assert_eq!(cancelled, "a cancelled\n");
    api.then(200, &json!({ "status": "cancelled" }));
    operator.run(&["cancel", "a", "--own"]).await.done();
    assert_eq!(operator.run(&["cancel", "a"]).await.code, 2);
    api.then(200, &json!({ "status": "cancelled" }));
    let key = [("ALIMI_URL", api.url.as_str()), ("ALIMI_KEY", "ak_1_hidden")];
    CommandLine::with(&key).run(&["cancel", "a"]).await.done();
    let asked = api.asked();
    assert_eq!(asked.len(), 3, "without a reason an operator's request is not sent");
    assert_eq!(asked[2].line(), "POST /v1/notifications/a/cancel");
    assert_eq!(asked[2].body, Value::Null);
    assert_eq!(asked[0].line(), "POST /v1/ops/notifications/a/cancel");
    assert_eq!(asked[0].body, json!({ "reason": "the customer asked" }));
    assert_eq!(asked[1].line(), "POST /v1/notifications/a/cancel");
    assert_eq!(asked[1].body, Value::Null);
}
