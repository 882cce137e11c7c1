//! Bad documents: channels, templates, schedules, audiences, hours and producers.

use serde_json::{Value, json};

use super::case::{Case, Function};
use super::faults::{Field, Kind, faults, faults_of_object, with};
use super::valid;

fn put(path: &str) -> Case {
    Case::of(Function::Console, "PUT", path).header("if-none-match", "*")
}

/// The documents without a fault.
pub fn valid() -> Vec<Case> {
    [
        (CHANNEL, valid::channel()),
        (CHANNEL, valid::patient_channel()),
        (TEMPLATE, valid::template()),
        (TEMPLATE, valid::text_template()),
        (SCHEDULE, valid::schedule()),
        (AUDIENCE, valid::uploaded_audience()),
        (AUDIENCE, valid::audience_in_s3()),
        (HOURS, valid::hours()),
        (PRODUCER, valid::producer()),
    ]
    .into_iter()
    .map(|(path, document)| put(path).json(document).gets(201, "", "valid"))
    .collect()
}

const CHANNEL: &str = "/v1/channels/new";
const TEMPLATE: &str = "/v1/templates/new";
const SCHEDULE: &str = "/v1/schedules/new";
const AUDIENCE: &str = "/v1/audiences/new";
const HOURS: &str = "/v1/hours/stack";
const PRODUCER: &str = "/v1/producers/new";

pub fn cases() -> Vec<Case> {
    [channels(), templates(), schedules(), audiences(), hours(), producers()]
        .into_iter()
        .flatten()
        .collect()
}

/// The systematic faults of a document, and further changes with the field that each must name.
fn of_document(
    path: &str,
    base: &Value,
    fields: &[Field],
    changes: &[(&str, Value, &str)],
) -> Vec<Case> {
    let systematic = faults(base, fields).into_iter().chain(faults_of_object(base));
    let systematic = systematic
        .map(|fault| put(path).json(&fault.body).gets(fault.status, &fault.field, &fault.name));
    let values: Value = base.as_object().expect("an object").values().cloned().collect();
    let lists = [json!([]), values].map(|list| put(path).json(list).gets(422, "body", "a list"));
    let further = changes.iter().map(|(pointer, value, field)| {
        let body = with(base, pointer, value);
        put(path).json(body).gets(422, field, &format!("{pointer} is {value}"))
    });
    systematic.chain(lists).chain(further).collect()
}

fn text(pointer: &str) -> Field {
    Field::of(Kind::Text, pointer)
}

fn name() -> Field {
    text("/name").wrong(&[json!("other"), json!("A b")])
}

fn zone() -> Field {
    text("/timezone").wrong(&["", "Seoul", "asia/seoul", "Etc/Unknown"].map(Value::from))
}

fn window(pointer: &str) -> Vec<Field> {
    let sides = ["from", "to"].map(|side| text(&format!("{pointer}/{side}")).required());
    [Field::of(Kind::Object, pointer)].into_iter().chain(sides).collect()
}

/// Windows that are none. Their sides belong together, so the window is at fault.
fn windows(pointer: &'static str, field: &'static str) -> Vec<(&'static str, Value, &'static str)> {
    [("10:00", "25:00"), ("10:60", "19:00"), ("9:00", "19:00"), ("19:00", "10:00"), ("", "")]
        .map(|(from, to)| (pointer, json!({ "from": from, "to": to }), field))
        .to_vec()
}

fn durations(others: &[&str]) -> Vec<Value> {
    let none = ["", "soon", "5"];
    none.iter().chain(others).map(|text| json!(text)).collect()
}

