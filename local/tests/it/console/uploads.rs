//! An upload stores every valid line, names every invalid one, and takes effect whole.

use alimi::ports::Members;
use serde_json::json;

use super::operator::{create, detail, get, scheduled_world, status_and_field};
use super::teachers::{CSV, NDJSON, ids_and_lines, lines, upload};

#[tokio::test(start_paused = true)]
async fn members_are_uploaded_as_csv_or_ndjson_and_the_last_upload_is_in_force() {
    let world = scheduled_world().await;
    let csv = "id,phone,timezone,name\r\n\
               t2,010-1234-0002,,이\r\n\
               t1,01012340001,Asia/Tokyo,\"김, 하나\"\r\n";
    let answer = upload(&world, "", CSV, csv).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for (name, value) in [
        ("members", json!(2)),
        ("bad_lines", json!([])),
        ("bad_line_count", json!(0)),
        ("duplicate", json!(0)),
        ("committed", json!(true)),
        ("size", json!(2)),
        ("next_line", json!(4)),
    ] {
        assert_eq!(answer.body[name], value, "{name}");
    }
    assert_eq!(ids_and_lines(&world).await, [("t1".into(), 3), ("t2".into(), 2)]);
    let version = answer.body["version"].as_str().expect("a version");
    let stored = world.store.members("teachers", version, None, 1).await.expect("members");
    let first = &stored[0].member;
    assert_eq!(first.phone.as_deref(), Some("+821012340001"));
    assert_eq!(first.timezone.as_deref(), Some("Asia/Tokyo"));
    assert_eq!(first.variables["name"], "김, 하나");
    assert_eq!(stored.len(), 1, "the limit of the page");

    let ndjson =
        "{\"id\":\"t3\",\"phone\":\"010-1234-0003\",\"variables\":{\"name\":\"박\",\"n\":1}}\n";
    let answer = upload(&world, "", NDJSON, ndjson).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["size"], 1, "{}", answer.body);
    assert_eq!(ids_and_lines(&world).await, [("t3".into(), 1)]);
    let history = get(&world, "/v1/audiences/teachers/history").await.body;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(history["items"][1]["document"]["source"]["version"], version);
}

#[tokio::test(start_paused = true)]
async fn invalid_lines_are_reported_and_the_others_are_stored() {
    let world = scheduled_world().await;
    // A duplicate is found last, and reported in the order of its line.
    let csv = "id,phone,timezone\n\
               t1,01012340001,\n\
               t1,01012340006,\n\
               ,01012340002,\n\
               t3,call me,\n\
               t4,01012340004,Seoul\n\
               t5,01012340005\n\
               t7,01012340007,Asia/Seoul\n";
    let answer = upload(&world, "", CSV, csv).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["members"], 2);
    assert_eq!(answer.body["bad_line_count"], 5);
    assert_eq!(answer.body["duplicate"], 1);
    let bad = answer.body["bad_lines"].as_array().expect("bad lines");
    let lines_and_fields: Vec<_> =
        bad.iter().map(|line| (line["line"].as_u64(), line["field"].as_str())).collect();
    assert_eq!(
        lines_and_fields,
        [
            (Some(3), Some("id")),
            (Some(4), Some("id")),
            (Some(5), Some("phone")),
            (Some(6), Some("timezone")),
            (Some(7), None),
        ]
    );
    assert!(!answer.body.to_string().contains("call me"), "the answer quotes a member");
    assert_eq!(ids_and_lines(&world).await, [("t1".into(), 2), ("t7".into(), 8)]);

    let many = lines(500, |n| format!("t{n},x,\n"));
    let answer = upload(&world, "", CSV, &format!("id,phone,timezone\nok,,\n{many}")).await;
    assert_eq!(answer.body["bad_line_count"], 500);
    assert_eq!(answer.body["bad_lines"].as_array().map(Vec::len), Some(100));
}

