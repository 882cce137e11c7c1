//! The stack of `serve`, on the machine's clock and over real sockets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alimi::domain::HoursConfig;
use alimi::domain::hours::Window;
use alimi_catalog::CatalogFile;
use alimi_local::serve::{
    LocalStack, LocalStackSettings, LogLevel, Ports, StartCatalog, log_filter,
};
use alimi_local::simulator::SimulatorSettings;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::captured_log::CapturedLog;

const EXAMPLE: &str = include_str!("../../../examples/teacher-onboarding/catalog.yaml");
/// A busy machine may need much longer than an idle one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The example, in which scheduled messages may leave at any hour.
fn catalog(text: &str) -> CatalogFile {
    let mut catalog = CatalogFile::read(text).expect("a catalog");
    let day = Window::new("00:00", "24:00").expect("a window");
    catalog.hours = Some(HoursConfig { scheduled: day, advertising: day });
    catalog
}

/// The example with a second channel of the same account, which sends the SMS.
fn two_channels() -> String {
    let (before, rest) = EXAMPLE.split_once("  alimtalk-main:").expect("the channel");
    let (channel, after) = rest.split_once("\n# A template").expect("the templates");
    let sms = "channel: alimtalk-main\n        content:\n          type: sms\n";
    assert!(after.contains(sms), "the example has an SMS");
    let after = after.replacen(sms, &sms.replace("alimtalk-main", "sms-2"), 1);
    format!("{before}  alimtalk-main:{channel}  sms-2:{channel}\n# A template{after}")
}

fn settings(catalog: CatalogFile, data_dir: Option<&Path>) -> LocalStackSettings {
    LocalStackSettings {
        catalog: StartCatalog::IfNone(catalog),
        simulator: SimulatorSettings::default(),
        ports: Ports::default(),
        sweep_every: Duration::from_secs(1),
        data_dir: data_dir.map(PathBuf::from),
    }
}

async fn start(settings: LocalStackSettings) -> LocalStack {
    LocalStack::start(settings).await.expect("the stack starts")
}