fn channels() -> Vec<Case> {
    let fields = vec![
        name(),
        Field::of(Kind::Object, "/provider").required(),
        text("/provider/kind").required().wrong(&[json!(""), json!("smtp")]),
        text("/provider/environment").wrong(&[json!(""), json!("prod")]),
        text("/provider/account").required().wrong(&[json!(""), json!("a".repeat(21))]),
        text("/provider/sender_key").wrong(&[json!(""), json!("k".repeat(41))]),
        text("/provider/from").required().wrong(&[
            json!(""),
            json!("02-1234-5678"),
            json!("1".repeat(17)),
        ]),
        text("/provider/lms_keyword").wrong(&[json!("LMS"), json!("sms")]),
        Field::of(Kind::Number, "/provider/message_chars_max").wrong(&[json!(0), json!(1301)]),
        Field::of(Kind::Object, "/limit").required(),
        Field::of(Kind::Number, "/limit/per_second").required().wrong(&[json!(0), json!(301)]),
        text("/limit/jitter").wrong(&durations(&["-1ms", "2s"])),
        Field::of(Kind::Flag, "/limit/strict"),
        Field::of(Kind::Object, "/retry"),
        text("/retry/backoff").required().wrong(&[json!(""), json!("linear")]),
        Field::of(Kind::Number, "/retry/retries").required().wrong(&[json!(256)]),
        text("/retry/every").required().wrong(&durations(&[])),
        Field::of(Kind::Object, "/confirmation"),
        text("/confirmation/by").required().wrong(&[json!(""), json!("fax")]),
        text("/confirmation/within").required().wrong(&durations(&["-1h", "6s", "97h"])),
        Field::of(Kind::Object, "/timeouts"),
        text("/timeouts/connect").required().wrong(&durations(&[])),
        text("/timeouts/total").required().wrong(&durations(&["11s"])),
        zone(),
        Field::of(Kind::Flag, "/paused"),
        text("/give_up_after").wrong(&durations(&["-1h", "59s", "337h"])),
        Field::of(Kind::List, "/only_to"),
        Field::of(Kind::List, "/receipt_sources").wrong(&[json!([])]),
    ];
    let fields: Vec<Field> = fields.into_iter().chain(window("/window")).collect();
    let retry = |every: &str| json!({ "backoff": "fixed", "retries": 1, "every": every });
    let timeouts = |connect: &str, total: &str| json!({ "connect": connect, "total": total });
    let secret = json!({ "id": "a", "sha256": "0", "created_at": "2026-03-02T01:00:00Z" });
    let foreign = json!({
        "id": "a", "sha256": "0".repeat(64), "created_at": "2026-03-02T01:00:00Z",
    });
    let mut with_secrets = valid::channel();
    with_secrets["receipt_secrets"] = json!([foreign]);
    let changes = [
        ("/retry", retry("0s"), "retry"),
        ("/retry", retry("25h"), "retry"),
        ("/retry", json!({ "backoff": "exponential", "retries": 1 }), "retry.first"),
        ("/retry/backoff", json!("exponential"), "retry.every"),
        ("/retry", json!(["fixed", 2, "3s"]), "retry"),
        ("/confirmation", json!({ "by": "acceptance" }), "confirmation.by"),
        ("/confirmation/by", json!("acceptance"), "confirmation.within"),
        ("/confirmation", json!(["receipt", "30m"]), "confirmation"),
        ("/timeouts", timeouts("0s", "1s"), "timeouts"),
        ("/timeouts", timeouts("3s", "3s"), "timeouts"),
        ("/only_to", json!(["010"]), "only_to[0]"),
        ("/only_to", json!(["010-1234-5678", 7]), "only_to[1]"),
        ("/receipt_sources", json!(["203.0.113.7"]), "receipt_sources[0]"),
        ("/receipt_sources", json!(["203.0.113.0/24", "x"]), "receipt_sources[1]"),
        ("/receipt_sources", json!(vec!["203.0.113.0/24"; 33]), "receipt_sources"),
    ];
    let changes: Vec<_> = changes.into_iter().chain(windows("/window", "window")).collect();
    let mut cases = of_document(CHANNEL, &valid::channel(), &fields, &changes);
    cases.extend(of_document(CHANNEL, &valid::patient_channel(), &waits(), &[]));
    cases.push(put(CHANNEL).json(&with_secrets).gets(422, "receipt_secrets", "its own secrets"));
    let field = "receipt_secrets[0].sha256";
    with_secrets["receipt_secrets"] = json!([secret]);
    cases.push(put(CHANNEL).json(&with_secrets).gets(422, field, "a digest that is none"));
    cases
}

fn waits() -> Vec<Field> {
    ["/retry/first", "/retry/longest"]
        .map(|pointer| text(pointer).required().wrong(&durations(&[])))
        .into_iter()
        .collect()
}

