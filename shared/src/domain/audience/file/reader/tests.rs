use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::AudienceFormat::{Csv, Ndjson};
use super::*;
use crate::domain::audience::file::fault::{BadLine, NOT_UTF8};
use crate::domain::audience::file::format::{ID_BYTES_MAX, RECORD_BYTES_MAX};
use crate::domain::audience::file::member::Member;

type Read = (Vec<Record>, Option<UnreadableFile>);

const MISQUOTED: &str =
    "has a misplaced quote; enclose the whole value in quotes, and double each quote inside";

const OPEN_QUOTE: &str = "has a quote that never closes: the file ends inside it";

/// Takes the records that are complete. Returns true once the file is unreadable.
fn take(reader: &mut MemberReader, read: &mut Read) -> bool {
    loop {
        match reader.next_record() {
            Ok(Some(record)) => read.0.push(record),
            Ok(None) => return false,
            Err(unreadable) => {
                read.1 = Some(unreadable);
                return true;
            }
        }
    }
}

fn read_chunks<'a>(mut reader: MemberReader, chunks: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut read = (Vec::new(), None);
    for chunk in chunks {
        reader.push(chunk);
        if take(&mut reader, &mut read) {
            return read;
        }
    }
    reader.finish();
    take(&mut reader, &mut read);
    read
}

fn read(format: AudienceFormat, bytes: &[u8]) -> Read {
    read_chunks(MemberReader::new(format), [bytes])
}

fn member(
    id: &str,
    phone: Option<&str>,
    timezone: Option<&str>,
    variables: &[(&str, &str)],
) -> Member {
    Member {
        id: id.to_owned(),
        phone: phone.map(str::to_owned),
        timezone: timezone.map(str::to_owned),
        variables: variables.iter().map(|&(name, text)| (name.into(), text.into())).collect(),
    }
}

fn ids(format: AudienceFormat, bytes: &[u8]) -> Vec<(u64, String)> {
    let (records, unreadable) = read(format, bytes);
    assert_eq!(unreadable, None);
    records
        .into_iter()
        .map(|record| (record.line, record.member.map_or_else(|bad| bad.fault, |member| member.id)))
        .collect()
}

/// The only bad record of a file: its line, its field and its fault.
fn bad(format: AudienceFormat, bytes: &[u8]) -> (u64, Option<String>, String) {
    let (records, unreadable) = read(format, bytes);
    assert_eq!(unreadable, None);
    let mut bad = records.into_iter().filter_map(|record| record.member.err());
    let only = bad.next().expect("a bad record");
    assert_eq!(bad.next(), None);
    (only.line, only.field, only.fault)
}

fn assert_bad(format: AudienceFormat, file: &[u8], line: u64, field: Option<&str>, fault: &str) {
    let shown = String::from_utf8_lossy(&file[..file.len().min(200)]).into_owned();
    assert_eq!(bad(format, file), (line, field.map(str::to_owned), fault.to_owned()), "{shown}");
}

#[test]
fn id_phone_and_timezone_describe_the_member_and_other_columns_are_variables() {
    let file = "phone, 이름 ,id,timezone,note\n010-1234-5678,김하나,u1,Asia/Seoul,\n,\"둘, \"\"이\"\"\r\n\",u2,,x\n";
    let (records, unreadable) = read(Csv, file.as_bytes());
    assert_eq!(unreadable, None);
    assert_eq!(
        records,
        [
            Record {
                line: 2,
                member: Ok(member(
                    "u1",
                    Some("010-1234-5678"),
                    Some("Asia/Seoul"),
                    &[("이름", "김하나"), ("note", "")]
                ))
            },
            Record {
                line: 3,
                member: Ok(member("u2", None, None, &[("이름", "둘, \"이\"\r\n"), ("note", "x")]))
            },
        ]
    );
}

