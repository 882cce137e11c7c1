use serde_json::json;

use super::*;

const NOW_MS: i64 = 1_772_413_200_137;

fn id(edge: Edge) -> DeadLetterId {
    let message_id = "2a34aa93-756a-44b9-80a3-d5c4b171613c".to_owned();
    DeadLetterId { edge, sent_at_ms: NOW_MS, message_id }
}

fn letter(edge: Edge) -> DeadLetter {
    DeadLetter {
        id: id(edge),
        revision: 1,
        state: DeadLetterState::Dead,
        cause: Cause::TriedTooOften,
        tries: Some(5),
        error: None,
        about: BTreeMap::new(),
        group: None,
        has_contents: true,
        recorded_at_ms: NOW_MS,
        redrive: None,
    }
}

fn order(at_ms: i64) -> Redrive {
    Redrive { by: "kim".into(), reason: "mended".into(), at_ms, token: "t".into() }
}

#[test]
fn an_id_is_read_back_and_lists_by_time() {
    for &edge in Edge::VARIANTS {
        let text = id(edge).to_string();
        assert_eq!(text.parse(), Ok(id(edge)), "{text}");
        assert!(text.starts_with(edge.as_str()), "{text}");
    }
    let early = DeadLetterId { sent_at_ms: 999, ..id(Edge::Runs) };
    assert!(early.place() < id(Edge::Runs).place(), "whatever the number of digits");
}

#[test]
fn a_text_that_is_no_id_is_refused() {
    for text in [
        "",
        "wakes",
        "wakes-1772413200137",
        "wakes-1772413200137-",
        "wakes-177241320013-a",
        "wakes-+772413200137-a",
        "faxes-1772413200137-a",
        "Wakes-1772413200137-a",
        "wakes-1772413200137-a#b",
        "wakes-1772413200137-a b",
    ] {
        assert_eq!(text.parse::<DeadLetterId>(), Err(NoDeadLetterId), "{text}");
    }
    let long = format!("wakes-1772413200137-{}", "a".repeat(MESSAGE_ID_CHARACTERS_MAX + 1));
    assert!(long.parse::<DeadLetterId>().is_err());
}

#[test]
fn a_dead_letter_is_sent_again_once() {
    let begun = letter(Edge::Runs).begin_redrive(order(NOW_MS)).expect("begun");
    assert_eq!((begun.state, begun.revision), (DeadLetterState::Redriving, 2));
    let at_work = begun.begin_redrive(order(NOW_MS + 1500));
    assert_eq!(at_work, Err(NotRedrivable::AtWork { ends_within_s: 59 }));
    let ended = begun.end_redrive();
    assert_eq!((ended.state, ended.revision), (DeadLetterState::Redriven, 3));
    assert!(!ended.has_contents, "the contents are needed no more");
    assert_eq!(ended.redrive, Some(order(NOW_MS)));
    let again = DeadLetter { has_contents: true, ..ended };
    let refused = again.may_be_redriven(NOW_MS + 1_000_000);
    assert_eq!(refused, Err(NotRedrivable::Redriven { by: "kim".into(), at_ms: NOW_MS }));
}

#[test]
fn what_a_dead_process_began_may_be_repeated_after_its_time() {
    let begun = letter(Edge::Runs).begin_redrive(order(NOW_MS)).expect("begun");
    let last = NOW_MS + REDRIVING_MS - 1;
    assert_eq!(begun.may_be_redriven(last), Err(NotRedrivable::AtWork { ends_within_s: 1 }));
    let again = begun.begin_redrive(order(last + 1)).expect("the first process is gone");
    assert_eq!((again.state, again.revision), (DeadLetterState::Redriving, 3));
}

#[test]
fn what_has_no_contents_is_not_sent_again() {
    let empty = DeadLetter { has_contents: false, ..letter(Edge::Wakes) };
    assert_eq!(empty.may_be_redriven(NOW_MS), Err(NotRedrivable::NoContents));
    let changes = letter(Edge::Changes).may_be_redriven(NOW_MS);
    let Err(NotRedrivable::Repaired { by }) = changes else { panic!("{changes:?}") };
    assert!(by.contains("the sweeper"), "{by}");
}

