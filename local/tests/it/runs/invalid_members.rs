//! A run reports members that nothing can be sent to, by line and field, and continues.

use std::collections::{BTreeMap, BTreeSet};

use alimi::domain::audience::file::BadLine;
use alimi::domain::run::{Run, RunCounts, RunStatus};
use alimi::domain::{Category, Template};
use alimi::ports::Catalog;
use alimi_local::aws::embedded::DatabaseFault;
use serde_json::json;

use super::daily::{BUCKET, FILE, MARGIN_FOR_ONE_PAGE, daily_run, fire, key, settle, world};
use super::members::{csv, ids, recipients};

#[tokio::test(start_paused = true)]
async fn invalid_members_are_reported_without_personal_data_and_the_others_are_stored() {
    let world = world().await;
    let lines = [
        "id,phone,timezone,name,code",
        "m00001,01012345678,,김하나,a1",
        "no-number,,,김하나,a1",
        "bad-number,0101,,김하나,a1",
        "bad-zone,01012345678,Mars/Olympus,김하나,a1",
        ",01012345678,,김하나,a1",
        "short,01012345678",
        "m00001,01099999999,,김하나,a1",
        "m00002,01012345678,America/New_York,김하나,a1",
    ];
    world.stack.files.save(BUCKET, FILE, lines.join("\n"));
    assert_eq!(fire(&world).await, "ended");
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 8, stored: 2, invalid: 5, duplicate: 1 });
    let lines_and_fields: Vec<_> =
        run.faults.iter().map(|fault| (fault.line, fault.field.as_deref())).collect();
    assert_eq!(
        lines_and_fields,
        [
            (3, Some("phone")),
            (4, Some("phone")),
            (5, Some("timezone")),
            (6, Some("id")),
            (7, None),
            (8, Some("id")),
        ]
    );
    let text = serde_json::to_string(&run.faults).expect("JSON");
    for personal in ["0101", "0109", "김하나", "bad-number", "Mars"] {
        assert!(!text.contains(personal), "{text}");
    }
    let classes: BTreeMap<_, _> = world
        .notifications()
        .into_values()
        .map(|n| (n.recipient.id, n.window_class.to_string()))
        .collect();
    assert_eq!(classes["m00001"], "1000-1900@Asia/Seoul");
    assert_eq!(classes["m00002"], "1000-1900@America/New_York");
}

/// The members of a page are written concurrently, so that a write which has to be repeated ends
/// last.
#[tokio::test(start_paused = true)]
async fn of_two_lines_with_one_member_the_later_one_is_reported_whichever_write_is_slow() {
    let mut reported = BTreeSet::new();
    for requests in 0..25 {
        let mut world = world().await;
        world.stack.trigger.settings.page = 20;
        let twice = "m00003,01012345678,김하나,a1\nm00001,01012345678,김하나,a1\n";
        world.stack.files.save(BUCKET, FILE, csv(3) + twice);
        world.faults.pass(requests);
        world.faults.add(DatabaseFault::Refused);
        fire(&world).await;
        world.faults.clear();
        settle(&world).await;
        let run = daily_run(&world).await;
        let counts = RunCounts { members: 5, stored: 3, invalid: 0, duplicate: 2 };
        assert_eq!(run.counts, counts, "after {requests} requests");
        reported.insert(run.faults.iter().map(|fault| fault.line).collect::<Vec<_>>());
    }
    assert_eq!(reported, BTreeSet::from([vec![5, 6]]));
}

