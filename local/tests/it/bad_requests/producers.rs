//! Bad bodies of requests for notifications and sequences.

use serde_json::{Value, json};

use super::case::{Case, Function};
use super::faults::{Field, Kind, faults, faults_of_object, with, without};
use super::valid;

fn post(path: &str) -> Case {
    Case::of(Function::Enqueue, "POST", path).header("idempotency-key", "k")
}

/// The requests without a fault.
pub fn valid() -> Vec<Case> {
    let accepted = |path: &str, body: &Value| post(path).json(body).gets(202, "", "valid");
    vec![
        accepted("/v1/notifications", &valid::notification()),
        accepted("/v1/notifications", &json!([valid::notification()])),
        accepted("/v1/sequences", &valid::sequence()),
    ]
}

pub fn cases() -> Vec<Case> {
    [notifications(), bulk(), sequences()].into_iter().flatten().collect()
}

fn notifications() -> Vec<Case> {
    let base = valid::notification();
    let faults = faults(&base, &notification_fields()).into_iter();
    let faults = faults.chain(faults_of_object(&base));
    let cases = faults.map(|fault| {
        let case = post("/v1/notifications").json(&fault.body);
        case.gets(fault.status, &fault.field, &fault.name)
    });
    cases.chain(specials()).collect()
}

/// The same faults of an item of a list.
fn bulk() -> Vec<Case> {
    let base = json!([valid::notification()]);
    let fields = notification_fields().into_iter().map(|field| field.of_item(0));
    let fields: Vec<Field> = fields.collect();
    let cases = faults(&base, &fields).into_iter().map(|fault| {
        let case = post("/v1/notifications").json(&fault.body);
        case.gets(fault.status, &fault.field, &fault.name)
    });
    let many = vec![valid::notification(); 501];
    cases
        .chain([
            post("/v1/notifications").json("[]").gets(422, "body", "an empty list"),
            post("/v1/notifications").json(json!(many)).gets(422, "body", "501 items"),
            post("/v1/notifications").json("[[]]").gets(422, "[0]", "a list in a list"),
            post("/v1/notifications").json("[null, 7]").gets(422, "[0]", "no objects"),
        ])
        .collect()
}

fn sequences() -> Vec<Case> {
    let base = valid::sequence();
    let faults = faults(&base, &sequence_fields()).into_iter();
    let faults = faults.chain(faults_of_object(&base));
    let cases = faults.map(|fault| {
        let case = post("/v1/sequences").json(&fault.body);
        case.gets(fault.status, &fault.field, &fault.name)
    });
    let changed = |pointer: &str, value: Value, field: &str| {
        let body = with(&base, pointer, &value);
        post("/v1/sequences").json(body).gets(422, field, &format!("{pointer} is {value}"))
    };
    let values: Value = base.as_object().expect("an object").values().cloned().collect();
    let mut without_times = without(&base, "/not_before");
    without_times["expires_at"] = json!("2026-03-02T10:05:00+09:00");
    cases
        .chain([
            post("/v1/sequences").json(values).gets(422, "body", "a list of the values"),
            post("/v1/sequences").json("[]").gets(422, "body", "a list"),
            changed("/steps/0", json!({}), "steps[0].template"),
            changed("/steps/1/notifications/0/gate", json!(false), "steps[1]"),
            changed("/steps/1/notifications/1/gate", json!(true), "steps[1]"),
            changed("/expires_at", json!("2026-03-03T10:10:00+09:00"), "steps[1].delay"),
            post("/v1/sequences").json(without_times).gets(422, "steps[1].delay", "expires soon"),
        ])
        .collect()
}

/// Faults of several fields together, and of values that only a stored document makes wrong.
fn specials() -> Vec<Case> {
    let base = valid::notification();
    let changed = |pointer: &str, value: Value, field: &str| {
        let body = with(&base, pointer, &value);
        post("/v1/notifications").json(body).gets(422, field, &format!("{pointer} is {value}"))
    };
    vec![
        changed("/variables", json!({ "name": "n" }), "variables.code"),
        changed("/variables", json!({ "name": "가".repeat(1001), "code": "a" }), "variables"),
        changed("/expires_at", json!("2026-03-03T10:00:00+09:00"), "expires_at"),
        changed("/not_before", json!("2026-03-04T10:00:00+09:00"), "expires_at"),
        changed("/to", json!({ "id": "t" }), "to.phone"),
    ]
}

