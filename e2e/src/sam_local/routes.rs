//! `sam local start-api` with every route.

use std::collections::BTreeSet;
use std::time::Duration;

use alimi_local::aws::secrets::WEBHOOK_SECRET;
use alimi_local::testing::sample_bed::{AWS_PORT, SampleBed};
use alimi_local::testing::sample_events::KEY;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::line::Line;
use super::runner::Runner;
use super::service::Service;
use crate::result::{Result, StoryResult, ensure};

const ROUTE_WITHIN: Duration = Duration::from_secs(60);

/// A request to a route, and the expected status.
struct RouteRequest {
    route: &'static str,
    /// `{last}` stands for the last id in an answer.
    path: String,
    /// The idempotency key and the body of a POST.
    body: Option<(&'static str, Value)>,
    status: u16,
}

/// One request for each route of the template, in an order in which each one succeeds.
fn requests() -> Vec<RouteRequest> {
    let single = json!({
        "template": "photo-and-video",
        "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "code": "a1" },
    });
    let sequence = json!({
        "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "steps": [{ "template": "photo-and-video", "variables": { "name": "김하나", "code": "a1" } }],
    });
    let receipt = json!({
        "DEVICE": "AT", "CMSGID": "1", "MSGID": "1", "PHONE": "01012345678", "MEDIA": "KAT",
        "UNIXTIME": "1772413202", "RESULT": "7000", "REFKEY": "ffffffffffffffffffffffffffffff01",
    });
    let get = |route, path: &str, status| RouteRequest {
        route,
        path: path.to_owned(),
        body: None,
        status,
    };
    let post = |route, path: &str, key, body: &Value, status| RouteRequest {
        route,
        path: path.to_owned(),
        body: Some((key, body.clone())),
        status,
    };
    vec![
        post("POST /v1/notifications", "/v1/notifications", "one", &single, 202),
        get("GET /v1/notifications/{id}", "/v1/notifications/{last}", 200),
        get("GET /v1/notifications", "/v1/notifications?recipient=teacher-1", 200),
        get("ANY /v1/ops/{proxy+}", "/v1/ops/notifications/{last}", 200),
        post(
            "POST /v1/notifications/{id}/cancel",
            "/v1/notifications/{last}/cancel",
            "",
            &Value::Null,
            200,
        ),
        post("POST /v1/sequences", "/v1/sequences", "two", &sequence, 202),
        get("GET /v1/sequences/{id}", "/v1/sequences/{last}", 200),
        post(
            "POST /v1/sequences/{id}/cancel",
            "/v1/sequences/{last}/cancel",
            "",
            &Value::Null,
            200,
        ),
        get("GET /docs/errors.md", "/docs/errors.md", 200),
        post(
            "POST /webhooks/{channel}/{secret}",
            &format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}"),
            "",
            &receipt,
            200,
        ),
        get("ANY /v1/channels", "/v1/channels", 200),
        get("ANY /v1/channels/{proxy+}", "/v1/channels/alimtalk-main", 200),
        get("ANY /v1/templates", "/v1/templates", 200),
        get("ANY /v1/templates/{proxy+}", "/v1/templates/photo-and-video", 200),
        get("ANY /v1/schedules", "/v1/schedules", 200),
        get("ANY /v1/schedules/{proxy+}", "/v1/schedules/daily/preview", 200),
        get("ANY /v1/runs/{proxy+}", "/v1/runs/daily", 404),
        get("ANY /v1/audiences", "/v1/audiences", 200),
        get("ANY /v1/audiences/{proxy+}", "/v1/audiences/all", 200),
        get("ANY /v1/producers", "/v1/producers", 200),
        get("ANY /v1/producers/{proxy+}", "/v1/producers/consultation-service", 200),
        get("ANY /v1/hours", "/v1/hours", 200),
        get("ANY /v1/hours/{proxy+}", "/v1/hours/no-such-hours", 404),
    ]
}

/// The SAM CLI serves all APIs of the template on one port. Of two routes with one path it takes the
/// later one, so producers' routes go through the authorizer. The other routes ignore the header.
fn bearer() -> String {
    format!("Bearer {KEY}")
}

/// Sends one request to every route.
pub(super) async fn request_all_routes(runner: &Runner) -> Vec<Line> {
    let start = Instant::now();
    match request_routes(runner).await {
        Ok(lines) => lines,
        Err(error) => vec![Line {
            name: "sam local start-api".to_owned(),
            after: String::new(),
            result: Err(error.to_string()),
            took: start.elapsed(),
        }],
    }
}

async fn request_routes(runner: &Runner) -> Result<Vec<Line>> {
    let requests = requests();
    let requested: BTreeSet<&str> = requests.iter().map(|request| request.route).collect();
    let template = std::fs::read_to_string(runner.sam.checkout.join("template.yaml"))?;
    let routes = routes(&template);
    ensure(requested.iter().eq(routes.iter()), || {
        format!("requested are {requested:?}, but the template's routes are {routes:?}")
    })?;

    let bed = SampleBed::start(runner.address, AWS_PORT).await?;
    let lines = request_each(runner, requests).await;
    bed.end().await;
    lines
}

async fn request_each(runner: &Runner, requests: Vec<RouteRequest>) -> Result<Vec<Line>> {
    let client = reqwest::Client::builder().no_proxy().timeout(ROUTE_WITHIN).build()?;
    let api = Service::start(runner, "start-api").await?;
    let mut last = String::new();
    let mut lines = vec![];
    for request in requests {
        let start = Instant::now();
        let result = send(&client, &api, &request, &mut last).await;
        let result = result.map_err(|error| error.to_string());
        let took = start.elapsed();
        let name = format!("start-api {}", request.route);
        let line = Line { name, after: String::new(), result, took };
        line.print();
        lines.push(line);
    }
    api.end().await?;
    Ok(lines)
}

async fn send(
    client: &reqwest::Client,
    api: &Service,
    route: &RouteRequest,
    last: &mut String,
) -> StoryResult {
    let url = api.url(&route.path.replace("{last}", last));
    let mut request = match &route.body {
        None => client.request(Method::GET, url).header("Authorization", bearer()),
        Some((key, body)) => {
            let request = client.request(Method::POST, url).body(body.to_string());
            let request = request.header("Authorization", bearer());
            let request = request.header("Content-Type", "application/json");
            if key.is_empty() { request } else { request.header("Idempotency-Key", *key) }
        }
    };
    if route.body.as_ref().is_some_and(|(_, body)| body.is_null()) {
        request = request.body("");
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    ensure(status == route.status, || {
        format!("{} was answered with {status}, not {}: {text}", route.path, route.status)
    })?;
    // The document of the problems is no JSON.
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(id) = body["id"].as_str() {
        id.clone_into(last);
    }
    Ok(status.to_string())
}

/// The routes of the template's functions: `METHOD /path`.
fn routes(template: &str) -> BTreeSet<String> {
    let value = |line: &str, key: &str| line.trim().strip_prefix(key).map(str::to_owned);
    let lines: Vec<&str> = template.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let method = value(pair[0], "Method: ")?;
        Some(format!("{method} {}", value(pair[1], "Path: ")?))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_template_is_requested() {
        let template = include_str!("../../../template.yaml");
        let requested: BTreeSet<_> =
            requests().iter().map(|request| request.route.to_owned()).collect();
        assert_eq!(requested, routes(template));
        // The producers' routes are in both APIs.
        let for_keys = template.matches("ApiId: !Ref KeyApi\n").count();
        assert_eq!(requested.len() + for_keys, template.matches("Type: HttpApi\n").count());
    }
}