#[test]
fn a_wake_and_a_receipt_name_their_channel() {
    let wake = Found::wake(r#"{"channel":"sms-main"}"#, 5);
    assert_eq!((wake.edge, wake.cause, wake.tries), (Edge::Wakes, Cause::TriedTooOften, Some(5)));
    assert_eq!(wake.about["channel"], "sms-main");
    assert_eq!(wake.error, None);
    let verified = json!({ "kind": "verified", "channel": "main", "receipts": [] });
    assert_eq!(Found::receipt(&verified.to_string(), 200).about["channel"], "main");
    let caller = json!({ "channel": "main", "secret_sha256": "a" });
    let unverified = json!({ "kind": "unverified", "caller": caller });
    let found = Found::receipt(&unverified.to_string(), 200);
    assert_eq!((found.edge, found.about["channel"].as_str()), (Edge::Receipts, "main"));
}

/// Anybody may put anything into a queue, such as a phone number in the place of a name.
#[test]
fn a_message_that_cannot_be_read_says_so_and_shows_nothing_of_itself() {
    let none = BTreeMap::new();
    for body in ["", "no wake", "[]", "{}", "7", r#"{"channel":"+82 10 1234 5678","kind":1}"#] {
        for found in [Found::wake(body, 5), Found::receipt(body, 5), Found::run(body, &none, 5)] {
            assert_eq!(found.about, none, "{body}");
            assert!(found.error.is_some(), "{body}");
        }
    }
    let half = Found::run(r#"{"schedule":"daily"}"#, &none, 20);
    assert_eq!((half.edge, half.about), (Edge::Runs, none));
}

#[test]
fn a_run_and_a_firing_name_their_schedule_and_its_time() {
    let queued = json!({ "schedule": "daily", "scheduled_at": "2026-03-02T01:00:00Z" });
    let found = Found::run(&queued.to_string(), &BTreeMap::new(), 20);
    assert_eq!((found.edge, found.cause), (Edge::Runs, Cause::TriedTooOften));
    assert_eq!((found.tries, found.error), (Some(20), None));
    let expected = [("schedule", "daily"), ("scheduled_at", "2026-03-02T01:00:00Z")];
    let expected: BTreeMap<_, _> =
        expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(found.about, expected);

    let firing = json!({ "schedule": "daily", "scheduled_time": "2026-03-02T10:00:00+09:00" });
    let attributes = [
        ("ERROR_CODE", "AWS.Scheduler.InternalServerError"),
        ("ERROR_MESSAGE", "no answer"),
        ("RETRY_ATTEMPTS", "185"),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let found = Found::run(&firing.to_string(), &attributes, 1);
    assert_eq!((found.edge, found.cause), (Edge::Firings, Cause::NotDelivered));
    assert_eq!(found.tries, Some(186));
    assert_eq!(found.error.as_deref(), Some("AWS.Scheduler.InternalServerError: no answer"));
    assert_eq!(found.about, expected);

    let failed = json!({
        "version": "1.0", "timestamp": "2026-03-02T01:03:11.000Z",
        "requestContext": {
            "requestId": "r", "functionArn": "arn:aws:lambda:ap-northeast-2:1:function:trigger:$LATEST",
            "condition": "RetriesExhausted", "approximateInvokeCount": 3,
        },
        "requestPayload": firing,
        "responseContext": { "statusCode": 200, "functionError": "Unhandled" },
        "responsePayload": { "errorType": "PortError", "errorMessage": "the run queue: not reached" },
    });
    let found = Found::run(&failed.to_string(), &BTreeMap::new(), 1);
    assert_eq!((found.edge, found.cause), (Edge::Firings, Cause::InvocationFailed));
    assert_eq!(found.tries, Some(3));
    assert_eq!(found.error.as_deref(), Some("PortError: the run queue: not reached"));
    assert_eq!(found.about, expected);
}

#[test]
fn changes_that_were_given_up_name_their_place_in_the_stream() {
    let table = "arn:aws:dynamodb:ap-northeast-2:123456789012:table/alimi-CatalogTable-1A";
    let record = json!({
        "requestContext": {
            "functionArn": "arn:aws:lambda:ap-northeast-2:123456789012:function:alimi-Planner-1A",
            "condition": "RecordAgeExceeded", "approximateInvokeCount": 61,
        },
        "DDBStreamBatchInfo": {
            "shardId": "shardId-1", "startSequenceNumber": "100", "endSequenceNumber": "109",
            "batchSize": 10, "streamArn": format!("{table}/stream/2026-03-01T00:00:00.000"),
        },
    });
    let found = Found::changes(&record.to_string());
    assert_eq!((found.edge, found.cause), (Edge::Changes, Cause::ChangesGivenUp));
    assert_eq!((found.tries, found.error.as_deref()), (Some(61), Some("RecordAgeExceeded")));
    let about: Vec<_> =
        found.about.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let expected = [
        "changes: 10",
        "first: 100",
        "function: alimi-Planner-1A",
        "last: 109",
        "table: alimi-CatalogTable-1A",
    ];
    assert_eq!(about, expected);
    assert_eq!(Found::changes("nothing of Lambda").about, BTreeMap::new());
}

#[test]
fn a_long_error_is_cut() {
    let failed = json!({
        "requestContext": {}, "responsePayload": { "errorMessage": "가\n".repeat(1000) },
    });
    let error = Found::run(&failed.to_string(), &BTreeMap::new(), 1).error.expect("an error");
    assert_eq!(error.chars().count(), 300);
    assert!(!error.contains('\n'));
}
