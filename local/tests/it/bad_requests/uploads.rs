//! Bad uploads: files without a valid line, files that cannot be read, and parts that fit nowhere.

use alimi_console::UPLOAD_BYTES_MAX;
use serde_json::{Value, json};

use super::case::{Case, Function};

const PATH: &str = "/v1/audiences/teachers/members";

fn upload(format: &str, file: impl AsRef<[u8]>) -> Case {
    Case::of(Function::Console, "POST", PATH).header("content-type", format).body(file)
}

fn csv(file: impl AsRef<[u8]>) -> Case {
    upload("text/csv", file)
}

fn ndjson(file: impl AsRef<[u8]>) -> Case {
    upload("application/x-ndjson; charset=utf-8", file)
}

/// The uploads without a fault.
pub fn valid() -> Vec<Case> {
    vec![
        csv(CSV).gets(200, "", "valid"),
        csv(CSV).query("upload=u&first_line=1&complete=true").gets(200, "", "a valid part"),
        ndjson(format!("{}\n", member())).gets(200, "", "valid"),
    ]
}

const CSV: &str = "id,phone,timezone,name\nt1,010-1234-5678,Asia/Seoul,n\n";

fn member() -> Value {
    json!({
        "id": "t1", "phone": "010-1234-5678", "timezone": "Asia/Seoul",
        "variables": { "name": "n" },
    })
}

pub fn cases() -> Vec<Case> {
    [csv_files(), csv_lines(), ndjson_lines(), parameters(), requests()]
        .into_iter()
        .flatten()
        .collect()
}

fn csv_files() -> Vec<Case> {
    [
        ("", "an empty file"),
        ("\n\n", "blank lines"),
        ("id,phone\n", "only a header line"),
        ("id,phone", "only a header line without its end"),
        ("name,phone\na,b\n", "no column id"),
        ("ID,phone\na,b\n", "a column ID"),
        ("id;phone\na;b\n", "semicolons"),
        ("id,id\na,b\n", "the column id twice"),
        ("id,\na,b\n", "a column without a name"),
        ("id,\"phone\na,b\n", "an open quote in the header line"),
        ("id,phone\nt1,01012340001\nt2,\"open", "an open quote at the end"),
        ("id,phone\nt1,01012340001\nt2", "a line that is cut off"),
    ]
    .map(|(file, fault)| csv(file).gets(422, "body", fault))
    .into_iter()
    .chain([csv(b"id,na\xffme\na,b\n").gets(422, "body", "a header line that is not UTF-8")])
    .collect()
}

/// Files of which each line is bad.
fn csv_lines() -> Vec<Case> {
    let with_header = |line: &str| format!("id,phone,timezone,name\n{line}\n");
    let long = "x".repeat(17_000);
    let long_id = "x".repeat(129);
    [
        (",01012340001,,n", "line 2, id", "no id"),
        ("  ,01012340001,,n", "line 2, id", "a blank id"),
        (&format!("{long_id},,,n"), "line 2, id", "a long id"),
        ("t1,call me,,n", "line 2, phone", "no phone number"),
        ("t1,010,,n", "line 2, phone", "a short phone number"),
        ("t1,1012345678,,n", "line 2, phone", "a number that lost its 0"),
        ("t1,,Seoul,n", "line 2, timezone", "no zone"),
        ("t1,,asia/seoul,n", "line 2, timezone", "a zone in lower case"),
        ("t1,,", "line 2", "too few fields"),
        ("t1,,,n,more", "line 2", "too many fields"),
        ("t1,,,n\"m", "line 2, name", "a quote inside a value"),
        ("t1,,,\"n\"m", "line 2, name", "text behind a quote"),
        (&format!("t1,,,{long}"), "line 2", "a long line"),
        ("\n\nt1,call me,,n", "line 4, phone", "a bad line below blank lines"),
    ]
    .into_iter()
    .map(|(line, field, fault)| csv(with_header(line)).gets(422, field, fault))
    .chain([
        csv(b"id,name\nt1,\xff\n").gets(422, "line 2, name", "a value that is not UTF-8"),
        csv("id,phone\nt1,x\nt2,y\n").gets(422, "line 2, phone", "two bad lines"),
    ])
    .collect()
}

