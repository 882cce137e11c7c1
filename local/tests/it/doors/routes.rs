//! Every route of the template, tried without a credential, with a wrong one, with a lesser one and
//! with the right one. The lesser ones are the roles whose policies docs/deploy.md creates, and API
//! keys of another scope or another producer.

use std::collections::BTreeSet;
use std::time::Duration;

use alimi_local::aws::api_gateway::{Authorization, KEY_API, Signer, routes};
use alimi_local::aws::secrets::WEBHOOK_SECRET;
use alimi_local::testing::world::Answer;
use serde_json::{Value, json};

use super::fixture::{Doors, call, doors, notification, sequence, text};

const GUIDE: &str = include_str!("../../../../docs/deploy.md");

/// The roles of the guide.
const PRODUCER: &str = "alimi-producer";
const OPERATOR: &str = "alimi-operator";
const ON_CALL: &str = "alimi-on-call";
const ROLES: [&str; 3] = [PRODUCER, OPERATOR, ON_CALL];

/// A request to a route of the signed API. None of them changes anything, except the audit records.
struct Tried {
    route: &'static str,
    method: &'static str,
    /// `{n}` and `{s}` stand for the ids of a notification and a sequence of the producer.
    path: &'static str,
    /// The roles that may make the request; none: only somebody with more permissions than these. The
    /// first one is answered with the status.
    roles: &'static [&'static str],
    status: u16,
}