#[test]
fn only_the_id_of_an_object_is_required() {
    let file = concat!(
        r#"{"variables":{"a":"가\n","b":1.10,"c":-123456789012345678901234567890,"d":true,"e":""},"timezone":"Asia/Seoul","phone":"010","id":"u1"}"#,
        "\r\n",
        r#" {"id":"u2","phone":null,"timezone":""} "#,
        "\n",
        r#"{"id":"u3","variables":{}}"#,
    );
    let (records, unreadable) = read(Ndjson, file.as_bytes());
    assert_eq!(unreadable, None);
    let members: Vec<_> = records.into_iter().map(|record| record.member.unwrap()).collect();
    assert_eq!(
        members,
        [
            member(
                "u1",
                Some("010"),
                Some("Asia/Seoul"),
                &[
                    ("a", "가\n"),
                    ("b", "1.10"),
                    ("c", "-123456789012345678901234567890"),
                    ("d", "true"),
                    ("e", "")
                ]
            ),
            member("u2", None, None, &[]),
            member("u3", None, None, &[]),
        ]
    );
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let numbered = |ids: &[(u64, &str)]| -> Vec<(u64, String)> {
        ids.iter().map(|&(line, id)| (line, id.to_owned())).collect()
    };
    for (format, file, expected) in [
        (Csv, "id\na\nb", [(2, "a"), (3, "b")]),
        (Csv, "id\r\na\r\nb\r\n", [(2, "a"), (3, "b")]),
        (Csv, "id\ra\rb\r", [(2, "a"), (3, "b")]),
        (Csv, "\u{feff}id\n\n\r\n\ra\n\n\n\nb\n\n", [(5, "a"), (9, "b")]),
        (Csv, "\n\nid,v\na,\"1\n2\r\n3\"\nb,\n", [(4, "a"), (7, "b")]),
        (Csv, "\"id\",\"v\n w\"\na,\nb,", [(3, "a"), (4, "b")]),
        (Ndjson, "{\"id\":\"a\"}\n{\"id\":\"b\"}", [(1, "a"), (2, "b")]),
        (Ndjson, "\u{feff}\n {\"id\":\"a\"}\r\n \t\r\n\n{\"id\":\"b\"}\n", [(2, "a"), (5, "b")]),
    ] {
        assert_eq!(ids(format, file.as_bytes()), numbered(&expected), "{file:?}");
    }
}

#[test]
fn an_unreadable_file_gives_its_reason() {
    use UnreadableFile::*;
    let long_header = format!("id,{}\na,b\n", "x".repeat(RECORD_BYTES_MAX));
    let long_name = "x".repeat(100);
    for (format, file, expected) in [
        (Csv, &b""[..], Empty),
        (Csv, b"\xef\xbb\xbf\r\n\n", Empty),
        (Csv, b"\xef\xbb", HeaderNotUtf8),
        (Csv, b"id,\xc0\xcc\xb8\xa7\na,b\n", HeaderNotUtf8),
        (Csv, b"\xff\xfei\0d\0\n\0", HeaderNotUtf8),
        (Csv, long_header.as_bytes(), HeaderTooLong),
        (Csv, b"id,\"na\"me\na,b\n", HeaderMisquoted),
        (Csv, b"id,\"name\na,b\n", HeaderMisquoted),
        (Csv, b"id,,x\na,b,c\n", UnnamedColumn { position: 2 }),
        (Csv, b"id,x, \na,b,c\n", UnnamedColumn { position: 3 }),
        (Csv, b"\"\"\na\n", UnnamedColumn { position: 1 }),
        (Csv, b"id,x,y,\" x\"\na,b,c\n", DuplicateColumn { name: "x".into() }),
        (Csv, b"id,id\na,b\n", DuplicateColumn { name: "id".into() }),
        (
            Csv,
            format!("{long_name},{long_name}").leak().as_bytes(),
            DuplicateColumn { name: format!("{}…", "x".repeat(64)) },
        ),
        (Csv, b"ID,phone\na,b\n", NoIdColumn),
        (Csv, b"id;phone\na;b\n", NoIdColumn),
        (Ndjson, b"", Empty),
        (Ndjson, b"\xef\xbb\xbf \r\n\n", Empty),
    ] {
        let shown = String::from_utf8_lossy(&file[..file.len().min(100)]).into_owned();
        assert_eq!(read(format, file), (vec![], Some(expected)), "{shown}");
    }
}

#[test]
fn an_unreadable_file_stays_unreadable() {
    let mut reader = MemberReader::new(Csv);
    reader.push(b"phone\n010\n");
    assert_eq!(reader.next_record(), Err(UnreadableFile::NoIdColumn));
    reader.push(b"id\n1\n");
    assert_eq!(reader.next_record(), Err(UnreadableFile::NoIdColumn));
}

#[test]
fn a_header_line_alone_is_a_file_without_members() {
    for file in ["id,phone", "id,phone\r\n\r\n"] {
        assert_eq!(read(Csv, file.as_bytes()), (vec![], None), "{file:?}");
    }
}