#[tokio::test(start_paused = true)]
async fn repeating_an_upload_changes_nothing() {
    let world = scheduled_world().await;
    let csv = "id,phone\nt1,01012340001\nt2,01012340002\nt1,01012340003\n";
    let first = upload(&world, "", CSV, csv).await;
    let second = upload(&world, "", CSV, csv).await;
    assert_eq!(first.status, 200);
    assert_eq!(second.status, 200);
    assert_eq!(second.body, first.body);
    assert_eq!(second.etag, first.etag);
    assert_eq!(ids_and_lines(&world).await, [("t1".into(), 2), ("t2".into(), 3)]);
    // Two equal uploads at once succeed too.
    let csv = "id\na\nb\n";
    let both = [upload(&world, "", CSV, csv), upload(&world, "", CSV, csv)];
    for answer in futures::future::join_all(both).await {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["size"], 2, "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_truncated_or_unreadable_file_changes_nothing() {
    let world = scheduled_world().await;
    assert_eq!(upload(&world, "", CSV, "id,name\nt1,a\n").await.status, 200);
    let before = get(&world, "/v1/audiences/teachers").await;
    for (format, body) in [
        (CSV, "id,name\nt2,b\nt3,\"open"),
        (CSV, "id,name\nt2,b\nt3"),
        (NDJSON, "{\"id\":\"t2\"}\n{\"id\":\"t3\",\"pho"),
        (CSV, ""),
        (CSV, "name,phone\na,b\n"),
        (CSV, "id,id\na,b\n"),
        (NDJSON, "\n\n"),
    ] {
        for query in ["", "?upload=u&complete=true"] {
            let answer = upload(&world, query, format, body).await;
            assert_eq!(status_and_field(&answer), (422, "body"), "{body:?}: {}", answer.body);
        }
    }
    // A file of invalid lines only does not replace the audience.
    for body in ["\u{1}\u{2}\n}{\n", "[]\n[]\n"] {
        let answer = upload(&world, "", NDJSON, body).await;
        assert_eq!(status_and_field(&answer), (422, "body"), "{}", answer.body);
        assert_eq!(answer.body["type"], "/docs/errors.md#invalid-file");
        assert!(detail(&answer).starts_with("has no valid member: 2 of its lines are invalid"));
        let errors = answer.body["errors"].as_array().expect("the errors");
        let lines: Vec<_> = errors.iter().map(|error| error["field"].as_str()).collect();
        assert_eq!(lines, [Some("line 1"), Some("line 2")]);
    }
    let named = upload(&world, "", CSV, "id,phone\nt2,call me\n").await;
    assert_eq!(named.body["errors"][0]["field"], "line 2, phone", "{}", named.body);
    // A file without any member says so.
    for (format, body) in [(CSV, "id,phone\n"), (CSV, "id,phone")] {
        let answer = upload(&world, "", format, body).await;
        assert_eq!(status_and_field(&answer), (422, "body"), "{}", answer.body);
        assert!(detail(&answer).starts_with("has no line with a member"), "{}", answer.body);
    }
    for (format, status) in [(("content-type", "application/json"), 415), (("x", "y"), 415)] {
        assert_eq!(upload(&world, "", format, "id\nt2\n").await.status, status);
    }
    let huge = "x".repeat(alimi_console::UPLOAD_BYTES_MAX + 1);
    let refused = upload(&world, "", CSV, &huge).await;
    assert_eq!(status_and_field(&refused), (413, "body"));
    assert!(detail(&refused).contains("6291456 bytes"), "{}", refused.body);
    assert!(detail(&refused).contains("?upload=<name>&first_line="), "{}", refused.body);
    assert_eq!(get(&world, "/v1/audiences/teachers").await, before);
    assert_eq!(ids_and_lines(&world).await, [("t1".into(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn invalid_parameters_and_audiences_of_uploads_are_refused_with_the_field_at_fault() {
    let world = scheduled_world().await;
    let file = "id\nt1\n";
    for (query, status, field) in [
        ("?upload=A%20b", 422, "upload"),
        ("?upload=u&first_line=0", 422, "first_line"),
        ("?upload=u&first_line=x", 400, "first_line"),
        ("?upload=u&complete=perhaps", 400, "complete"),
        ("?complete=false", 400, "upload"),
        ("?first_line=7", 400, "upload"),
        ("?uplod=u", 400, "uplod"),
        ("?upload=u&upload=v", 400, "upload"),
    ] {
        let answer = upload(&world, query, CSV, file).await;
        assert_eq!(status_and_field(&answer), (status, field), "{query}: {}", answer.body);
    }
    let none = world.operate("POST", "/v1/audiences/nobody/members", &[CSV], file).await;
    assert_eq!(status_and_field(&none), (404, "name"));
    let s3 = json!({ "kind": "s3", "bucket": "files", "key": "k.csv", "format": "csv" });
    create(&world, "/v1/audiences/file", json!({ "source": s3 })).await;
    let file = world.operate("POST", "/v1/audiences/file/members", &[CSV], file).await;
    assert_eq!(status_and_field(&file), (422, "source.kind"));
}
