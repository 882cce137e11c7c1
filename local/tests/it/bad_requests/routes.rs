//! What each route refuses, whatever it does: parameters, headers, bodies and names that it does not
//! take.

use alimi_console::DOCUMENT_BYTES_MAX;
use alimi_enqueue::BODY_BYTES_MAX;
use serde_json::{Value, json};

use super::case::{Case, Function};
use super::valid;

pub fn cases() -> Vec<Case> {
    [
        parameters(),
        bodies_where_none_belongs(),
        json_bodies(),
        idempotency_keys(),
        conditions(),
        names_and_ids(),
        methods_and_paths(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const ID: &str = "0123456789abcdef0123456789abcd";

/// Every kind of document, with the name of a stored one.
const DOCUMENTS: [(&str, &str); 6] = [
    ("channels", "alimtalk-main"),
    ("templates", "photo-and-video"),
    ("schedules", "daily"),
    ("audiences", "teachers"),
    ("producers", "consultation-service"),
    ("hours", "stack"),
];

/// The routes that take no body.
fn bare() -> Vec<Case> {
    let enqueue = |method, path: &str| Case::of(Function::Enqueue, method, path);
    let console = |method, path: &str| Case::of(Function::Console, method, path);
    let mut routes = vec![
        enqueue("GET", &format!("/v1/notifications/{ID}")),
        enqueue("POST", &format!("/v1/notifications/{ID}/cancel")),
        enqueue("GET", &format!("/v1/sequences/{ID}")),
        enqueue("POST", &format!("/v1/sequences/{ID}/cancel")),
        enqueue("GET", "/docs/errors.md"),
        console("POST", "/v1/channels/alimtalk-main/pause"),
        console("POST", "/v1/channels/alimtalk-main/resume"),
        console("POST", "/v1/channels/alimtalk-main/receipt-secrets"),
        console("DELETE", "/v1/channels/alimtalk-main/receipt-secrets/a"),
        console("GET", "/v1/schedules/daily/preview"),
        console("POST", "/v1/schedules/daily/dry-run"),
        console("GET", "/v1/schedules/daily/runs"),
        console("GET", &format!("/v1/ops/notifications/{ID}")),
        console("GET", "/v1/ops/dead-letters"),
    ];
    for (kind, name) in DOCUMENTS {
        let delete = console("DELETE", &format!("/v1/{kind}/{name}"));
        routes.extend([
            console("GET", &format!("/v1/{kind}")),
            console("GET", &format!("/v1/{kind}/{name}/history")),
        ]);
        // A document that is not there is named first.
        if kind != "hours" {
            routes.extend([console("GET", &format!("/v1/{kind}/{name}"))]);
            routes.push(delete.header("if-match", "\"1\""));
        }
    }
    routes
}

/// The routes that take a JSON body, each with a valid request and its largest body.
fn with_json() -> Vec<(Case, usize)> {
    let post =
        |path: &str| Case::of(Function::Enqueue, "POST", path).header("idempotency-key", "k");
    let put = |kind: &str| {
        let name = if kind == "hours" { "stack" } else { "new" };
        let case = Case::of(Function::Console, "PUT", &format!("/v1/{kind}/{name}"));
        case.header("if-none-match", "*")
    };
    vec![
        (post("/v1/notifications").json(valid::notification()), BODY_BYTES_MAX),
        (post("/v1/sequences").json(valid::sequence()), BODY_BYTES_MAX),
        (put("channels").json(valid::channel()), DOCUMENT_BYTES_MAX),
        (put("templates").json(valid::template()), DOCUMENT_BYTES_MAX),
        (put("schedules").json(valid::schedule()), DOCUMENT_BYTES_MAX),
        (put("audiences").json(valid::uploaded_audience()), DOCUMENT_BYTES_MAX),
        (put("producers").json(valid::producer()), DOCUMENT_BYTES_MAX),
        (put("hours").json(valid::hours()), DOCUMENT_BYTES_MAX),
    ]
}

fn parameters() -> Vec<Case> {
    let all = bare().into_iter().chain(with_json().into_iter().map(|(case, _)| case));
    let unknown = all.flat_map(|case| {
        [
            case.clone().query("extra=1").gets(400, "extra", "an unknown parameter"),
            case.query("%FF=1").gets(400, "query", "a parameter that is not UTF-8"),
        ]
    });
    let paged = [
        "/v1/ops/dead-letters",
        "/v1/channels",
        "/v1/schedules/daily/runs",
        "/v1/schedules/daily/history",
    ];
    let limits = paged.into_iter().flat_map(|path| {
        let of = |query: &str| Case::of(Function::Console, "GET", path).query(query);
        ["0", "501", "-1", "x", "", "1.5", "99999999999999999999"]
            .map(|limit| of(&format!("limit={limit}")).gets(400, "limit", limit))
            .into_iter()
            .chain([of("limit=1&limit=1").gets(400, "limit", "twice")])
            .collect::<Vec<_>>()
    });
    let list = |query: &str| Case::of(Function::Console, "GET", "/v1/templates").query(query);
    unknown
        .chain(limits)
        .chain([
            list("after=A%20b").gets(400, "after", "no name"),
            list("after=").gets(400, "after", "empty"),
            list("after=a&after=b").gets(400, "after", "twice"),
            list("Limit=1").gets(400, "Limit", "in capitals"),
            list("limit=%zz").gets(400, "query", "a bad escape"),
        ])
        .collect()
}

fn bodies_where_none_belongs() -> Vec<Case> {
    bare()
        .into_iter()
        .flat_map(|case| {
            [
                case.clone().json("{}").gets(400, "body", "an object"),
                case.body(b"\xff").gets(400, "body", "a body without a type"),
            ]
        })
        .collect()
}

fn json_bodies() -> Vec<Case> {
    with_json()
        .into_iter()
        .flat_map(|(case, bytes_max)| {
            let typed = |content_type: &str| {
                case.clone().without_header("content-type").header("content-type", content_type)
            };
            let body = |body: &[u8]| case.clone().body(body);
            let large = format!("\"{}\"", "x".repeat(bytes_max));
            vec![
                case.clone().without_header("content-type").gets(415, "Content-Type", "no type"),
                typed("text/plain").gets(415, "Content-Type", "text/plain"),
                typed("application/x-www-form-urlencoded").gets(415, "Content-Type", "a form"),
                typed("application/json, application/json").gets(415, "Content-Type", "joined"),
                typed("application/json; charset=euc-kr").gets(415, "Content-Type", "EUC-KR"),
                typed("application/json").header("content-type", "application/json").gets(
                    415,
                    "Content-Type",
                    "two types",
                ),
                case.clone().header("content-encoding", "gzip").gets(
                    415,
                    "Content-Encoding",
                    "compressed",
                ),
                body(b"").gets(400, "body", "no body"),
                body(b" \n").gets(400, "body", "white space"),
                body(b"{").gets(400, "body", "a cut off body"),
                body(b"{} {}").gets(400, "body", "two values"),
                body(b"{'a': 1}").gets(400, "body", "single quotes"),
                body(b"{\"name\": NaN}").gets(400, "body", "NaN"),
                body(b"{\"name\": 1e999}").gets(400, "body", "a number that is too large"),
                body(b"{\"name\": \"\xff\"}").gets(400, "body", "no UTF-8"),
                body(b"\xef\xbb\xbf{}").gets(400, "body", "a byte order mark"),
                body("[".repeat(100_000).as_bytes()).gets(400, "*", "deep nesting"),
                body("{\"a\":".repeat(50).as_bytes()).gets(400, "a.a.a*", "deep objects"),
                body(large.as_bytes()).gets(413, "body", "a large body"),
            ]
        })
        .collect()
}

fn idempotency_keys() -> Vec<Case> {
    let too_long = "k".repeat(256);
    let keys: [&[u8]; 14] = [
        b"",
        b"  ",
        b"\"\"",
        b"\"",
        b"\"k",
        b"k\"",
        b"\"a\"b\"",
        b"two words",
        b"one,two",
        b"\"one\", \"two\"",
        b"back\\slash",
        "열쇠".as_bytes(),
        b"\x80",
        too_long.as_bytes(),
    ];
    with_json()
        .into_iter()
        .filter(|(case, _)| case.method == "POST")
        .flat_map(|(case, _)| {
            let without = case.clone().without_header("idempotency-key");
            let wrong = keys.iter().map(|key| {
                let fault = format!("the key {}", String::from_utf8_lossy(key));
                without.clone().header("idempotency-key", key).gets(400, "Idempotency-Key", &fault)
            });
            let twice = ["k", "other"].map(|key| {
                case.clone().header("idempotency-key", key).gets(400, "Idempotency-Key", "twice")
            });
            wrong
                .chain(twice)
                .chain([without.clone().gets(400, "Idempotency-Key", "no key")])
                .collect::<Vec<_>>()
        })
        .collect()
}

fn conditions() -> Vec<Case> {
    let stored = DOCUMENTS.into_iter().filter(|(kind, _)| *kind != "hours");
    stored
        .flat_map(|(kind, name)| {
            let path = format!("/v1/{kind}/{name}");
            let put = Case::of(Function::Console, "PUT", &path).json("{}");
            let delete = Case::of(Function::Console, "DELETE", &path);
            let both = [put.clone(), delete.clone()].into_iter().flat_map(|case| {
                let matches = |tag: &[u8], fault: &str| {
                    case.clone().header("if-match", tag).gets(400, "If-Match", fault)
                };
                vec![
                    case.clone().gets(428, "If-Match", "no condition"),
                    matches(b"", "empty"),
                    matches(b"*", "any"),
                    matches(b"1", "no quotes"),
                    matches(b"W/\"1\"", "a weak tag"),
                    matches(b"\"01\"", "another spelling"),
                    matches(b"\"1\", \"2\"", "two tags"),
                    matches(b"\"x\"", "no number"),
                    matches(b"\xff", "no ASCII"),
                    matches(b"\"1\"", "two headers").header("if-match", "\"1\""),
                    case.clone().header("if-match", "\"1\"").header("if-none-match", "*").gets(
                        400,
                        "If-None-Match",
                        "both conditions",
                    ),
                    case.clone().header("if-none-match", "\"1\"").gets(
                        400,
                        "If-None-Match",
                        "not this revision",
                    ),
                ]
            });
            let stale = delete.clone().header("if-match", "\"7\"");
            let create = delete.header("if-none-match", "*");
            both.chain([
                stale.gets(412, "If-Match", "another revision"),
                create.gets(400, "If-None-Match", "a deletion that creates"),
            ])
            .collect::<Vec<_>>()
        })
        .chain(existing_and_absent())
        .collect()
}

/// Conditions of valid documents that do not hold, and documents that are in use.
fn existing_and_absent() -> Vec<Case> {
    let template = |name: &str| {
        let mut template = valid::template();
        template["name"] = name.into();
        let path = format!("/v1/templates/{name}");
        Case::of(Function::Console, "PUT", &path).json(template)
    };
    let delete =
        |path: &str| Case::of(Function::Console, "DELETE", path).header("if-match", "\"1\"");
    vec![
        template("photo-and-video").header("if-none-match", "*").gets(
            412,
            "If-None-Match",
            "it exists already",
        ),
        template("photo-and-video").header("if-match", "\"9\"").gets(
            412,
            "If-Match",
            "another revision",
        ),
        template("absent").header("if-match", "\"1\"").gets(412, "If-Match", "it does not exist"),
        delete("/v1/channels/alimtalk-main").gets(409, "name", "in use"),
        delete("/v1/templates/photo-and-video").gets(409, "name", "in use"),
        delete("/v1/audiences/teachers").gets(409, "name", "in use"),
        delete("/v1/templates/absent").gets(404, "name", "absent"),
    ]
}

fn names_and_ids() -> Vec<Case> {
    let get = |path: &str| Case::of(Function::Console, "GET", path);
    let long = "x".repeat(65);
    let mut cases = vec![];
    for (kind, _) in DOCUMENTS {
        for name in ["absent", "A%20b", "%FF", "%EC%9D%B4", long.as_str()] {
            let path = format!("/v1/{kind}/{name}");
            cases.push(get(&path).gets(404, "name", "no such document"));
            let delete = Case::of(Function::Console, "DELETE", &path).header("if-match", "\"1\"");
            cases.push(delete.gets(404, "name", "nothing to delete"));
        }
        let history = get(&format!("/v1/{kind}/absent/history"));
        cases.push(history.gets(404, "name", "no history"));
        let put = Case::of(Function::Console, "PUT", &format!("/v1/{kind}/A%20b"));
        let put = put.header("if-none-match", "*").json("{}");
        cases.push(put.gets(422, "name", "no name"));
    }
    for id in [ID, "x", "%FF", "0", &ID.to_uppercase(), &format!("{ID}0")] {
        for (method, path) in [
            ("GET", format!("/v1/notifications/{id}")),
            ("POST", format!("/v1/notifications/{id}/cancel")),
            ("GET", format!("/v1/sequences/{id}")),
            ("POST", format!("/v1/sequences/{id}/cancel")),
        ] {
            cases.push(Case::of(Function::Enqueue, method, &path).gets(404, "id", "no such id"));
        }
        let path = format!("/v1/ops/notifications/{id}");
        cases.push(get(&path).gets(404, "id", "no such id"));
    }
    let post = |path: &str| Case::of(Function::Console, "POST", path);
    let secret = "/v1/channels/alimtalk-main/receipt-secrets/absent";
    for id in ["x", "runs-1772413200137-a", "faxes-1772413200137-a", "%FF"] {
        let redrive = post(&format!("/v1/ops/dead-letters/{id}/redrive"));
        let redrive = redrive.json(json!({ "reason": "mended" }));
        cases.push(redrive.gets(404, "id", "no such dead letter"));
    }
    cases.extend(dead_letters());
    cases.extend([
        get("/v1/schedules/absent/preview").gets(404, "name", "no such schedule"),
        get("/v1/schedules/absent/runs").gets(404, "name", "no such schedule"),
        post("/v1/schedules/absent/dry-run").gets(404, "name", "no such schedule"),
        post("/v1/schedules/daily/dry-run").gets(422, "audience", "an audience without members"),
        post("/v1/channels/absent/pause").gets(404, "name", "no such channel"),
        post("/v1/channels/absent/resume").gets(404, "name", "no such channel"),
        post("/v1/channels/absent/receipt-secrets").gets(404, "name", "no such channel"),
        Case::of(Function::Console, "DELETE", secret).gets(404, "id", "no such secret"),
    ]);
    cases
}

fn dead_letters() -> Vec<Case> {
    let list =
        |query: &str| Case::of(Function::Console, "GET", "/v1/ops/dead-letters").query(query);
    let one = "/v1/ops/dead-letters/runs-1772413200137-a/redrive";
    let one = |body: Value| Case::of(Function::Console, "POST", one).json(body);
    let edge = Case::of(Function::Console, "POST", "/v1/ops/dead-letters/redrive");
    let order = |body: Value| edge.clone().json(body);
    vec![
        list("edge=faxes").gets(400, "edge", "no edge"),
        list("edge=").gets(400, "edge", "empty"),
        list("state=gone").gets(400, "state", "no state"),
        list("cursor=x").gets(400, "cursor", "no place"),
        list("edge=runs&cursor=wakes-1772413200137-a").gets(400, "cursor", "another edge's"),
        one(json!({})).gets(422, "reason", "no reason"),
        one(json!({ "reason": " " })).gets(422, "reason", "an empty reason"),
        one(json!({ "reason": "가".repeat(501) })).gets(422, "reason", "a long reason"),
        one(json!({ "reason": "a", "dry_run": true })).gets(422, "dry_run", "unknown"),
        edge.clone().body("{}").gets(415, "Content-Type", "no type"),
        edge.clone().json("{").gets(400, "body", "no JSON"),
        edge.clone().query("edge=runs").json("{}").gets(400, "edge", "an unknown parameter"),
        order(json!({})).gets(422, "edge", "no edge"),
        order(json!({ "edge": "faxes", "dry_run": true })).gets(422, "edge", "unknown"),
        order(json!({ "edge": "runs" })).gets(422, "expected", "no count"),
        order(json!({ "edge": "runs", "expected": 1 })).gets(422, "reason", "no reason"),
        order(json!({ "edge": "runs", "expected": -1, "reason": "a" }))
            .gets(422, "expected", "negative"),
        order(json!({ "edge": "runs", "expected": 1, "reason": "a" })).gets(
            409,
            "expected",
            "another count",
        ),
        order(json!({ "edge": "runs", "expected": 1, "dry_run": true })).gets(
            422,
            "expected",
            "a count in a dry run",
        ),
        order(json!({ "edge": "changes", "dry_run": true })).gets(409, "id", "nothing to send"),
    ]
}

fn methods_and_paths() -> Vec<Case> {
    let all = bare().into_iter().chain(with_json().into_iter().map(|(case, _)| case));
    let patched = all.map(|case| {
        let patch = Case::of(case.function, "PATCH", &case.path);
        patch.gets(405, "method", "another method")
    });
    let paths = ["/", "/v1", "/v1/nothing", "/v1/notifications/", "/docs", "/%FF"]
        .map(|path| Case::of(Function::Enqueue, "GET", path).gets(404, "path", "no such route"));
    let others = ["/v1/ops", "/v1/channels/a/b", "/v1/schedules/daily/run", "/v1/faxes"]
        .map(|path| Case::of(Function::Console, "GET", path).gets(404, "path", "no such route"));
    patched.chain(paths).chain(others).collect()
}