#[test]
fn faults_of_csv_records_are_explained() {
    let count = |count| format!("has a field count of {count}; must be 3, as in the header line");
    let id_max = "i".repeat(ID_BYTES_MAX);
    for (rows, line, field, fault) in [
        (&b"a,b\nc,,\n"[..], 2, None, &*count(2)),
        (b"c,,\na,,,\n", 3, None, &*count(4)),
        (b"c,,\na", 3, None, &*(count(1) + " (the file ends here: is it complete?)")),
        (b"c,,\na,,,", 3, None, &*count(4)),
        (b",010,x\n", 2, Some("id"), "is empty; must have 1 to 128 bytes"),
        (b" \t,010,x\n", 2, Some("id"), "is empty; must have 1 to 128 bytes"),
        (
            format!("{id_max},,\n{id_max}i,,").leak().as_bytes(),
            3,
            Some("id"),
            "has 129 bytes; must have 1 to 128",
        ),
        (b"a,,\xb1\xe8\n", 2, Some("name"), NOT_UTF8),
        (b"a,,\xea\xb9", 2, Some("name"), NOT_UTF8),
        (b"\xff,,\n", 2, Some("id"), NOT_UTF8),
        (b"c,,\na,,\"x\nc,,\n", 3, None, OPEN_QUOTE),
        (b"c,,\na,,\"", 3, None, OPEN_QUOTE),
        (b"a,,5\" disk\n", 2, Some("name"), MISQUOTED),
        (b"a, \"1\",\n", 2, Some("phone"), MISQUOTED),
        (b"a,,\"x\"y\n", 2, Some("name"), MISQUOTED),
        (b"a,,\"x\" \n", 2, Some("name"), MISQUOTED),
        (b"a,\"x\n,1\nb,\"y\",2\n", 2, Some("phone"), MISQUOTED),
        (b"a,,,\"x\"y\n", 2, None, MISQUOTED),
    ] {
        assert_bad(Csv, &[b"id,phone,name\n", rows].concat(), line, field, fault);
    }
}

#[test]
fn a_quote_left_open_does_not_mix_two_members() {
    // Read leniently, the first record has three fields and the second member's number.
    let file = "id,name,phone\na,\"Kim,\nb,\"Lee\",010-2\nc,,\n";
    assert_bad(Csv, file.as_bytes(), 2, Some("name"), MISQUOTED);
    assert_eq!(ids(Csv, file.as_bytes())[1], (4, "c".to_owned()));
}