fn ndjson_lines() -> Vec<Case> {
    let with = |field: &str, value: &Value| {
        let mut member = member();
        member[field] = value.clone();
        format!("{member}\n")
    };
    let wrong = [json!(7), json!(true), json!([]), json!({})];
    let of_member = ["id", "phone", "timezone"].into_iter().flat_map(|field| {
        let place = format!("line 1, {field}");
        let name = move |value: &Value| format!("{field} is {value}");
        wrong.clone().map(|value| ndjson(with(field, &value)).gets(422, &place, &name(&value)))
    });
    let of_variables = [json!(7), json!("x"), json!([]), json!(null)].map(|value| {
        let fault = format!("variables is {value}");
        ndjson(with("variables", &value)).gets(422, "line 1, variables", &fault)
    });
    let of_value = [json!([]), json!({}), json!(null)].map(|value| {
        let variables = json!({ "name": value });
        let fault = format!("a variable is {value}");
        ndjson(with("variables", &variables)).gets(422, "line 1, variables.name", &fault)
    });
    let lines = [
        ("\n\n", "body", "blank lines"),
        ("", "body", "an empty file"),
        ("{\"id\":\"t1\"}\n{\"id\":\"t2\",\"pho", "body", "a line that is cut off"),
        ("[]\n", "line 1", "a list"),
        ("7\n", "line 1", "a number"),
        ("{\"id\":\"t1\"\n", "line 1", "an object over two lines"),
        ("{\"id\":\"t1\",}\n", "line 1", "a comma too many"),
        ("{\"phone\":\"010-1234-5678\"}\n", "line 1, id", "no id"),
        ("{\"id\":null}\n", "line 1, id", "an id that is null"),
        ("{\"id\":\"\"}\n", "line 1, id", "an empty id"),
        ("{\"id\":\"a\",\"id\":\"b\"}\n", "line 1, id", "two ids"),
        ("{\"id\":\"a\",\"extra\":1}\n", "line 1, extra", "an unknown field"),
        ("{\"id\":\"a\",\"phone\":\"010\"}\n", "line 1, phone", "a short phone number"),
        ("{\"id\":\"a\",\"timezone\":\"KST\"}\n", "line 1, timezone", "no zone"),
        (
            "{\"id\":\"a\",\"variables\":{\"n\":\"1\",\"n\":\"2\"}}\n",
            "line 1, variables.n",
            "a variable twice",
        ),
    ];
    let lines = lines.map(|(file, field, fault)| ndjson(file).gets(422, field, fault));
    of_member.chain(of_variables).chain(of_value).chain(lines).collect()
}

fn parameters() -> Vec<Case> {
    [
        ("upload=A%20b", 422, "upload"),
        ("upload=", 422, "upload"),
        ("upload=u&first_line=0", 422, "first_line"),
        ("upload=u&first_line=1000000000000", 422, "first_line"),
        ("upload=u&first_line=-1", 400, "first_line"),
        ("upload=u&first_line=x", 400, "first_line"),
        ("upload=u&first_line=1.5", 400, "first_line"),
        ("upload=u&first_line=", 400, "first_line"),
        ("upload=u&complete=perhaps", 400, "complete"),
        ("upload=u&complete=TRUE", 400, "complete"),
        ("upload=u&complete", 400, "complete"),
        ("complete=false", 400, "upload"),
        ("first_line=7", 400, "upload"),
        ("uplod=u", 400, "uplod"),
        ("upload=u&upload=v", 400, "upload"),
        ("upload=u&first_line=1&first_line=1", 400, "first_line"),
    ]
    .map(|(query, status, field)| csv(CSV).query(query).gets(status, field, "its query"))
    .to_vec()
}

fn requests() -> Vec<Case> {
    let to = |audience: &str| {
        let path = format!("/v1/audiences/{audience}/members");
        Case::of(Function::Console, "POST", &path).header("content-type", "text/csv").body(CSV)
    };
    let many_lines = format!("id\n{}", "t\n".repeat(20_000));
    let large = vec![b'x'; UPLOAD_BYTES_MAX + 1];
    vec![
        to("nobody").gets(404, "name", "no such audience"),
        to("A%20b").gets(404, "name", "no name"),
        to("files").gets(422, "source.kind", "an audience in S3"),
        csv(large).gets(413, "body", "a large file"),
        csv(many_lines).gets(413, "body", "many lines"),
        upload("application/json", CSV).gets(415, "Content-Type", "another format"),
        upload("text/plain", CSV).gets(415, "Content-Type", "plain text"),
        upload("", CSV).gets(415, "Content-Type", "an empty format"),
        upload("text/csv; charset=euc-kr", CSV).gets(415, "Content-Type", "another charset"),
        csv(CSV).header("content-type", "text/csv").gets(415, "Content-Type", "two formats"),
        csv(CSV).header("content-encoding", "gzip").gets(415, "Content-Encoding", "compressed"),
        csv(CSV).without_header("content-type").gets(415, "Content-Type", "no format"),
    ]
}