fn templates() -> Vec<Case> {
    let texts = |longest: usize| {
        [json!(""), json!(" "), json!("#{name"), json!("#{}"), json!("가".repeat(longest + 1))]
    };
    let content = |field: &str| format!("/variants/0/content/{field}");
    let link = |field: &str| text(&content(&format!("buttons/0/{field}")));
    let bad_links = ["", "javascript:alert(1)", "https://", "https://a b.kr"].map(Value::from);
    let bad_schemes = ["", "javascript:alert(1)", "data:text/html,a"].map(Value::from);
    let button = valid::template()["variants"][0]["content"]["buttons"][0].clone();
    let fields = vec![
        name(),
        text("/category").required().wrong(&[json!(""), json!("urgent")]),
        Field::of(Kind::List, "/variants").required().wrong(&[json!([])]),
        Field::of(Kind::Object, "/variants/0").in_list(),
        text("/variants/0/channel").required().wrong(&[json!(""), json!("nowhere")]),
        Field::of(Kind::Object, "/variants/0/content").required(),
        text(&content("type")).required().wrong(&[json!(""), json!("fax")]),
        text(&content("code")).required().wrong(&[json!(""), json!("c".repeat(33))]),
        text(&content("body")).required().wrong(&texts(1000)),
        Field::of(Kind::List, &content("buttons")).wrong(&[json!(vec![button; 6])]),
        Field::of(Kind::Object, &content("buttons/0")).in_list(),
        link("name").required().wrong(&texts(28)),
        link("type").required(),
        link("url_mobile").required().wrong(&bad_links),
        link("url_pc").wrong(&bad_links),
        link("scheme_ios").wrong(&bad_schemes),
        link("scheme_android").wrong(&bad_schemes),
        Field::of(Kind::Object, &content("fallback")),
        text(&content("fallback/type")).required().wrong(&[json!(""), json!("fax")]),
        text(&content("fallback/subject")).wrong(&texts(32)),
        text(&content("fallback/body")).required().wrong(&texts(1000)),
    ];
    let fields: Vec<Field> = fields.into_iter().chain(window("/window")).collect();
    let twice = vec![valid::template()["variants"][0].clone(); 2];
    let changes = [
        ("/window", json!({ "from": "06:00", "to": "08:00" }), "window"),
        ("/category", json!({ "informational": null }), "category"),
        ("/variants", json!(twice), "variants[1].channel"),
        ("/variants/0/content/type", json!("sms"), "variants[0].content.code"),
        ("/variants/0/content/type", json!("lms"), "variants[0].content.code"),
        ("/variants/0/content/fallback/type", json!("sms"), "variants[0].content.fallback.subject"),
    ];
    let changes: Vec<_> = changes.into_iter().chain(windows("/window", "window")).collect();
    let mut cases = of_document(TEMPLATE, &valid::template(), &fields, &changes);
    let text_fields = [
        Field::of(Kind::Object, "/variants/0/content").required(),
        text("/variants/0/content/body").required().wrong(&texts(45)),
    ];
    let emoji = ("/variants/0/content/body", json!("😀"), "variants[0].content.body");
    cases.extend(of_document(TEMPLATE, &valid::text_template(), &text_fields, &[emoji]));
    cases
}

fn schedules() -> Vec<Case> {
    let expressions = [
        "",
        "every day",
        "cron()",
        "cron(0 25 * * ? *)",
        "cron(0 11 * * ?)",
        "cron(0 11 * * * *)",
        "cron(0 11 ? * ? *)",
        "cron(0 11 30 2 ? *)",
        "cron(0 11 29 2 ? 2027)",
        "cron(0 11 1 1 ? 2020)",
        "at(2026-02-30T10:00:00)",
        "at(2026-03-03T25:00:00)",
        "at(2026-03-02T09:59:59)",
        "at(tomorrow)",
        "rate(0 minutes)",
        "rate(5 years)",
        "rate(five minutes)",
        "month(1)",
    ];
    let named = |pointer: &str| {
        text(pointer).wrong(&[json!(""), json!("nobody"), json!("A b"), json!("x".repeat(65))])
    };
    let fields = [
        name(),
        text("/expression").required().wrong(&expressions.map(Value::from)),
        zone(),
        named("/template").required(),
        named("/channel"),
        named("/audience").required(),
        named("/producer"),
        Field::of(Kind::Number, "/priority").wrong(&[json!(0), json!(10_000), json!(65_536)]),
        Field::of(Kind::Flag, "/enabled"),
        text("/catch_up").wrong(&[json!(""), json!("maybe")]),
        text("/outside_window").wrong(&[json!(""), json!("ignore")]),
    ];
    let mut cases = of_document(SCHEDULE, &valid::schedule(), &fields, &[]);
    let mut changed = |changes: Value, field: &str, fault: &str| {
        let mut schedule = valid::schedule();
        let (Value::Object(members), Value::Object(changes)) = (&mut schedule, changes) else {
            panic!("objects")
        };
        members.extend(changes);
        cases.push(put(SCHEDULE).json(schedule).gets(422, field, fault));
    };
    let in_new_york =
        |expression: &str| json!({ "expression": expression, "timezone": "America/New_York" });
    changed(in_new_york("at(2026-03-08T02:30:00)"), "expression", "a time that is skipped");
    changed(in_new_york("cron(30 2 8 3 ? 2026)"), "expression", "a day whose time is skipped");
    let at_dawn = json!({ "expression": "cron(0 4 * * ? *)", "outside_window": "refuse" });
    changed(at_dawn, "expression", "outside the window");
    for (starts_at, fault) in [
        (json!("2026-01-01T00:00:00Z"), "another start"),
        (json!("2026-02-30T00:00:00Z"), "a start that is no day"),
        (json!(7), "a start that is a number"),
    ] {
        changed(json!({ "starts_at": starts_at }), "starts_at", fault);
    }
    cases
}

