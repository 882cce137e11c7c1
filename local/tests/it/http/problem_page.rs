//! The page that explains the problems, the ids of requests, and where a created thing is read.

use std::collections::BTreeMap;

use alimi::http::{ERRORS_PATH, ProblemKind, iam_caller};
use alimi_local::testing::world::World;
use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use lambda_http::request::RequestContext;
use serde_json::{Value, json};
use strum::VariantArray;
use tower::ServiceExt;

use super::requests::{id, sequence, step, valid, world};
use crate::captured_log::CapturedLog;

const PAGE: &str = include_str!("../../../../docs/errors.md");

/// The sections of the page, each with its text.
fn sections() -> BTreeMap<&'static str, &'static str> {
    let sections = PAGE.split("\n## ").skip(1);
    sections.map(|section| section.split_once('\n').expect("a text below the heading")).collect()
}

#[test]
fn each_kind_of_problem_has_a_section_and_each_section_a_kind() {
    let sections = sections();
    for kind in ProblemKind::VARIANTS {
        let section = sections.get(kind.as_str());
        let section = section.unwrap_or_else(|| panic!("{} has no section", kind.as_str()));
        let status = format!("**{}.**", kind.status().as_u16());
        assert!(section.trim_start().starts_with(&status), "{}: {section}", kind.as_str());
        assert!(section.contains("\n**What to do:** "), "{}: {section}", kind.as_str());
        assert_eq!(kind.reference(), format!("{ERRORS_PATH}#{}", kind.as_str()));
    }
    assert_eq!(sections.len(), ProblemKind::VARIANTS.len(), "{:?}", sections.keys());
    let reference = include_str!("../../../../docs/api.md");
    for kind in sections.keys() {
        assert!(reference.contains(&format!("(errors.md#{kind})")), "{kind} is not in api.md");
    }
}

async fn send(world: &World, request: Request<Body>) -> Response {
    let Ok(response) = world.stack.enqueue.clone().oneshot(request).await;
    response
}

async fn read(response: Response) -> (HeaderMap, Vec<u8>) {
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    (head.headers, body.to_vec())
}

#[tokio::test(start_paused = true)]
async fn the_type_of_a_problem_leads_to_the_page() {
    let world = world().await;
    let (status, problem) = world.produce("GET", "/v1/sequences/x", None, "").await;
    assert_eq!(status, 404);
    let kind = problem["type"].as_str().expect("a type");
    let (path, section) = kind.split_once('#').expect("a section");
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let response = send(&world, request).await;
    assert_eq!(response.status(), 200);
    let (headers, page) = read(response).await;
    assert_eq!(headers["content-type"], "text/markdown; charset=utf-8");
    assert!(headers.contains_key("x-request-id"));
    let page = String::from_utf8(page).expect("text");
    assert!(page.contains(&format!("\n## {section}\n")), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_created_thing_can_be_read_where_its_answer_says() {
    let world = world().await;
    let steps = sequence(&[step("photo-and-video")]);
    for (path, body) in [("/v1/notifications", valid()), ("/v1/sequences", steps)] {
        for (status, has_location) in [(202, true), (200, false)] {
            let request = Request::post(path)
                .header("idempotency-key", "k")
                .header("content-type", "application/json")
                .body(Body::from(body.to_string()))
                .expect("a request");
            let response = send(&world, request).await;
            assert_eq!(response.status(), status, "{path}");
            let (headers, answer) = read(response).await;
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            let location = headers.get("location").map(|value| value.to_str().expect("text"));
            let expected = format!("{path}/{}", id(&answer));
            assert_eq!(location, has_location.then_some(expected.as_str()), "{path}");
            let (read, _) = world.produce("GET", &expected, None, "").await;
            assert_eq!(read, 200, "{expected}");
        }
    }
}

/// API Gateway gives each request an id.
#[tokio::test(start_paused = true)]
async fn the_id_of_a_request_is_in_its_answer_and_in_the_log() {
    let log = CapturedLog::start();
    let world = world().await;
    let context = json!({
        "requestId": "lh5LQJjxpalb8lL=",
        "authorizer": { "iam": {
            "callerId": "AROAEXAMPLE:s", "userId": "AROAEXAMPLE:s",
            "userArn": "arn:aws:sts::123456789012:assumed-role/shop/s",
        } },
        "http": { "method": "GET" },
    });
    let context = serde_json::from_value(context).expect("a context of API Gateway");
    let context = RequestContext::ApiGatewayV2(context);
    let enqueue = world.stack.enqueue_called_by(iam_caller).layer(Extension(context));
    let path = "/v1/notifications/x?secret-parameter=1";
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let Ok(response) = enqueue.oneshot(request).await;
    assert_eq!(response.status(), 400);
    let (headers, problem) = read(response).await;
    assert_eq!(headers["x-request-id"], "lh5LQJjxpalb8lL=");
    let problem: Value = serde_json::from_slice(&problem).expect("JSON");
    assert_eq!(problem["request_id"], "lh5LQJjxpalb8lL=");
    let logged = log.text();
    let line = logged.lines().find(|line| line.contains("a request was refused"));
    let line = line.expect("a line");
    assert!(line.contains("lh5LQJjxpalb8lL="), "{line}");
    assert!(!logged.contains("secret-parameter"), "{logged}");
}