fn notification_fields() -> Vec<Field> {
    vec![
        template("/template"),
        channel("/channel"),
        Field::of(Kind::Object, "/to").required(),
        id("/to/id"),
        phone("/to/phone"),
        zone("/to/timezone"),
        Field::of(Kind::Map, "/variables"),
        // Only a text, a number or a flag can be filled in.
        Field::of(Kind::Scalar, "/variables/name"),
        Field::of(Kind::Text, "/tag").wrong(&[
            json!(""),
            json!("a b"),
            json!("a#b"),
            json!("봄"),
            json!("x".repeat(65)),
        ]),
        data("/data"),
        priority("/priority"),
        time("/not_before").wrong(&times()),
        time("/expires_at").wrong(&[times(), past()].concat()),
    ]
}

fn sequence_fields() -> Vec<Field> {
    let step = |pointer: &str| {
        let at = |field: &str| format!("{pointer}/{field}");
        vec![
            template(&at("template")),
            channel(&at("channel")),
            Field::of(Kind::Map, &at("variables")),
            Field::of(Kind::Scalar, &at("variables/name")),
            data(&at("data")),
        ]
    };
    let whole = vec![
        Field::of(Kind::Object, "/to").required(),
        id("/to/id"),
        phone("/to/phone"),
        zone("/to/timezone"),
        Field::of(Kind::List, "/steps").required().wrong(&[json!([])]),
        Field::of(Kind::Object, "/steps/1").in_list(),
        Field::of(Kind::List, "/steps/1/notifications").wrong(&[json!([])]),
        Field::of(Kind::Object, "/steps/1/notifications/1").in_list(),
        Field::of(Kind::Flag, "/steps/1/notifications/1/gate"),
        Field::of(Kind::Text, "/steps/1/after").wrong(&[json!("cancelled"), json!("Failed")]),
        Field::of(Kind::Text, "/steps/1/delay").wrong(&durations("721h")),
        Field::of(Kind::Text, "/on_failure").wrong(&[json!("skip"), json!("")]),
        Field::of(Kind::Text, "/on_unconfirmed").wrong(&[json!("halt"), json!("")]),
        Field::of(Kind::Text, "/confirm_within").wrong(&durations("97h")),
        priority("/priority"),
        time("/not_before").wrong(&times()),
        time("/expires_at").wrong(&[times(), past()].concat()),
    ];
    [whole, step("/steps/0"), step("/steps/1/notifications/0")].into_iter().flatten().collect()
}

fn template(pointer: &str) -> Field {
    let field = Field::of(Kind::Text, pointer).required();
    field.wrong(&[json!(""), json!("nope"), json!("A b"), json!("틀"), json!("x".repeat(2000))])
}

fn channel(pointer: &str) -> Field {
    let field = Field::of(Kind::Text, pointer);
    field.wrong(&[json!(""), json!("nowhere"), json!("A b"), json!("x".repeat(65))])
}

fn id(pointer: &str) -> Field {
    let field = Field::of(Kind::Text, pointer).required();
    field.wrong(&[json!(""), json!("  "), json!("x".repeat(257))])
}

fn phone(pointer: &str) -> Field {
    Field::of(Kind::Text, pointer).required().wrong(&[
        json!(""),
        json!("call me"),
        json!("010"),
        json!("01012345678x"),
        json!("1012345678"),
        json!("+1 212 555 0123"),
        json!("0".repeat(1000)),
        json!("０１０１２３４５６７８"),
    ])
}

fn zone(pointer: &str) -> Field {
    let field = Field::of(Kind::Text, pointer);
    field.wrong(&[json!(""), json!("Seoul"), json!("asia/seoul"), json!("+09:00")])
}

fn data(pointer: &str) -> Field {
    Field::of(Kind::Map, pointer).wrong(&[json!({ "k": "x".repeat(1025) })])
}

fn priority(pointer: &str) -> Field {
    let field = Field::of(Kind::Number, pointer);
    field.wrong(&[json!(10_000), json!(65_535), json!(65_536), json!(u64::MAX), json!(i64::MIN)])
}

fn time(pointer: &str) -> Field {
    Field::of(Kind::Text, pointer)
}

fn times() -> Vec<Value> {
    [
        "",
        "tomorrow",
        "2026-03-03",
        "2026-03-03T10:00:00",
        "2026-02-30T10:00:00+09:00",
        "2026-13-01T10:00:00Z",
        "2026-03-03T25:00:00Z",
        "2300-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "1772413200000",
    ]
    .map(Value::from)
    .to_vec()
}

fn past() -> Vec<Value> {
    ["2026-03-02T01:00:00Z", "2020-01-01T00:00:00Z"].map(Value::from).to_vec()
}

fn durations(too_long: &str) -> Vec<Value> {
    ["", "soon", "5", "-1m", "99999999999999h", too_long].map(Value::from).to_vec()
}