#[test]
fn faults_of_ndjson_records_are_explained() {
    const CUT_OFF: &str = "is an incomplete JSON object: the file ends inside it";
    const EARLY: &str =
        "is an incomplete JSON object: the line ends inside it; must be on one line";
    const VALUE: &str = "must be a string, a number, true or false";
    const UNKNOWN: &str = "is unknown; must be one of id, phone, timezone and variables";
    const TWICE: &str = "is given twice; must be given once";
    let long = format!("{}…", "n".repeat(64));
    let long_line = format!("{{\"id\":\"a\",\"{}\":1}}\n", "n".repeat(65));
    let id_line = format!("{{\"id\":\"{}\"}}\n", "i".repeat(ID_BYTES_MAX + 1));
    for (line, field, fault) in [
        (&b"{\"id\":\"a\",\n"[..], None, EARLY),
        (b"{\"id\":\"a\",", None, CUT_OFF),
        (b"{\"id\":\"a\"", None, CUT_OFF),
        (b"{\"id\":\"\xea\xb9", None, CUT_OFF),
        (b"{\"id\":\"a\"}]", None, CUT_OFF),
        (
            b"{\"id\":\"a\"}]\n",
            None,
            "has a JSON syntax error at character 11; must be a JSON object",
        ),
        (
            "{\"id\":\"김\"]\n".as_bytes(),
            None,
            "has a JSON syntax error at character 10; must be a JSON object",
        ),
        (b"[\"a\"]\n", None, "must be a JSON object"),
        (b"\"010-1234-5678\"\n", None, "must be a JSON object"),
        (b"{\"id\":\"\xb1\xe8\"}\n", None, NOT_UTF8),
        (b"{}\n", Some("id"), "is missing"),
        (b"{\"id\":7}\n", Some("id"), "must be a string"),
        (b"{\"id\":null}\n", Some("id"), "must be a string"),
        (b"{\"id\":\" \"}\n", Some("id"), "is empty; must have 1 to 128 bytes"),
        (id_line.as_bytes(), Some("id"), "has 129 bytes; must have 1 to 128"),
        (b"{\"id\":\"a\",\"phone\":1012345678}\n", Some("phone"), "must be a string or null"),
        (b"{\"id\":\"a\",\"phone\":\"\\ud800\"}\n", Some("phone"), "must be a string or null"),
        (b"{\"id\":\"a\",\"timezone\":[]}\n", Some("timezone"), "must be a string or null"),
        (b"{\"id\":\"a\",\"variables\":null}\n", Some("variables"), "must be an object"),
        (b"{\"id\":\"a\",\"variables\":{\"x\":null}}\n", Some("variables.x"), VALUE),
        (b"{\"id\":\"a\",\"variables\":{\"x\":[1]}}\n", Some("variables.x"), VALUE),
        (b"{\"id\":\"a\",\"variables\":{\"x\":{}}}\n", Some("variables.x"), VALUE),
        (b"{\"id\":\"a\",\"variables\":{\"x\":1,\"x\":2}}\n", Some("variables.x"), TWICE),
        (b"{\"id\":\"a\",\"id\":\"b\"}\n", Some("id"), TWICE),
        (b"{\"id\":\"a\",\"phone\":null,\"phone\":null}", Some("phone"), TWICE),
        (b"{\"id\":\"a\",\"name\":\"x\"}", Some("name"), UNKNOWN),
        (b"{\"id\":\"a\",\"n\\n\":\"x\"}", Some("n\u{fffd}"), UNKNOWN),
        (long_line.as_bytes(), Some(&*long), UNKNOWN),
    ] {
        assert_bad(Ndjson, &[b"{\"id\":\"z\"}\n", line].concat(), 2, field, fault);
    }
}

#[test]
fn records_up_to_the_limit_are_read_and_longer_ones_skipped() {
    for excess_bytes in [0, 1, 2, 3, RECORD_BYTES_MAX, 5 * RECORD_BYTES_MAX + 7] {
        let long_text =
            |around_bytes: usize| "x".repeat(RECORD_BYTES_MAX + excess_bytes - around_bytes);
        for (format, start, record) in [
            (Csv, "id,v\n", format!("a,{}", long_text(2))),
            (Csv, "id,v\n", format!("a,\"\n{}\"", long_text(5))),
            (Csv, "id,v\n", format!("a,\"{}\"", "\"\"".repeat(long_text(4).len() / 2))),
            (
                Ndjson,
                "\n",
                format!("{{\"id\":\"a\",\"variables\":{{\"v\":\"{}\"}}}}", long_text(31)),
            ),
        ] {
            for line_break in ["\n", "\r\n", ""] {
                let after = match (format, line_break) {
                    (_, "") => "",
                    (Csv, _) => "b,",
                    (Ndjson, _) => "{\"id\":\"b\"}",
                };
                let file = [start, &record, line_break, after].concat();
                let (records, _) = read(format, file.as_bytes());
                let first = &records[0];
                assert_eq!(first.line, 2);
                if record.len() <= RECORD_BYTES_MAX {
                    assert_eq!(first.member.as_ref().map(|member| &*member.id), Ok("a"));
                } else {
                    let bad = first.member.as_ref().expect_err("too long");
                    assert_eq!(bad.fault, "is too long; must have at most 16384 bytes");
                }
                let second = records.get(1).map(|record| record.member.clone().unwrap().id);
                assert_eq!(second.as_deref(), (!after.is_empty()).then_some("b"));
                let bytes = file.as_bytes();
                for chunk_bytes in [1, RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1] {
                    let chunks = bytes.chunks(chunk_bytes);
                    assert_eq!(read_chunks(MemberReader::new(format), chunks).0, records);
                }
            }
        }
    }
}

#[test]
fn an_endless_record_is_not_kept_in_memory() {
    for (format, start) in [(Csv, &b"id\n\""[..]), (Csv, b"id\n"), (Ndjson, b"")] {
        let mut reader = MemberReader::new(format);
        reader.push(start);
        for _ in 0..1_000 {
            reader.push(&[b','; 1_000]);
            assert_eq!(reader.next_record(), Ok(None));
            assert!(reader.source.unread().len() <= RECORD_BYTES_MAX + 1);
        }
        reader.finish();
        assert!(reader.next_record().unwrap().unwrap().member.is_err());
        assert_eq!(reader.next_record(), Ok(None));
    }
}

