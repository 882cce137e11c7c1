//! An upload in parts takes effect once, when no line is missing.

use alimi::ports::Uploads;
use alimi_local::testing::crash_point::CrashPoint;

use super::operator::{detail, scheduled_world, status_and_field};
use super::teachers::{CSV, ids_and_lines, lines, upload};

#[tokio::test(start_paused = true)]
async fn an_upload_in_parts_takes_effect_once_no_line_is_missing() {
    let world = scheduled_world().await;
    let header = "id,phone\n";
    let part = |names: &[&str]| {
        let people = lines(names.len(), |n| format!("{},01012340001\n", names[n]));
        format!("{header}{people}")
    };
    let (first, second, third) = (part(&["a", "b"]), part(&["c", "a"]), part(&["d"]));
    let answer = upload(&world, "?upload=u1", CSV, &first).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["committed"], false);
    assert_eq!(answer.body["next_line"], 4);
    assert!(ids_and_lines(&world).await.is_empty());

    // The last part comes before the second one.
    let last = "?upload=u1&first_line=7&complete=true";
    let gap = upload(&world, last, CSV, &third).await;
    assert_eq!(status_and_field(&gap), (422, "first_line"));
    assert!(detail(&gap).contains("lines 4 to 6 are missing"), "{}", gap.body);
    assert!(ids_and_lines(&world).await.is_empty());

    let answer = upload(&world, "?upload=u1&first_line=4", CSV, &second).await;
    assert_eq!(answer.body["duplicate"], 1);
    assert_eq!(answer.body["next_line"], 7);
    assert_eq!(answer.body["bad_lines"][0]["line"], 6);
    for _ in 0..2 {
        let answer = upload(&world, last, CSV, &third).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["size"], 4, "{}", answer.body);
    }
    let all = [("a".into(), 2), ("b".into(), 3), ("c".into(), 5), ("d".into(), 8)];
    assert_eq!(ids_and_lines(&world).await, all);

    // The upload is complete: a part can neither be added nor changed.
    let more = upload(&world, "?upload=u1&first_line=9", CSV, &first).await;
    assert_eq!(status_and_field(&more), (422, "upload"));
    let other = upload(&world, "?upload=u1", CSV, &second).await;
    assert_eq!(status_and_field(&other), (422, "first_line"));
    assert_eq!(ids_and_lines(&world).await, all);
    // A part can be repeated, and the last part stays the last.
    assert_eq!(upload(&world, "?upload=u1", CSV, &first).await.status, 200);
    let again = upload(&world, "?upload=u1&first_line=7", CSV, &third).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.body["committed"], true, "{}", again.body);
    assert_eq!(ids_and_lines(&world).await, all);
}

/// An upload crashes after some lines of its file are stored. A file with other lines then needs
/// another upload name.
#[tokio::test(start_paused = true)]
async fn a_part_that_crashed_does_not_mix_with_another_part_in_its_place() {
    let query = "?upload=u&complete=true";
    let people = |of: &str| format!("id\n{}", lines(40, |n| format!("{of}{n:02}\n")));
    let mut refused = 0;
    for steps in 0.. {
        let world = scheduled_world().await;
        if CrashPoint::after(steps).run(upload(&world, query, CSV, &people("a"))).await.is_some() {
            break;
        }
        let other = upload(&world, query, CSV, &people("b")).await;
        if other.status == 200 {
            let mixed = ids_and_lines(&world).await.into_iter().find(|(id, _)| id.starts_with('a'));
            assert_eq!(mixed, None, "after {steps} steps");
        } else {
            assert_eq!(status_and_field(&other), (422, "first_line"), "after {steps} steps");
            refused += 1;
        }
    }
    assert!(refused > 3, "only {refused} uploads were refused");
}

#[tokio::test(start_paused = true)]
async fn a_request_with_too_many_lines_is_refused_and_its_lines_can_come_in_parts() {
    const LINES_MAX: usize = 20_000;
    let world = scheduled_world().await;
    let people = |from: usize, to: usize| {
        format!("id\n{}", lines(to - from, |n| format!("t{:05}\n", from + n)))
    };
    for query in ["", "?upload=u", "?upload=u&first_line=2&complete=true"] {
        let answer = upload(&world, query, CSV, &people(0, LINES_MAX)).await;
        assert_eq!(status_and_field(&answer), (413, "body"), "{query}");
        for word in ["has 20001 lines", "at most 20000", "upload=", "first_line=", "complete=true"]
        {
            assert!(detail(&answer).contains(word), "{word}: {}", answer.body);
        }
    }
    let noted = world.store.uploads(None, 10).await.expect("the notes");
    assert!(noted.is_empty(), "a part was stored: {noted:?}");

    // The same upload is accepted in many parts.
    let (mut next_line, lines_per_part, parts) = (1, 200, 12);
    for number in 0..parts {
        let is_last = number + 1 == parts;
        let query = format!("?upload=u&first_line={next_line}&complete={is_last}");
        let body = people(number * lines_per_part, (number + 1) * lines_per_part);
        let answer = upload(&world, &query, CSV, &body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["committed"], is_last);
        next_line = answer.body["next_line"].as_u64().expect("a line");
    }
    let all = ids_and_lines(&world).await;
    assert_eq!(all.len(), lines_per_part * parts);
    let expected = (0..lines_per_part * parts).map(|n| format!("t{n:05}"));
    assert!(all.into_iter().map(|(id, _)| id).eq(expected));
}