fn tried() -> Vec<Tried> {
    const READERS: &[&str] = &[OPERATOR, ON_CALL];
    const OPERATORS: &[&str] = &[OPERATOR];
    let mut all = Vec::new();
    let mut add = |route, method, path, roles, status| {
        all.push(Tried { route, method, path, roles, status });
    };
    // A repetition of what is stored already.
    add("POST /v1/notifications", "POST", "/v1/notifications", &[PRODUCER], 200);
    add("POST /v1/sequences", "POST", "/v1/sequences", &[PRODUCER], 200);
    let own: &[&str] = &[PRODUCER, ON_CALL];
    let list = "/v1/notifications?recipient=teacher-1";
    add("GET /v1/notifications", "GET", list, own, 200);
    add("GET /v1/notifications/{id}", "GET", "/v1/notifications/{n}", own, 200);
    add("GET /v1/sequences/{id}", "GET", "/v1/sequences/{s}", own, 200);
    let absent = "/v1/notifications/00/cancel";
    add("POST /v1/notifications/{id}/cancel", "POST", absent, &[PRODUCER], 404);
    add("POST /v1/sequences/{id}/cancel", "POST", "/v1/sequences/00/cancel", &[PRODUCER], 404);
    // The document that explains the problems.
    add("GET /docs/errors.md", "GET", "/docs/errors.md", &ROLES, 200);
    let ops = "ANY /v1/ops/{proxy+}";
    add(ops, "GET", "/v1/ops/notifications/{n}", READERS, 200);
    add(ops, "GET", "/v1/ops/sequences/{s}", READERS, 200);
    add(ops, "GET", "/v1/ops/notifications/{n}/text", READERS, 200);
    add(ops, "GET", "/v1/ops/notifications/{n}/why", READERS, 200);
    add(ops, "GET", "/v1/ops/audit", READERS, 200);
    add(ops, "POST", "/v1/ops/restored", &[], 422);
    add(ops, "POST", "/v1/ops/notifications/00/cancel", OPERATORS, 404);
    add(ops, "POST", "/v1/ops/sequences/00/cancel", OPERATORS, 404);
    // Without a body or a condition, a decision of an operator changes nothing.
    add(ops, "GET", "/v1/ops/notifications", READERS, 400);
    add(ops, "POST", "/v1/ops/notifications/{n}/resend", OPERATORS, 428);
    add(ops, "POST", "/v1/ops/notifications/{n}/settle", OPERATORS, 428);
    for jobs in ["/v1/ops/resend", "/v1/ops/settle"] {
        add(ops, "GET", jobs, READERS, 200);
        add(ops, "POST", jobs, OPERATORS, 400);
    }
    for (job, stop) in [
        ("/v1/ops/resend/none", "/v1/ops/resend/none/stop"),
        ("/v1/ops/settle/none", "/v1/ops/settle/none/stop"),
    ] {
        add(ops, "GET", job, READERS, 404);
        add(ops, "POST", stop, OPERATORS, 404);
    }
    add(ops, "GET", "/v1/ops/dead-letters", READERS, 200);
    add(ops, "POST", "/v1/ops/dead-letters/redrive", OPERATORS, 400);
    add(ops, "POST", "/v1/ops/dead-letters/none/redrive", OPERATORS, 400);
    add("ANY /v1/runs/{proxy+}", "POST", "/v1/runs/none/cancel", OPERATORS, 400);
    // A PUT without a precondition changes nothing.
    for (list, of, path, name) in [
        ("ANY /v1/channels", "ANY /v1/channels/{proxy+}", "/v1/channels", "/v1/channels/none"),
        ("ANY /v1/templates", "ANY /v1/templates/{proxy+}", "/v1/templates", "/v1/templates/none"),
        ("ANY /v1/schedules", "ANY /v1/schedules/{proxy+}", "/v1/schedules", "/v1/schedules/none"),
        ("ANY /v1/audiences", "ANY /v1/audiences/{proxy+}", "/v1/audiences", "/v1/audiences/none"),
        ("ANY /v1/producers", "ANY /v1/producers/{proxy+}", "/v1/producers", "/v1/producers/none"),
        ("ANY /v1/hours", "ANY /v1/hours/{proxy+}", "/v1/hours", "/v1/hours/stack"),
    ] {
        add(list, "GET", path, READERS, 200);
        add(of, "GET", name, READERS, 404);
        add(of, "PUT", name, OPERATORS, 428);
        add(of, "DELETE", name, OPERATORS, 428);
    }
    let channels = "ANY /v1/channels/{proxy+}";
    add(channels, "POST", "/v1/channels/none/pause", READERS, 404);
    add(channels, "POST", "/v1/channels/none/resume", READERS, 404);
    add(channels, "POST", "/v1/channels/none/receipt-secrets", OPERATORS, 404);
    add(channels, "DELETE", "/v1/channels/none/receipt-secrets/1", OPERATORS, 404);
    let producers = "ANY /v1/producers/{proxy+}";
    add(producers, "GET", "/v1/producers/none/keys", READERS, 404);
    add(producers, "POST", "/v1/producers/none/keys", OPERATORS, 404);
    add(producers, "DELETE", "/v1/producers/none/keys/1", OPERATORS, 404);
    let audiences = "ANY /v1/audiences/{proxy+}";
    add(audiences, "POST", "/v1/audiences/none/members", OPERATORS, 415);
    add(audiences, "POST", "/v1/audiences/none/upload-url", OPERATORS, 400);
    let schedules = "ANY /v1/schedules/{proxy+}";
    add(schedules, "GET", "/v1/schedules/none/preview", READERS, 404);
    add(schedules, "GET", "/v1/schedules/none/runs", READERS, 404);
    add(schedules, "POST", "/v1/schedules/none/dry-run", OPERATORS, 404);
    add(schedules, "POST", "/v1/schedules/none/run", OPERATORS, 400);
    all
}

/// What a role may call, by its policy in the guide.
fn permissions(role: &str) -> Vec<String> {
    let (_, policy) = GUIDE.split_once(&format!("\npolicy {role} ")).expect("a policy");
    let lines = policy.split_inclusive('\n');
    let ends = lines.clone().position(|line| !line.ends_with("\\\n")).expect("its last line");
    let resources = lines.take(ends + 1).flat_map(|line| line.split('"').skip(1).step_by(2));
    resources.filter_map(|resource| resource.strip_prefix("$CALL/")).map(str::to_owned).collect()
}

fn signer(role: &str) -> Signer {
    // The producer's role is that of the example's producer.
    let name = if role == PRODUCER { "consultation-service" } else { role };
    let arn = format!("arn:aws:sts::123456789012:assumed-role/{name}/session");
    Signer { arn, permissions: permissions(role) }
}

/// The ids of a notification and of a sequence of the example's producer.
struct Stored {
    notification: String,
    sequence: String,
}

async fn store(doors: &Doors) -> Stored {
    let api = doors.gateway.api("Api", Some(signer(PRODUCER)));
    let mut ids = Vec::new();
    for (path, body) in [("/v1/notifications", notification()), ("/v1/sequences", sequence())] {
        let stored = call(&api, &[], "POST", path, Some("k"), &body).await;
        assert_eq!(stored.status, 202, "{}", stored.body);
        ids.push(text(&stored.body, "id").to_owned());
    }
    let [notification, sequence] = <[String; 2]>::try_from(ids).expect("two ids");
    Stored { notification, sequence }
}