#[test]
fn printing_shows_neither_numbers_nor_variables() {
    let mut reader = MemberReader::new(Csv);
    reader.push("id,phone,name\nu1,01012345678,김하나\nu2,".as_bytes());
    let record = reader.next_record().unwrap();
    for printed in [format!("{record:?}"), format!("{reader:?}")] {
        assert!(!printed.contains("0101") && !printed.contains("김하나"), "{printed}");
    }
}

#[test]
fn faults_quote_no_values() {
    let secret = "01012345678";
    for file in [
        format!(
            "id,phone\nu1,{secret},\n,{secret}\nu1,{secret}\"\nu1,\"{secret}\"x\n\"\",\"{secret}"
        ),
        format!("id,phone\nu1,\"{secret}"),
    ] {
        let (records, _) = read(Csv, file.as_bytes());
        assert!(records.iter().all(|record| record.member.is_err()));
        assert!(!format!("{records:?}").contains(secret), "{records:?}");
    }
    let objects = [
        format!("\"{secret}\""),
        secret.to_owned(),
        format!("{{\"id\":{secret}}}"),
        format!("{{\"id\":\"u\",\"phone\":{secret}}}"),
        format!("{{\"id\":\"u\",\"variables\":\"{secret}\"}}"),
        format!("{{\"id\":\"u\",\"variables\":{{\"x\":[\"{secret}\"]}}}}"),
        format!("{{\"id\":\"u\",\"phone\":\"{secret}"),
    ];
    let (records, _) = read(Ndjson, objects.join("\n").as_bytes());
    assert_eq!(records.len(), objects.len());
    assert!(records.iter().all(|record| record.member.is_err()));
    assert!(!format!("{records:?}").contains(secret), "{records:?}");
}

#[test]
fn a_bad_line_is_printed_on_one_line() {
    let bad = BadLine { line: 7, field: Some("id".into()), fault: "is empty".into() };
    assert_eq!(bad.to_string(), "line 7, id: is empty");
    assert_eq!(BadLine { field: None, ..bad }.to_string(), "line 7: is empty");
}