/// Both lines are in one page, or the page ends between them.
#[tokio::test(start_paused = true)]
async fn the_first_valid_line_of_a_member_counts_wherever_pages_end() {
    let bad = "m00001,call me,김하나,a1\n";
    let good = "m00001,01012345678,김하나,a1\n";
    let other = "m00002,01012345678,김하나,a1\n";
    for (lines, reported_lines, invalid, duplicate) in [
        ([bad, good, other], [2].as_slice(), 1, 0),
        ([good, bad, other], &[3], 1, 0),
        ([bad, other, good], &[2], 1, 0),
        ([good, good, other], &[3], 0, 1),
    ] {
        for page in [1, 2, 3] {
            let mut world = world().await;
            world.stack.trigger.settings.page = page;
            world.stack.files.save(BUCKET, FILE, csv(0) + &lines.concat());
            assert_eq!(fire(&world).await, "ended");
            let run = daily_run(&world).await;
            let counts = RunCounts { members: 3, stored: 2, invalid, duplicate };
            assert_eq!(run.counts, counts, "{lines:?}, pages of {page}");
            let reported: Vec<_> = run.faults.iter().map(|fault| fault.line).collect();
            assert_eq!(reported, reported_lines, "{lines:?}, pages of {page}");
            assert_eq!(recipients(&world), ids(2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_variable_is_reported_by_its_name() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, "id,phone,name\nm00001,01012345678,김하나\n");
    fire(&world).await;
    let expected = BadLine {
        line: 2,
        field: Some("variables.code".into()),
        fault: "is missing: the template needs the variable code".into(),
    };
    assert_eq!(daily_run(&world).await.faults, [expected]);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_faults_are_kept_and_all_are_counted() {
    let mut world = world().await;
    world.stack.trigger.settings.page = 40;
    let no_numbers = csv(300).replace("01012345678", "");
    world.stack.files.save(BUCKET, FILE, no_numbers);
    fire(&world).await;
    let run = daily_run(&world).await;
    assert_eq!(run.counts.invalid, 300);
    assert_eq!(run.faults.len(), Run::FAULTS_KEPT);
    assert!(run.faults.iter().map(|fault| fault.line).eq(2..102));
}

/// The truncated line is the last one of a page, or in the middle of a page.
#[tokio::test(start_paused = true)]
async fn a_truncated_last_line_is_reported_after_any_number_of_faults() {
    let no_numbers = csv(200).replace("01012345678", "");
    for end in ["m00201,010", "m00201,01012345678,\"김하나"] {
        for page in [40, 67] {
            let mut world = world().await;
            world.stack.trigger.settings.page = page;
            world.stack.trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
            world.stack.files.save(BUCKET, FILE, no_numbers.clone() + end);
            fire(&world).await;
            settle(&world).await;
            let run = daily_run(&world).await;
            assert_eq!(run.status, RunStatus::Finished);
            let counts = RunCounts { members: 201, stored: 0, invalid: 201, duplicate: 0 };
            assert_eq!(run.counts, counts);
            let lines = run.faults.iter().map(|fault| fault.line);
            assert!(lines.eq((2..102).chain([202])), "pages of {page}: {:?}", run.faults.last());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_notification_is_reported_and_the_others_are_stored() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    let unreadable = json!({
        "TableName": "NotificationsTable",
        "Item": { "id": { "S": key().notification_id("m00002").as_str() } },
    });
    let unreadable = serde_json::from_value(unreadable).expect("a request");
    world.database.put_item(unreadable).expect("stored");
    assert_eq!(fire(&world).await, "ended");
    let run = daily_run(&world).await;
    assert_eq!(run.status, RunStatus::Sending);
    assert_eq!(run.counts, RunCounts { members: 4, stored: 3, invalid: 1, duplicate: 0 });
    assert_eq!(run.faults[0].line, 3);
}

#[tokio::test(start_paused = true)]
async fn a_template_whose_windows_have_no_common_hours_is_reported() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    let template = world.store.template("photo-and-video").await.expect("read").expect("there");
    let window = alimi::domain::hours::Window::new("20:00", "21:00").expect("a window");
    let never =
        Template { category: Category::Advertising, window: Some(window), ..template.document };
    world.store.put_template(&never).await.expect("stored");
    fire(&world).await;
    let run = daily_run(&world).await;
    assert_eq!(run.counts, RunCounts { members: 2, stored: 0, invalid: 2, duplicate: 0 });
    assert_eq!(run.faults[0].field.as_deref(), Some("template"));
}