impl Stored {
    fn path(&self, pattern: &str) -> String {
        pattern.replace("{n}", &self.notification).replace("{s}", &self.sequence)
    }
}

fn body_of(path: &str) -> Value {
    match path {
        "/v1/notifications" => notification(),
        "/v1/sequences" => sequence(),
        path if path.starts_with("/v1/ops/") && path.ends_with("/cancel") => {
            json!({ "reason": "a test" })
        }
        _ => Value::Null,
    }
}

/// Whether API Gateway itself has refused a request. The functions answer with problems.
fn is_refused(answer: &Answer) -> bool {
    [401, 403].contains(&answer.status) && answer.body.get("message").is_some()
}

#[tokio::test(start_paused = true)]
async fn every_signed_route_is_open_to_the_roles_whose_policies_name_it_and_to_nobody_else() {
    let doors = doors().await;
    let stored = store(&doors).await;
    doors.store_shop(json!({})).await;
    let key = doors.make_key(Value::Null).await;
    let bearer = format!("Bearer {}", text(&key, "key"));
    let nobody = Signer { arn: signer(OPERATOR).arn, permissions: vec![] };
    let mut others = vec![];
    for Tried { route, method, path, roles, status } in tried() {
        let body = body_of(path);
        let path = stored.path(path);
        let context = format!("{method} {path}");
        // Without a signature, with a policy that permits nothing, and with an API key instead.
        for (signer, headers) in [
            (None, vec![]),
            (Some(nobody.clone()), vec![]),
            (None, vec![("authorization", bearer.as_str())]),
        ] {
            let api = doors.gateway.api("Api", signer);
            let answer = call(&api, &headers, method, &path, Some("k"), &body).await;
            assert!(answer.status == 403 && is_refused(&answer), "{context}: {answer:?}");
        }
        for role in ROLES {
            let api = doors.gateway.api("Api", Some(signer(role)));
            // Not JSON, so that no upload is accepted.
            let answer = call(&api, &[], method, &path, Some("k"), &body).await;
            let is_permitted = roles.contains(&role);
            assert_eq!(
                is_refused(&answer),
                !is_permitted,
                "{route} for {role}: {context} {answer:?}"
            );
            if roles.first() == Some(&role) && answer.status != status {
                others.push(format!(
                    "{context}: {} instead of {status}: {}",
                    answer.status, answer.body
                ));
            }
        }
    }
    assert!(others.is_empty(), "{others:#?}");
    let unchanged = doors.world.notifications();
    assert_eq!(unchanged.len(), 3);
    assert!(unchanged.values().all(|stored| !stored.status.is_terminal()));
}