#[test]
fn a_resume_point_survives_json() {
    let mut reader = MemberReader::new(Csv);
    assert_eq!(reader.resume_point(), ResumePoint { offset: 0, line: 1, header: vec![] });
    reader.push(b"\xef\xbb\xbfid,v\r\na,b\r\nc,d");
    reader.next_record().unwrap();
    let point = reader.resume_point();
    assert_eq!(point, ResumePoint { offset: 14, line: 3, header: vec!["id".into(), "v".into()] });
    let json = serde_json::to_string(&point).unwrap();
    assert_eq!(json, r#"{"offset":14,"line":3,"header":["id","v"]}"#);
    assert_eq!(serde_json::from_str::<ResumePoint>(&json).unwrap(), point);
    assert_eq!(serde_json::to_string(&Ndjson).unwrap(), "\"ndjson\"");
}

#[test]
fn a_resume_point_never_splits_a_line_break() {
    let mut reader = MemberReader::new(Csv);
    reader.push(b"id\r\na\r");
    assert_eq!(reader.next_record(), Ok(None));
    reader.push(b"\nb");
    assert!(reader.next_record().unwrap().is_some());
    assert_eq!(reader.resume_point().offset, 7);
}

#[test]
fn a_resume_point_without_its_header_is_refused() {
    let point = ResumePoint { offset: 9, line: 2, header: vec![] };
    assert_eq!(MemberReader::resume(Csv, point.clone()).err(), Some(UnreadableFile::NoIdColumn));
    assert!(MemberReader::resume(Ndjson, point).is_ok());
}

#[test]
fn reading_can_resume_at_the_start() {
    for (format, file) in [(Csv, "\u{feff}id\na\n"), (Ndjson, "\u{feff}{\"id\":\"a\"}")] {
        let point = MemberReader::new(format).resume_point();
        let reader = MemberReader::resume(format, point).unwrap();
        assert_eq!(read_chunks(reader, [file.as_bytes()]), read(format, file.as_bytes()));
    }
}

#[test]
fn a_rest_without_members_is_not_an_empty_file() {
    for (format, file) in [(Csv, "id\na\n\n"), (Ndjson, "{\"id\":\"a\"}\n \n")] {
        let mut reader = MemberReader::new(format);
        reader.push(file.as_bytes());
        reader.next_record().unwrap();
        let rest = MemberReader::resume(format, reader.resume_point()).unwrap();
        assert_eq!(read_chunks(rest, [&b"\n"[..]]), (vec![], None));
    }
}

#[test]
fn a_byte_order_mark_in_the_middle_of_a_file_is_text() {
    let point = ResumePoint { offset: 3, line: 2, header: vec!["id".into()] };
    let reader = MemberReader::resume(Csv, point).unwrap();
    let (records, _) = read_chunks(reader, ["\u{feff}a\n".as_bytes()]);
    assert_eq!(records[0].member.as_ref().unwrap().id, "\u{feff}a");
}

#[test]
fn twenty_megabytes_in_one_chunk_are_read_in_linear_time() {
    let rows = 400_000;
    let csv = format!(
        "id,phone,name\n{}",
        "u1,010-1234-5678,\"김하나, \"\"x\"\" aaaaaaa\"\n".repeat(rows)
    );
    let ndjson = "{\"id\":\"u1\",\"variables\":{\"name\":\"aaaaaaaaaaaaaaaa\"}}\n".repeat(rows);
    for (format, file) in [(Csv, csv), (Ndjson, ndjson)] {
        let mut reader = MemberReader::new(format);
        reader.push(file.as_bytes());
        let mut members = 0;
        while let Some(record) = reader.next_record().unwrap() {
            members += usize::from(record.member.is_ok());
            // The worst case: a tiny chunk after each record.
            reader.push(b"\n");
        }
        assert_eq!(members, rows);
    }
    for format in [Csv, Ndjson] {
        let file = [&b"id\n\""[..], &vec![b'x'; 20_000_000]].concat();
        assert!(read(format, &file).0.last().unwrap().member.is_err());
    }
}

/// Files made of pieces with a meaning in either format, some of them long.
fn any_file() -> impl Strategy<Value = (AudienceFormat, Vec<u8>)> {
    const PIECES: [&[u8]; 30] = [
        b",",
        b",",
        b"\"",
        b"\"\"",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"a",
        b"id",
        b"u1,010,x\n",
        b"u2,,\"y,\r\n\"\r\n",
        "김".as_bytes(),
        b"\xff",
        b"\xea\xb9",
        b"\xef\xbb\xbf",
        b" ",
        b"{",
        b"}",
        b":",
        b"null",
        b"{\"id\":\"u1\"}\n",
        b"\"id\":\"u2\"",
        b"\"variables\":{",
        b"\"a\":1.0",
        b"{\"id\":\"u3\",\"variables\":{\"x\":\"y\"}}\r\n",
        b"\\",
        b"\\u00",
        &[b'x'; RECORD_BYTES_MAX / 2],
        &[b'"'; RECORD_BYTES_MAX],
    ];
    let start = prop_oneof![
        3 => Just(&b"id,phone,name\r\n"[..]),
        1 => Just(&b"\xef\xbb\xbfid,phone,\"na\nme\"\n"[..]),
        1 => Just(&b"\xef\xbb\xbf"[..]),
        1 => Just(&b""[..]),
    ];
    let format = prop_oneof![2 => Just(Csv), 1 => Just(Ndjson)];
    (format, start, vec(proptest::sample::select(&PIECES[..]), 0..40))
        .prop_map(|(format, start, pieces)| (format, [start, &pieces.concat()].concat()))
}

fn chunks<'a>(file: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = file;
    sizes.iter().cycle().map_while(move |&size| {
        let (chunk, after) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    })
}

fn any_chunk_sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![4 => 1_usize..8, 1 => 1_usize..20_000], 1..12)
}

fn any_members() -> impl Strategy<Value = Vec<Member>> {
    let text = || "[a가힣 ,\"\\\\\r\n{}#\u{feff}'é😀]{0,12}";
    let filled = || proptest::option::of("[0-9a-z,\"\n가 /+-]{0,8}[0-9가]");
    let one = ("[a-z가\",\n]{0,9}[a-z가]", filled(), filled(), text(), text()).prop_map(
        |(id, phone, timezone, first, second)| {
            member(
                &id,
                phone.as_deref(),
                timezone.as_deref(),
                &[("이름", &first), ("a \"b\",\nc", &second)],
            )
        },
    );
    vec(one, 0..12)
}