/// Sends a request and returns the answer, which must be a success.
async fn call(stack: &LocalStack, method: Method, path: &str, key: &str, body: &Value) -> Value {
    let request = Client::new()
        .request(method, format!("{}{path}", stack.api_url))
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .header("if-none-match", "*")
        .body(if body.is_null() { String::new() } else { body.to_string() });
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = String::from_utf8(answer.bytes().await.expect("a body").to_vec()).expect("text");
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

async fn get(stack: &LocalStack, path: &str) -> Value {
    let answer = Client::new().get(format!("{}{path}", stack.api_url)).send().await;
    let body = answer.expect("an answer").bytes().await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

fn message(template: &str) -> Value {
    json!({
        "template": template,
        "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    })
}

/// Posts a message and returns its path.
async fn post(stack: &LocalStack, key: &str, body: &Value) -> String {
    let created = call(stack, Method::POST, "/v1/notifications", key, body).await;
    format!("/v1/notifications/{}", created["id"].as_str().expect("an id"))
}

/// Waits until a notification has this status.
async fn until_status(stack: &LocalStack, path: &str, status: &str) {
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        let view = get(stack, path).await;
        if view["status"] == status {
            return;
        }
        assert!(Instant::now() < give_up_at, "{path} is not {status}: {view:#}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Ends a runtime with everything that runs on it, as when the process is killed.
fn crash(runtime: tokio::runtime::Runtime, stack: LocalStack) {
    runtime.shutdown_background();
    drop(stack);
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_every_channel_get_their_receipts() {
    let stack = start(settings(catalog(&two_channels()), None)).await;
    let alimtalk = post(&stack, "a", &message("photo-and-video")).await;
    let sms = post(&stack, "b", &message("consultation-sms")).await;
    until_status(&stack, &alimtalk, "delivered").await;
    until_status(&stack, &sms, "delivered").await;
    let channels: Vec<_> =
        stack.simulator.arrivals().into_iter().filter_map(|arrival| arrival.channel).collect();
    assert!(channels.iter().any(|channel| &**channel == "alimtalk-main"), "{channels:?}");
    assert!(channels.iter().any(|channel| &**channel == "sms-2"), "{channels:?}");
}

/// Receipts of a channel that the API made go to the address that is registered for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_was_made_over_the_api_gets_its_receipts_at_its_registered_address() {
    let stack = start(settings(catalog(EXAMPLE), None)).await;
    let endpoint = format!("{}/channels/extra", stack.provider_url);
    let channel = json!({
        "provider": {
            "kind": "bizppurio", "account": "example", "from": "0212345678", "endpoint": endpoint,
        },
        "limit": { "per_second": 10, "jitter": "50ms" },
    });
    call(&stack, Method::PUT, "/v1/channels/extra", "1", &channel).await;
    let template = json!({
        "category": "informational",
        "variants": [{ "channel": "extra", "content": { "type": "sms", "body": "[알림] 확인" } }],
    });
    call(&stack, Method::PUT, "/v1/templates/extra", "2", &template).await;
    let secrets = "/v1/channels/extra/receipt-secrets";
    let made = call(&stack, Method::POST, secrets, "3", &Value::Null).await;
    let address = format!("{}{}", stack.api_url, made["path"].as_str().expect("a path"));
    let registered = format!("{}/_sim/webhooks/extra", stack.provider_url);
    let answer = Client::new().put(registered).body(address).send().await.expect("an answer");
    assert!(answer.status().is_success());
    let body = json!({ "template": "extra", "to": { "id": "t", "phone": "010-1234-5678" } });
    let path = post(&stack, "4", &body).await;
    until_status(&stack, &path, "delivered").await;
}

#[test]
fn what_a_killed_stack_had_to_do_is_done_after_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = runtime();
    let (stack, sent, waiting) = first.block_on(async {
        let mut settings = settings(catalog(EXAMPLE), Some(dir.path()));
        // The receipt comes after the crash.
        settings.simulator.receipt_after = Duration::from_secs(4);
        let stack = start(settings).await;
        let sent = post(&stack, "sent", &message("photo-and-video")).await;
        let mut later = message("photo-and-video");
        let soon =
            Timestamp::from_microsecond(alimi::ports::Clock::now_us(&alimi::time::SystemClock))
                .expect("a time")
                + SignedDuration::from_secs(4);
        later["not_before"] = soon.to_string().into();
        let waiting = post(&stack, "waiting", &later).await;
        until_status(&stack, &sent, "accepted").await;
        (stack, sent, waiting)
    });
    crash(first, stack);

    let second = runtime();
    second.block_on(async {
        // The file's catalog is not stored again: an operator's changes would be lost.
        let stack = start(settings(CatalogFile::default(), Some(dir.path()))).await;
        until_status(&stack, &waiting, "delivered").await;
        until_status(&stack, &sent, "delivered").await;
        let again = post(&stack, "sent", &message("photo-and-video")).await;
        assert_eq!(again, sent, "the idempotency key is known");
        assert!(stack.stop(PATIENCE).await, "everything ends");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_under_way_when_the_stack_ends_is_finished() {
    let dir = tempfile::tempdir().expect("a directory");
    let stack = start(settings(catalog(EXAMPLE), Some(dir.path()))).await;
    let paths = [
        post(&stack, "1", &message("photo-and-video")).await,
        post(&stack, "2", &message("consultation-sms")).await,
    ];
    let ports = [stack.api_url.clone(), stack.provider_url.clone(), stack.served.endpoint.clone()];
    assert!(stack.stop(PATIENCE).await, "everything ends");
    for url in ports {
        let port = url.trim_start_matches("http://");
        assert!(std::net::TcpListener::bind(port).is_ok(), "{url} is free");
    }
    let stack = start(settings(CatalogFile::default(), Some(dir.path()))).await;
    for path in paths {
        until_status(&stack, &path, "delivered").await;
        let view = get(&stack, &path).await;
        assert_eq!(view["attempts"].as_array().map(Vec::len), Some(1), "{view:#}");
    }
    assert!(stack.stop(PATIENCE).await, "everything ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_do_not_share_a_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let _first = start(settings(catalog(EXAMPLE), Some(dir.path()))).await;
    let second = LocalStack::start(settings(catalog(EXAMPLE), Some(dir.path()))).await;
    let error = second.err().expect("the directory is in use").to_string();
    assert!(error.contains("is in use by another stack"), "{error}");
}

/// What a person does who follows the README, a schedule, and a restart.
#[tokio::test]
async fn a_stack_whose_messages_arrive_logs_no_warning() {
    let log = CapturedLog::with_filter(&log_filter(LogLevel::Info));
    let dir = tempfile::tempdir().expect("a directory");
    let stack = start(settings(catalog(EXAMPLE), Some(dir.path()))).await;
    let step = |template: &str| {
        let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
        json!({ "template": template, "variables": variables })
    };
    let sequence = json!({
        "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "steps": [step("consultation-start"), step("photo-and-video")],
    });
    for _repetition in 0..2 {
        call(&stack, Method::POST, "/v1/sequences", "first-1", &sequence).await;
    }
    let single = post(&stack, "single", &message("consultation-lms")).await;
    let audience = json!({ "source": { "kind": "members" } });
    call(&stack, Method::PUT, "/v1/audiences/teachers", "a", &audience).await;
    let upload = Client::new()
        .post(format!("{}/v1/audiences/teachers/members", stack.api_url))
        .header("content-type", "text/csv")
        .body("id,phone,name,code\nt-1,010-1234-0001,김하나,a1\nt-2,010-1234-0002,이두리,a2\n");
    assert!(upload.send().await.expect("an answer").status().is_success());
    let now_us = alimi::ports::Clock::now_us(&alimi::time::SystemClock);
    let at = Timestamp::from_microsecond(now_us).expect("a time") + SignedDuration::from_secs(4);
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S");
    let schedule = json!({
        "expression": format!("at({at})"), "timezone": "UTC", "template": "photo-and-video",
        "audience": "teachers",
    });
    call(&stack, Method::PUT, "/v1/schedules/reminder", "s", &schedule).await;
    until_status(&stack, &single, "delivered").await;
    // Two messages of the sequence, one by itself, and two of the schedule.
    let give_up_at = Instant::now() + PATIENCE;
    while stack.simulator.counts().receipts < 5 {
        assert!(Instant::now() < give_up_at, "{:?}", stack.simulator.counts());
        sleep(Duration::from_millis(100)).await;
    }
    assert!(stack.stop(PATIENCE).await, "everything ends");

    let stack = start(settings(CatalogFile::default(), Some(dir.path()))).await;
    let after_restart = post(&stack, "later", &message("photo-and-video")).await;
    until_status(&stack, &after_restart, "delivered").await;
    assert!(stack.stop(PATIENCE).await, "everything ends");

    let text = log.text();
    assert!(text.contains("receipt recorded"), "the functions' log is captured");
    let alarming: Vec<&str> =
        text.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    assert!(alarming.is_empty(), "{alarming:#?}");
}