fn audiences() -> Vec<Case> {
    let in_s3 = [
        name(),
        Field::of(Kind::Object, "/source").required(),
        text("/source/kind").required().wrong(&[json!(""), json!("fax")]),
        text("/source/bucket").required().wrong(&[
            json!(""),
            json!("b"),
            json!("My Bucket"),
            json!("-ab"),
            json!("b".repeat(64)),
        ]),
        text("/source/key").required().wrong(&[json!(""), json!("k".repeat(1025))]),
        text("/source/format").required().wrong(&[json!(""), json!("xml")]),
    ];
    let mut cases = of_document(
        AUDIENCE,
        &valid::audience_in_s3(),
        &in_s3,
        &[
            ("/source/kind", json!("members"), "source.bucket"),
            ("/source", json!(["s3", "bucket", "all.csv", "csv"]), "source"),
        ],
    );
    let members = |further: Value| {
        let mut source = json!({ "kind": "members" });
        if let (Value::Object(source), Value::Object(further)) = (&mut source, further) {
            source.extend(further);
        }
        source
    };
    let uploaded = [
        name(),
        Field::of(Kind::Object, "/source").required(),
        text("/source/kind").required().wrong(&[json!("MEMBERS")]),
    ];
    cases.extend(of_document(
        AUDIENCE,
        &valid::uploaded_audience(),
        &uploaded,
        &[
            ("/source", members(json!({ "version": "v" })), "source.version"),
            ("/source", members(json!({ "version": 7 })), "source.version"),
            ("/source", members(json!({ "size": 7 })), "source.size"),
            ("/source", members(json!({ "size": -1 })), "source.size"),
            ("/source", members(json!({ "size": "7" })), "source.size"),
            ("/source", members(json!({ "key": "k" })), "source.key"),
            ("/source", json!(["members"]), "source"),
        ],
    ));
    cases
}

fn hours() -> Vec<Case> {
    let fields = [window("/scheduled"), window("/advertising")];
    let fields: Vec<Field> = fields.into_iter().flatten().collect();
    let changes = [windows("/scheduled", "scheduled"), windows("/advertising", "advertising")];
    let changes: Vec<_> = changes.into_iter().flatten().collect();
    let mut cases = of_document(HOURS, &valid::hours(), &fields, &changes);
    let elsewhere = put("/v1/hours/other").json(valid::hours());
    cases.push(elsewhere.gets(422, "name", "another name"));
    cases
}

fn producers() -> Vec<Case> {
    let fields = [
        name(),
        Field::of(Kind::List, "/principals"),
        Field::of(Kind::Object, "/grants"),
        Field::of(Kind::List, "/grants/templates"),
        Field::of(Kind::Number, "/grants/priority_min").wrong(&[json!(10_000)]),
    ];
    let mut cases = of_document(
        PRODUCER,
        &valid::producer(),
        &fields,
        &[
            ("/principals", json!([""]), "principals[0]"),
            ("/principals", json!(["a", "arn:aws:iam::1:role/shop"]), "principals[1]"),
            ("/principals", json!(["a", "A"]), "principals[1]"),
            ("/principals", json!(["consultation-service"]), "principals[0]"),
            ("/principals", json!([7]), "principals[0]"),
            ("/grants/templates", json!(["t", 7]), "grants.templates[1]"),
        ],
    );
    for reserved in ["alimi", "schedules"] {
        let producer = json!({ "principals": ["shop-backend"] });
        let case = put(&format!("/v1/producers/{reserved}")).json(producer);
        cases.push(case.gets(422, "name", "a reserved name"));
    }
    cases
}