#[tokio::test(start_paused = true)]
async fn every_route_for_keys_needs_a_key_of_its_producer_with_its_scope() {
    let doors = doors().await;
    let stored = store(&doors).await;
    doors.store_shop(json!({})).await;
    // The function looks for a new producer once a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let key = async |producer: &str, scopes: Value| {
        let path = format!("/v1/producers/{producer}/keys");
        let wanted = json!({ "scopes": scopes });
        let made = doors.world.operate("POST", &path, &[], wanted).await;
        assert_eq!(made.status, 201, "{}", made.body);
        text(&made.body, "key").to_owned()
    };
    let own = "consultation-service";
    let reading = key(own, json!(["notifications:read"])).await;
    let writing = key(own, json!(["notifications:write"])).await;
    let others = key("shop", json!(["notifications:read", "notifications:write"])).await;
    let wrong = format!("{}0000", &writing[..writing.len() - 4]);
    let api = doors.gateway.key_api();
    let mut tried = BTreeSet::new();
    for (route, method, path, is_writing, right, of_others) in [
        ("POST /v1/notifications", "POST", "/v1/notifications", true, 200, 202),
        ("POST /v1/sequences", "POST", "/v1/sequences", true, 200, 202),
        // Another producer gets a list of its own.
        ("GET /v1/notifications", "GET", "/v1/notifications?recipient=teacher-1", false, 200, 200),
        ("GET /v1/notifications/{id}", "GET", "/v1/notifications/{n}", false, 200, 404),
        ("GET /v1/sequences/{id}", "GET", "/v1/sequences/{s}", false, 200, 404),
        (
            "POST /v1/notifications/{id}/cancel",
            "POST",
            "/v1/notifications/{n}/cancel",
            true,
            200,
            404,
        ),
        ("POST /v1/sequences/{id}/cancel", "POST", "/v1/sequences/{s}/cancel", true, 200, 404),
    ] {
        tried.insert(route.to_owned());
        let body = body_of(path);
        let path = stored.path(path);
        let context = format!("{method} {path}");
        let with = async |authorization: Option<&str>| {
            let headers: Vec<_> =
                authorization.into_iter().map(|value| ("authorization", value)).collect();
            call(&api, &headers, method, &path, Some("k"), &body).await
        };
        let bearer = async |key: &str| with(Some(&format!("Bearer {key}"))).await;

        let without = with(None).await;
        assert!(without.status == 401 && is_refused(&without), "{context}: {without:?}");
        for wrong in [
            with(Some("AWS4-HMAC-SHA256 Credential=AKIA")).await,
            bearer("ak_malformed").await,
            bearer(&wrong).await,
        ] {
            assert!(wrong.status == 403 && is_refused(&wrong), "{context}: {wrong:?}");
        }
        let (lesser, needed) = if is_writing { (&reading, &writing) } else { (&writing, &reading) };
        let lesser = bearer(lesser).await;
        assert_eq!(lesser.status, 403, "{context}: {}", lesser.body);
        assert_eq!(lesser.body["type"], "/docs/errors.md#insufficient-scope", "{context}");
        let other = bearer(&others).await;
        assert_eq!(other.status, of_others, "{context}: {}", other.body);
        let right_one = bearer(needed).await;
        assert_eq!(right_one.status, right, "{context}: {}", right_one.body);
    }
    let routes = routes().expect("the template's routes");
    let of_template: BTreeSet<_> = routes
        .iter()
        .filter(|route| route.api == KEY_API)
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    // Every valid key may read the document that explains the problems, whatever its scopes.
    let path = "/docs/errors.md";
    for (key, status) in [(&reading, 200), (&writing, 200), (&wrong, 403)] {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(call(&api, &headers, "GET", path, None, &Value::Null).await.status, status);
    }
    let without = call(&api, &[], "GET", path, None, &Value::Null).await;
    assert!(without.status == 401 && is_refused(&without), "{without:?}");
    tried.insert(format!("GET {path}"));
    assert_eq!(tried, of_template);
    // Operators' routes are not there, whatever the key.
    let headers = [("authorization", format!("Bearer {reading}"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    for path in ["/v1/channels", "/v1/producers/shop/keys", "/v1/ops/notifications/00"] {
        let answer = call(&api, &headers, "GET", path, None, &Value::Null).await;
        assert_eq!((answer.status, &answer.body["message"]), (404, &json!("Not Found")), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_webhook_takes_unsigned_requests_with_its_secret_only() {
    let doors = doors().await;
    let receipt = json!({
        "DEVICE": "AT", "CMSGID": "c", "MSGID": "m", "MEDIA": "KAT", "RESULT": "7000",
    });
    let known = format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}");
    for (path, status) in [
        (known.as_str(), 200),
        ("/webhooks/alimtalk-main/guessed", 404),
        ("/webhooks/another/local-webhook-secret", 404),
        ("/webhooks/alimtalk-main/", 404),
    ] {
        let api = doors.gateway.api("Api", None);
        let answer = call(&api, &[], "POST", path, None, &receipt).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let of_keys = call(&doors.gateway.key_api(), &[], "POST", &known, None, &receipt).await;
    assert_eq!(of_keys.status, 404, "{}", of_keys.body);
}

#[test]
fn every_route_of_the_template_is_tried() {
    let signed: BTreeSet<_> = tried().iter().map(|tried| tried.route.to_owned()).collect();
    let routes = routes().expect("the template's routes");
    let of = |authorization| {
        let routes = routes.iter().filter(move |route| route.authorization == authorization);
        routes.map(|route| format!("{} {}", route.method, route.path)).collect::<BTreeSet<_>>()
    };
    assert_eq!(signed, of(Authorization::Signature));
    assert_eq!(of(Authorization::Open), ["POST /webhooks/{channel}/{secret}".to_owned()].into());
    // The test above tries those for keys.
    assert_eq!(of(Authorization::Key).len(), 8);
}