fn as_csv(members: &[Member], line_break: &str, is_quoted_always: bool) -> String {
    let cell = |text: &str| {
        if is_quoted_always || text.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut file = format!("이름,id,\"a \"\"b\"\",\nc\",timezone,phone{line_break}");
    for member in members {
        let cells = [
            member.variables["이름"].as_str(),
            &member.id,
            member.variables["a \"b\",\nc"].as_str(),
            member.timezone.as_deref().unwrap_or_default(),
            member.phone.as_deref().unwrap_or_default(),
        ];
        file += &cells.map(cell).join(",");
        file += line_break;
    }
    file
}

fn as_ndjson(members: &[Member]) -> String {
    let object = |member: &Member| {
        let Member { id, phone, timezone, variables } = member;
        serde_json::json!({ "id": id, "phone": phone, "timezone": timezone, "variables": variables })
            .to_string()
    };
    members.iter().map(object).collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn chunk_sizes_make_no_difference((format, file) in any_file(), sizes in any_chunk_sizes()) {
        let chunked = read_chunks(MemberReader::new(format), chunks(&file, &sizes));
        prop_assert_eq!(chunked, read(format, &file));
    }

    #[test]
    fn reading_can_resume_after_any_record(
        (format, file) in any_file(),
        sizes in any_chunk_sizes(),
    ) {
        let (all, unreadable) = read(format, &file);
        if unreadable.is_some() {
            return Ok(());
        }
        let mut reader = MemberReader::new(format);
        let mut chunks = chunks(&file, &sizes);
        let mut taken = 0;
        let mut is_finished = false;
        loop {
            while reader.next_record().unwrap().is_some() {
                taken += 1;
                let point = reader.resume_point();
                let rest = &file[usize::try_from(point.offset).unwrap()..];
                let again = MemberReader::resume(format, point).unwrap();
                prop_assert_eq!(&read_chunks(again, [rest]).0, &all[taken..]);
            }
            if is_finished {
                break;
            }
            if let Some(chunk) = chunks.next() {
                reader.push(chunk);
            } else {
                reader.finish();
                is_finished = true;
            }
        }
        prop_assert_eq!(taken, all.len());
    }

    #[test]
    fn members_are_read_back_as_they_were_written(
        members in any_members(),
        sizes in any_chunk_sizes(),
        line_break in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        is_quoted_always: bool,
    ) {
        let csv = as_csv(&members, line_break, is_quoted_always);
        let ndjson = as_ndjson(&members);
        for (format, file) in [(Csv, csv), (Ndjson, ndjson)] {
            let file = file.as_bytes();
            let (records, unreadable) = read_chunks(MemberReader::new(format), chunks(file, &sizes));
            if !(members.is_empty() && format == Ndjson) {
                prop_assert_eq!(unreadable, None);
            }
            let read: Vec<_> = records.into_iter().map(|record| record.member.unwrap()).collect();
            prop_assert_eq!(&read, &members);
        }
    }

    #[test]
    fn reading_ends_for_any_bytes(
        is_csv: bool,
        start in prop_oneof![Just(&b"id,x\n"[..]), Just(&b"{\"id\":"[..]), Just(&b""[..])],
        bytes in vec(any::<u8>(), 0..400),
    ) {
        let format = if is_csv { Csv } else { Ndjson };
        let file = [start, &bytes].concat();
        let (records, _) = read(format, &file);
        prop_assert!(records.len() <= file.len());
        prop_assert!(records.is_sorted_by_key(|record| record.line));
    }

    #[test]
    fn lines_never_decrease_and_bad_lines_have_their_records_line((format, file) in any_file()) {
        let (records, _) = read(format, &file);
        prop_assert!(records.is_sorted_by_key(|record| record.line));
        for record in &records {
            if let Err(bad) = &record.member {
                prop_assert_eq!(bad.line, record.line);
            }
        }
    }

    #[test]
    fn variables_with_any_names_are_read_back(
        variables in btree_map(any::<String>(), any::<String>(), 0..6),
    ) {
        let written = Member { id: "a".into(), phone: None, timezone: None, variables };
        let (records, _) = read(Ndjson, as_ndjson(std::slice::from_ref(&written)).as_bytes());
        prop_assert_eq!(records[0].member.as_ref(), Ok(&written));
    }
}
