//! Runs of schedules: delivered at least once, effective exactly once, whatever dies, comes twice,
//! comes late or changes meanwhile.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers fail the test that called them")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::{AudienceFormat, Member};
use alimi::domain::run::{MemberFault, Run, RunCounts, RunStatus};
use alimi::domain::schedule::OutsideWindow;
use alimi::domain::{Audience, Category, Priority, RunKey, Schedule, Status, Template};
use alimi::ports::scheduling::{
    Changed, Document, Documents, Expected, Kind, MemberSaved, Members, Runs, Scheduler,
    StoredMember,
};
use alimi::ports::{Catalog, Clock, Saved, WindowClasses};
use alimi_local::embedded::DatabaseFault;
use alimi_local::scheduler::{LocalScheduler, SchedulerFaults};
use alimi_local::schedules;
use alimi_local::world::{BEGINNING_MS, Doom, World, WorldSettings};
use alimi_planner::StreamEvent;
use alimi_trigger::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

const BUCKET: &str = "bucket";
const FILE: &str = "members.csv";
/// How often the AWS client sends a request that fails.
const TRIES: usize = alimi::aws::TRIES as usize;
const FIVE_MINUTES: Duration = Duration::from_secs(300);
/// A margin that leaves an invocation of 300 s, as template.yaml has it, time for one page.
const TIME_FOR_A_PAGE: Duration = Duration::from_millis(299_999);

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// When the world begins.
fn ten() -> Timestamp {
    Timestamp::from_millisecond(BEGINNING_MS).expect("a time")
}

fn key() -> RunKey {
    RunKey::new("daily", ten())
}

/// A world with a schedule `daily` at 10:00 in Seoul, for the members of a file. Pages of three.
async fn world() -> World {
    let mut world = World::new(WorldSettings::default()).await;
    world.stack.runner.settings.page = 3;
    world.stack.runner.settings.puts_per_second = None;
    let source =
        AudienceSource::S3 { bucket: BUCKET.into(), key: FILE.into(), format: AudienceFormat::Csv };
    world.store.put_audience(&Audience { name: "all".into(), source }).await.expect("stored");
    save(&world, schedule("daily", "cron(0 10 * * ? *)")).await;
    world
}

fn schedule(name: &str, expression: &str) -> Schedule {
    serde_json::from_value(json!({
        "name": name, "expression": expression, "template": "photo-and-video", "audience": "all",
    }))
    .expect("a schedule")
}

/// Saves a schedule, and gives the change to the planner.
async fn save(world: &World, schedule: Schedule) {
    world.store.put_schedule(&schedule).await.expect("stored");
    changed(world, &schedule.name).await;
}

/// Deletes a schedule, and gives the change to the planner.
async fn delete(world: &World, name: &str) {
    let expected = Expected::Any;
    let deleted =
        world.store.delete_document(Kind::Schedule, name, expected, "test", BEGINNING_MS).await;
    assert!(deleted.is_ok_and(|deleted| matches!(deleted, Changed::Done(_))));
    changed(world, name).await;
}

async fn changed(world: &World, name: &str) {
    let event: StreamEvent = serde_json::from_value(json!({ "Records": [{ "dynamodb": {
        "Keys": { "kind": { "S": "schedule" }, "name": { "S": name } },
        "SequenceNumber": "1",
    }}]}))
    .expect("an event");
    assert_eq!(alimi_planner::handle(&world.stack.plan, event).await.failures, []);
}

fn csv(members: usize) -> String {
    (1..=members).fold("id,phone,name,code\n".to_owned(), |csv, n| {
        csv + &format!("m{n:05},01012345678,김하나,a1\n")
    })
}

fn ids(members: usize) -> BTreeSet<String> {
    (1..=members).map(|n| format!("m{n:05}")).collect()
}

fn member(n: usize) -> Member {
    Member {
        id: format!("m{n:05}"),
        phone: Some("01012345678".into()),
        timezone: None,
        variables: [("name", "김하나"), ("code", "a1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    }
}

/// Makes an upload the audience.
async fn upload(world: &World, version: &str, members: std::ops::RangeInclusive<usize>) {
    let size = members.clone().count() as u64;
    for (line, n) in members.enumerate() {
        let stored = StoredMember { line: line as u64 + 2, member: member(n) };
        let saved = world.store.put_member("all", version, &stored).await.expect("stored");
        assert_eq!(saved, MemberSaved::Done);
    }
    let source = AudienceSource::Members { version: Some(version.into()), size };
    world.store.put_audience(&Audience { name: "all".into(), source }).await.expect("stored");
}

async fn fire_under(world: &World, doom: &Doom) -> Option<Answer> {
    let input = LocalScheduler::input("daily", ten());
    schedules::invoke(&world.stack.runner, doom, input).await
}

/// Fires the schedule, and answers with the outcome.
async fn fire(world: &World) -> String {
    fire_at(world, "daily", ten()).await
}

async fn fire_at(world: &World, name: &str, at: Timestamp) -> String {
    let input = LocalScheduler::input(name, at);
    let answer = schedules::invoke(&world.stack.runner, &Doom::never(), input).await;
    let answer = serde_json::to_value(answer.expect("an answer")).expect("JSON");
    answer["outcome"].as_str().expect("an outcome").to_owned()
}

async fn run_of(world: &World) -> Run {
    world.store.run(&key()).await.expect("the table").expect("a run")
}

/// Feeds the run queue to triggers, and lets the sweeper come by each minute, until no run is under
/// way.
async fn settle(world: &World) {
    world.start_schedules();
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweep).await.expect("a round");
        if world.store.unfinished_runs(1).await.expect("the index").is_empty() {
            return;
        }
    }
    panic!("a run is still under way: {:?}", run_of(world).await);
}

fn recipients(world: &World) -> BTreeSet<String> {
    let all = world.notifications();
    let ids: BTreeSet<_> = all.values().map(|n| n.recipient.id.clone()).collect();
    assert_eq!(ids.len(), all.len(), "somebody is notified twice");
    ids
}

fn counts(members: u64, stored: u64, unsendable: u64, doubled: u64) -> RunCounts {
    RunCounts { members, stored, unsendable, doubled }
}

/// Ten lines: seven members, one of them twice, and two that nothing can be sent to.
fn mixed() -> String {
    csv(7) + "m00008,,김하나,a1\nm00003,01012345678,김하나,a1\nm00009,01012345678\n"
}

async fn check_mixed(world: &World, told: &str) {
    let run = run_of(world).await;
    assert_eq!(run.status, RunStatus::Finished, "{told}: {:?}", run.failure);
    assert_eq!(run.counts, counts(10, 7, 2, 1), "{told}");
    let lines: Vec<_> = run.faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [9, 10, 11], "{told}");
    assert_eq!(recipients(world), ids(7), "{told}");
    assert_eq!((run.lease_until_ms, run.ended_at_ms.is_some()), (None, true), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_run_stores_one_notification_for_each_member_of_either_source() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(10));
    assert_eq!(fire(&world).await, "ended");
    let run = run_of(&world).await;
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(10, 10, 0, 0)));
    assert_eq!(recipients(&world), ids(10));
    for (id, notification) in world.notifications() {
        assert_eq!(id, key().notification_id(&notification.recipient.id));
        assert_eq!(notification.status, Status::Queued);
        assert_eq!(notification.priority, Priority(601));
        assert_eq!(notification.window_class.to_string(), "1000-1900@Asia/Seoul");
    }
    // Or no sender would look there.
    let classes = world.store.classes("alimtalk-main").await.expect("the classes");
    assert_eq!(
        classes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["1000-1900@Asia/Seoul"]
    );

    let world = self::world().await;
    upload(&world, "v1", 1..=10).await;
    assert_eq!(fire(&world).await, "ended");
    assert_eq!(run_of(&world).await.counts, counts(10, 10, 0, 0));
    assert_eq!(recipients(&world), ids(10));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_fires_twice_and_late_and_runs_once() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(10));
    save(&world, schedule("daily", "cron(30 10 * * ? *)")).await;
    let faults =
        SchedulerFaults { again_after: Some(Duration::from_millis(3)), late_by: FIVE_MINUTES };
    world.stack.scheduler.set_faults(faults);
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!(run.key.scheduled_at, time("2026-03-02T10:30:00+09:00"));
    assert!(run.started_at_ms - run.key.scheduled_at.as_millisecond() >= 300_000);
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(10, 10, 0, 0)));
    assert_eq!(recipients(&world), ids(10));

    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    assert_eq!(runs.len(), 2, "one a day");
    assert_eq!(world.notifications().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn two_invocations_at_once_do_the_work_of_one() {
    for behind_ms in (0..50).step_by(2) {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        let (one, two) = futures::join!(fire(&world), async {
            tokio::time::sleep(Duration::from_millis(behind_ms)).await;
            fire(&world).await
        });
        let mut outcomes = [one.as_str(), two.as_str()];
        // By then the first one has the lease, and keeps it.
        if behind_ms < 32 {
            outcomes.sort_unstable();
        }
        assert_eq!(outcomes, ["ended", "held_elsewhere"], "{behind_ms} ms behind");
        check_mixed(&world, "both").await;
        assert_eq!(fire(&world).await, "ended", "and a third one finds nothing to do");
        check_mixed(&world, "all three").await;
    }
}

/// Lambda tries again, whoever has the run meanwhile; or only the sweeper finds it.
#[tokio::test(start_paused = true)]
async fn the_trigger_may_die_at_any_await() {
    for is_tried_again in [true, false] {
        for steps in 0.. {
            let world = world().await;
            world.stack.files.save(BUCKET, FILE, mixed());
            let doom = Doom::after(steps);
            let done = fire_under(&world, &doom).await;
            let has_begun = world.store.run(&key()).await.expect("the table").is_some();
            if done.is_none() && (is_tried_again || !has_begun) {
                fire_under(&world, &Doom::never()).await.expect("an answer");
            }
            settle(&world).await;
            check_mixed(&world, &format!("after {steps} steps")).await;
            if !doom.has_struck() {
                assert!(steps > 30, "only {steps} deaths");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_freezes_and_thaws_turns_nothing_back() {
    for steps in 0.. {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        let doom = Doom::freeze_after(steps, Duration::from_secs(3600));
        let input = LocalScheduler::input("daily", ten());
        let frozen = doom.over(alimi_trigger::handle(&world.stack.runner, input, FIVE_MINUTES));
        let (_, ended) = futures::join!(frozen, async {
            tokio::time::sleep(Duration::from_secs(65)).await;
            settle(&world).await;
            world.store.run(&key()).await.expect("the table")
        });
        // It may have been frozen before the run began.
        settle(&world).await;
        check_mixed(&world, &format!("after {steps} steps")).await;
        if let Some(ended) = ended {
            assert_eq!(run_of(&world).await, ended, "after {steps} steps");
        }
        if !doom.has_struck() {
            assert!(steps > 30, "only {steps} freezes");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_database_may_be_lost_at_any_request() {
    for requests in 0..45 {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        world.faults.add(DatabaseFault::AnswerLost);
        assert_eq!(fire(&world).await, "ended");
        check_mixed(&world, &format!("after {requests} requests")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_a_database_out_of_order_interrupts_goes_on_by_itself() {
    for requests in 0.. {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let outcome = fire(&world).await;
        world.faults.clear();
        if outcome != "interrupted" {
            assert!(requests > 20, "only {requests} requests");
            break;
        }
        assert_eq!(world.stack.run_queue.sent(), 1, "the queue has it");
        settle(&world).await;
        check_mixed(&world, &format!("after {requests} requests")).await;
    }
}

/// One request fails as often as it is tried, and the database is well again.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_interrupted_is_free_for_whoever_comes_next() {
    let mut freed = 0;
    for requests in 0..60 {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        (0..TRIES).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let outcome = fire(&world).await;
        world.faults.clear();
        let Some(run) = world.store.run(&key()).await.expect("the table") else { continue };
        if outcome == "interrupted" {
            assert_eq!(run.lease_until_ms, None, "after {requests} requests");
            freed += usize::from(run.pins.is_some());
        }
        settle(&world).await;
        check_mixed(&world, &format!("after {requests} requests")).await;
    }
    assert!(freed > 2, "{freed} had been taken");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_beginning_fails_is_on_record_and_resumed() {
    for requests in 0.. {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, mixed());
        world.faults.pass(requests);
        (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
        assert_eq!(fire(&world).await, "interrupted", "no run was on record before its first page");
        world.faults.clear();
        let Some(run) = world.store.run(&key()).await.expect("the table") else { continue };
        assert_eq!((run.status, run.pins, run.lease_until_ms), (RunStatus::Running, None, None));
        // Nothing reads the queue yet: the sweeper finds it by its record.
        let swept = alimi_sweeper::handle(&world.stack.sweep).await.expect("a round");
        assert_eq!(swept.runs_resumed, 1);
        settle(&world).await;
        check_mixed(&world, "resumed").await;
        return;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_in_other_invocations_when_the_time_of_one_is_up() {
    let mut world = world().await;
    world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
    world.stack.files.save(BUCKET, FILE, mixed());
    assert_eq!(fire(&world).await, "to_be_continued");
    let run = run_of(&world).await;
    assert_eq!((run.status, run.counts.members), (RunStatus::Running, 3));
    assert_eq!((run.lease_until_ms, world.stack.run_queue.sent()), (None, 1));
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(2)).await;
    check_mixed(&world, "within two seconds").await;
    assert_eq!(world.stack.run_queue.sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_continuation_that_was_never_asked_for_is_found_by_the_sweeper() {
    let mut world = world().await;
    world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
    world.stack.files.save(BUCKET, FILE, mixed());
    fire(&world).await;
    assert_eq!(alimi_sweeper::handle(&world.stack.sweep).await.expect("a round").runs_resumed, 1);
    assert_eq!(world.stack.run_queue.sent(), 2);
    // One that somebody has is let be.
    let mut held = run_of(&world).await;
    held.lease_until_ms = Some(BEGINNING_MS + 3_600_000);
    held.fence += 1;
    let saved = world.store.save_run(&held, held.fence - 1).await.expect("the table");
    assert_eq!(saved, Saved::Done);
    assert_eq!(alimi_sweeper::handle(&world.stack.sweep).await.expect("a round").runs_resumed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_keeps_its_template_and_its_upload_whatever_is_changed_meanwhile() {
    let mut world = world().await;
    world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
    upload(&world, "v1", 1..=10).await;
    assert_eq!(fire(&world).await, "to_be_continued");

    upload(&world, "v2", 5..=20).await;
    let template = world.store.template("photo-and-video").await.expect("read").expect("there");
    let changed = Template { body: "다른 말".into(), ..template.clone() };
    world.store.put_template(&changed).await.expect("stored");
    delete(&world, "daily").await;

    settle(&world).await;
    let run = run_of(&world).await;
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(10, 10, 0, 0)));
    let pins = run.pins.expect("pins");
    assert_eq!((pins.template_revision, pins.template), (1, template));
    assert_eq!(recipients(&world), ids(10));
    let bodies: BTreeSet<_> = world.notifications().into_values().map(|n| n.message.body).collect();
    assert!(bodies.len() == 1 && !bodies.contains("다른 말"), "{bodies:?}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_discarded_meanwhile_is_not_taken_for_its_end() {
    let mut world = world().await;
    world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
    upload(&world, "v1", 1..=10).await;
    fire(&world).await;
    world.store.discard_members("all", "v1", 100).await.expect("discarded");
    settle(&world).await;
    let run = run_of(&world).await;
    let why = "3 of the upload's 10 members were there to be read";
    assert_eq!((run.status, run.failure.as_deref()), (RunStatus::Failed, Some(why)));
}

#[tokio::test(start_paused = true)]
async fn members_that_nothing_can_be_sent_to_are_reported_and_the_others_go_on() {
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
    let run = run_of(&world).await;
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(8, 2, 5, 1)));
    let told: Vec<_> =
        run.faults.iter().map(|fault| (fault.line, fault.field.as_deref())).collect();
    assert_eq!(
        told,
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

/// Members of a page are stored side by side, and one whose put has to be repeated comes last.
#[tokio::test(start_paused = true)]
async fn of_two_lines_with_one_member_in_a_page_the_later_one_is_reported_whatever_is_slow() {
    let mut reported = BTreeSet::new();
    for requests in 0..25 {
        let mut world = world().await;
        world.stack.runner.settings.page = 20;
        let twice = "m00003,01012345678,김하나,a1\nm00001,01012345678,김하나,a1\n";
        world.stack.files.save(BUCKET, FILE, csv(3) + twice);
        world.faults.pass(requests);
        world.faults.add(DatabaseFault::Refused);
        fire(&world).await;
        world.faults.clear();
        settle(&world).await;
        let run = run_of(&world).await;
        assert_eq!(run.counts, counts(5, 3, 0, 2), "{requests}");
        reported.insert(run.faults.iter().map(|fault| fault.line).collect::<Vec<_>>());
    }
    assert_eq!(reported, BTreeSet::from([vec![5, 6]]));
}

/// In one page and across two.
#[tokio::test(start_paused = true)]
async fn a_members_first_line_that_can_be_sent_counts_wherever_pages_end() {
    let bad = "m00001,call me,김하나,a1\n";
    let good = "m00001,01012345678,김하나,a1\n";
    let other = "m00002,01012345678,김하나,a1\n";
    for (lines, told, unsendable, doubled) in [
        ([bad, good, other], [2].as_slice(), 1, 0),
        ([good, bad, other], &[3], 1, 0),
        ([bad, other, good], &[2], 1, 0),
        ([good, good, other], &[3], 0, 1),
    ] {
        for page in [1, 2, 3] {
            let mut world = world().await;
            world.stack.runner.settings.page = page;
            world.stack.files.save(BUCKET, FILE, csv(0) + &lines.concat());
            assert_eq!(fire(&world).await, "ended");
            let run = run_of(&world).await;
            assert_eq!(run.counts, counts(3, 2, unsendable, doubled), "{lines:?}, pages of {page}");
            let reported: Vec<_> = run.faults.iter().map(|fault| fault.line).collect();
            assert_eq!(reported, told, "{lines:?}, pages of {page}");
            assert_eq!(recipients(&world), ids(2));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_variable_is_reported_by_its_name() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, "id,phone,name\nm00001,01012345678,김하나\n");
    fire(&world).await;
    let expected = MemberFault {
        line: 2,
        field: Some("variables.code".into()),
        fault: "the template needs the variable code".into(),
    };
    assert_eq!(run_of(&world).await.faults, [expected]);
}

#[tokio::test(start_paused = true)]
async fn only_the_first_faults_are_kept_and_all_are_counted() {
    let mut world = world().await;
    world.stack.runner.settings.page = 40;
    let no_numbers = csv(300).replace("01012345678", "");
    world.stack.files.save(BUCKET, FILE, no_numbers);
    fire(&world).await;
    let run = run_of(&world).await;
    assert_eq!((run.counts.unsendable, run.faults.len()), (300, Run::FAULTS_KEPT));
    assert!(run.faults.iter().map(|fault| fault.line).eq(2..102));
}

/// Whether its last line ends a page or stands in the middle of one.
#[tokio::test(start_paused = true)]
async fn the_cut_off_end_of_a_file_is_told_however_many_faults_came_before() {
    let no_numbers = csv(200).replace("01012345678", "");
    for end in ["m00201,010", "m00201,01012345678,\"김하나"] {
        for page in [40, 67] {
            let mut world = world().await;
            world.stack.runner.settings.page = page;
            world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
            world.stack.files.save(BUCKET, FILE, no_numbers.clone() + end);
            fire(&world).await;
            settle(&world).await;
            let run = run_of(&world).await;
            assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(201, 0, 201, 0)));
            let lines = run.faults.iter().map(|fault| fault.line);
            assert!(lines.eq((2..102).chain([202])), "pages of {page}: {:?}", run.faults.last());
        }
    }
}

/// Puts the members' file into some state, and fires; how the run ends.
async fn end_with(change: impl FnOnce(&World)) -> (RunStatus, String) {
    let world = world().await;
    change(&world);
    assert_eq!(fire(&world).await, "ended");
    let run = run_of(&world).await;
    assert_eq!(fire(&world).await, "ended", "it has ended, however often it is fired");
    assert_eq!(run_of(&world).await, run);
    (run.status, run.failure.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn an_audience_that_cannot_be_read_fails_the_run_and_says_why() {
    let (status, why) = end_with(|_| {}).await;
    assert_eq!(status, RunStatus::Failed);
    assert_eq!(why, "the file s3://bucket/members.csv is not there, or may not be read");

    let truncated = |world: &World| world.stack.files.save_as_long(BUCKET, FILE, csv(2), 1_000);
    let (status, why) = end_with(truncated).await;
    assert_eq!(status, RunStatus::Failed);
    assert!(why.starts_with("the file is truncated: it ended after"), "{why}");

    let garbage = |world: &World| world.stack.files.save(BUCKET, FILE, vec![0xff; 3_000]);
    let (status, why) = end_with(garbage).await;
    assert_eq!(status, RunStatus::Failed);
    assert!(why.starts_with("the header line is not UTF-8"), "{why}");

    let empty = |world: &World| world.stack.files.save(BUCKET, FILE, "");
    let (status, why) = end_with(empty).await;
    assert_eq!(status, RunStatus::Failed);
    assert!(why.starts_with("the file is empty"), "{why}");

    for (status, told) in [(301, "in the region of this stack"), (400, "a bucket that exists")] {
        let refused = |world: &World| world.stack.files.refuse(status);
        let (status, why) = end_with(refused).await;
        assert_eq!(status, RunStatus::Failed);
        assert!(why.contains(told), "{why}");
    }

    let only_a_header = |world: &World| world.stack.files.save(BUCKET, FILE, "id,name\n");
    assert_eq!(end_with(only_a_header).await, (RunStatus::Finished, String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_ends_within_quotes_reports_the_line() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2) + "m00003,01012345678,\"김하나");
    fire(&world).await;
    let run = run_of(&world).await;
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(3, 2, 1, 0)));
    assert_eq!(run.faults[0].line, 4);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_changed_while_it_is_read_fails_the_run_where_it_is() {
    let mut world = world().await;
    world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
    world.stack.files.save(BUCKET, FILE, csv(10));
    fire(&world).await;
    world.stack.files.save(BUCKET, FILE, csv(20));
    settle(&world).await;
    let run = run_of(&world).await;
    let why = "the file was changed or removed while it was read";
    assert_eq!((run.status, run.failure.as_deref()), (RunStatus::Failed, Some(why)));
    assert_eq!(run.counts, counts(3, 3, 0, 0));
    assert_eq!(recipients(&world), ids(3));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_names_what_is_not_there_fails_its_run_and_says_so() {
    for (change, why) in [
        (json!({ "template": "none" }), "there is no template \"none\""),
        (json!({ "audience": "none" }), "there is no audience \"none\""),
    ] {
        let world = world().await;
        let mut changed =
            serde_json::to_value(schedule("daily", "cron(0 10 * * ? *)")).expect("JSON");
        for (name, value) in change.as_object().expect("an object") {
            changed[name] = value.clone();
        }
        save(&world, serde_json::from_value(changed).expect("a schedule")).await;
        assert_eq!(fire(&world).await, "ended");
        let run = run_of(&world).await;
        assert_eq!((run.status, run.failure.as_deref()), (RunStatus::Failed, Some(why)));
        assert_eq!(run.pins, None);
    }
}

/// Trying again would not help: it would be at work for ever.
#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_fails_the_run_and_says_which() {
    for (kind, name) in [
        (Kind::Schedule, "daily"),
        (Kind::Template, "photo-and-video"),
        (Kind::Audience, "all"),
        (Kind::Channel, "alimtalk-main"),
        (Kind::Hours, "stack"),
    ] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        let unreadable = Document {
            name: name.into(),
            revision: 0,
            body: Some(json!({ "window": 1, "scheduled": 1 })),
            changed_by: "test".into(),
            changed_at_ms: BEGINNING_MS - 1,
        };
        let saved = world.store.put_document(kind, &unreadable, Expected::Any).await;
        assert!(matches!(saved, Ok(Changed::Done(_))));
        if kind == Kind::Schedule {
            // Somebody may mend it yet.
            assert_eq!(fire(&world).await, "interrupted");
            assert_eq!(world.store.run(&key()).await.expect("the table"), None);
            tokio::time::sleep(Duration::from_secs(16 * 60)).await;
        }
        assert_eq!(fire(&world).await, "ended", "{kind:?}");
        let run = run_of(&world).await;
        assert_eq!(run.status, RunStatus::Failed, "{kind:?}");
        let why = run.failure.clone().unwrap_or_default();
        assert!(why.contains("cannot be read"), "{kind:?}: {why}");
        assert_eq!(fire(&world).await, "ended", "it has ended, however often it is fired");
        assert_eq!(run_of(&world).await, run);
        assert!(world.store.unfinished_runs(1).await.expect("the index").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_run_leaves_no_record() {
    let world = world().await;
    assert_eq!(fire_at(&world, "no-such", ten()).await, "no_such_schedule");
    assert_eq!(fire_at(&world, "daily", time("2026-03-03T10:00:00+09:00")).await, "not_due");
    let disabled = Schedule { enabled: false, ..schedule("daily", "cron(0 10 * * ? *)") };
    save(&world, disabled).await;
    assert_eq!(fire(&world).await, "disabled");
    assert!(world.store.runs("daily", 10).await.expect("the runs").is_empty());
    assert_eq!(world.stack.run_queue.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_comes_too_late_is_left_out_where_its_schedule_says_so() {
    for (catch_up, status) in [("skip", RunStatus::Missed), ("run", RunStatus::Finished)] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(4));
        let daily = schedule("daily", "cron(0 10 * * ? *)");
        let catch_up = serde_json::from_value(json!(catch_up)).expect("a policy");
        save(&world, Schedule { catch_up, ..daily }).await;
        tokio::time::sleep(Duration::from_secs(16 * 60)).await;
        assert_eq!(fire(&world).await, "ended");
        assert_eq!(run_of(&world).await.status, status);
        let stored = if status == RunStatus::Missed { 0 } else { 4 };
        assert_eq!(world.notifications().len(), stored);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_begins_while_another_one_is_at_work_notes_that() {
    let mut world = world().await;
    save(&world, schedule("daily", "cron(0-1 10 * * ? *)")).await;
    world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
    world.stack.files.save(BUCKET, FILE, csv(10));
    fire(&world).await;
    let later = ten() + Duration::from_secs(60);
    assert_eq!(fire_at(&world, "daily", later).await, "to_be_continued");
    settle(&world).await;
    let run = world.store.run(&RunKey::new("daily", later)).await.expect("read").expect("a run");
    assert_eq!((run.status, run.overlaps), (RunStatus::Finished, Some(ten())));
    assert_eq!(run_of(&world).await.overlaps, None);
    assert_eq!(world.notifications().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn another_run_that_cannot_be_read_keeps_none_from_its_work() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    let unreadable = json!({ "TableName": "RunsTable", "Item": {
        "schedule": { "S": "daily" }, "scheduled_at": { "S": "2026-03-01T01:00:00Z" },
    }});
    let unreadable = serde_json::from_value(unreadable).expect("a request");
    world.database.put_item(unreadable).expect("stored");
    assert_eq!(fire(&world).await, "ended");
    let run = run_of(&world).await;
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(4, 4, 0, 0)));
}

/// An old one that was given up is not among the latest, and is found all the same.
#[tokio::test(start_paused = true)]
async fn a_run_notes_the_old_one_that_is_still_at_work_behind_many_that_have_ended() {
    let mut world = world().await;
    save(&world, schedule("daily", "cron(0-10 10 * * ? *)")).await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let margin = world.stack.runner.settings.margin;
    world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
    assert_eq!(fire(&world).await, "to_be_continued");
    world.stack.runner.settings.margin = margin;
    for minute in 1..=8 {
        let at = ten() + Duration::from_secs(60 * minute);
        assert_eq!(fire_at(&world, "daily", at).await, "ended");
        let run = world.store.run(&RunKey::new("daily", at)).await.expect("read");
        assert_eq!(run.expect("a run").overlaps, Some(ten()), "10:{minute:02}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_overlap_stays_noted_though_the_run_dies_and_the_other_one_ends() {
    let later = ten() + Duration::from_secs(60);
    let second = RunKey::new("daily", later);
    for steps in 0.. {
        let mut world = world().await;
        save(&world, schedule("daily", "cron(0-1 10 * * ? *)")).await;
        world.stack.runner.settings.margin = TIME_FOR_A_PAGE;
        world.stack.files.save(BUCKET, FILE, csv(4));
        assert_eq!(fire(&world).await, "to_be_continued");
        let doom = Doom::after(steps);
        let input = LocalScheduler::input("daily", later);
        let answer = schedules::invoke(&world.stack.runner, &doom, input).await;
        assert!(answer.is_none(), "it was not noted before the first page");
        let dead = world.store.run(&second).await.expect("the table");
        let Some(dead) = dead.filter(|dead| dead.overlaps.is_some()) else { continue };
        assert_eq!((dead.cursor, dead.counts.members), (None, 0), "it was noted with a page");
        assert_eq!(fire(&world).await, "ended");
        settle(&world).await;
        let run = world.store.run(&second).await.expect("the table").expect("a run");
        assert_eq!((run.status, run.overlaps), (RunStatus::Finished, Some(ten())));
        return;
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_cannot_be_read_is_reported_and_the_others_go_on() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    let unreadable = json!({
        "TableName": "NotificationsTable",
        "Item": { "id": { "S": key().notification_id("m00002").as_str() } },
    });
    let unreadable = serde_json::from_value(unreadable).expect("a request");
    world.database.put_item(unreadable).expect("stored");
    assert_eq!(fire(&world).await, "ended");
    let run = run_of(&world).await;
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(4, 3, 1, 0)));
    assert_eq!(run.faults[0].line, 3);
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_woken_only_when_something_may_leave() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    fire(&world).await;
    assert!(world.queue.sent() > 0);

    // 21:00 in Seoul.
    let world = self::world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    tokio::time::sleep(Duration::from_secs(11 * 3600)).await;
    fire(&world).await;
    assert_eq!(world.notifications().len(), 4);
    assert_eq!(world.queue.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_template_without_common_hours_is_reported() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    let template = world.store.template("photo-and-video").await.expect("read").expect("there");
    let window = alimi::domain::hours::Window::new("20:00", "21:00").expect("a window");
    let never = Template { category: Category::Advertising, window: Some(window), ..template };
    world.store.put_template(&never).await.expect("stored");
    fire(&world).await;
    let run = run_of(&world).await;
    assert_eq!(run.counts, counts(2, 0, 2, 0));
    assert_eq!(run.faults[0].field.as_deref(), Some("template"));
}

#[tokio::test(start_paused = true)]
async fn bulk_puts_are_paced() {
    let mut world = world().await;
    world.stack.runner.settings.puts_per_second = Some(10);
    world.stack.runner.settings.page = 20;
    world.stack.files.save(BUCKET, FILE, csv(100));
    let began = Instant::now();
    fire(&world).await;
    let took = began.elapsed();
    assert!((9..12).contains(&took.as_secs()), "{took:?}");
}

/// 5,000 members: what is read and not yet stored is never more than a page, and the part of the
/// file that it is cut from.
#[tokio::test(start_paused = true)]
async fn a_run_holds_no_more_than_a_page() {
    const MEMBERS: usize = 5_000;
    const PART_BYTES: u64 = 4_096;
    const PAGE: usize = 100;
    let mut world = world().await;
    world.stack.runner.settings.page = PAGE;
    world.stack.runner.audiences.part_bytes = PART_BYTES;
    let content = csv(MEMBERS);
    let record_bytes = (content.len() / (MEMBERS + 1)) as u64;
    world.stack.files.save(BUCKET, FILE, content);
    let (now, began) = (world.clock.now_ms(), Instant::now());
    assert_eq!(fire(&world).await, "ended");
    assert_eq!(run_of(&world).await.counts, counts(5_000, 5_000, 0, 0));

    let mut made_at_ms: Vec<i64> =
        world.notifications().values().map(|n| n.created_at_ms).collect();
    made_at_ms.sort_unstable();
    for read in world.stack.files.reads() {
        assert!(read.length <= PART_BYTES);
        let at_ms = now + i64::try_from((read.at - began).as_millis()).expect("small");
        let made = made_at_ms.partition_point(|made_at_ms| *made_at_ms <= at_ms);
        let known = usize::try_from((read.offset + read.length) / record_bytes).expect("small");
        let held = known.saturating_sub(made);
        let part = usize::try_from(2 * PART_BYTES / record_bytes).expect("small");
        assert!(held <= PAGE + part, "{held} are held at byte {}", read.offset);
    }
}

#[tokio::test(start_paused = true)]
async fn drift_between_the_catalog_and_the_scheduler_is_healed_within_ten_minutes() {
    let world = world().await;
    save(&world, schedule("weekly", "cron(0 11 ? * MON *)")).await;
    let scheduler = &world.stack.scheduler;
    let names = || async { scheduler.schedule_names().await.expect("the names") };
    assert_eq!(names().await, ["daily", "weekly"]);

    // By hand: one is deleted, one changed, one is nobody's.
    let weekly = scheduler.schedule("weekly").await.expect("read").expect("there");
    scheduler.remove_schedule("daily").await.expect("removed");
    let mut stray = weekly.planned.clone();
    stray.name = "stray".into();
    scheduler.put_schedule(&stray).await.expect("put");
    let mut changed = weekly.planned.clone();
    changed.enabled = false;
    scheduler.put_schedule(&changed).await.expect("put");

    let mut healed = 0;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        healed +=
            alimi_sweeper::handle(&world.stack.sweep).await.expect("a round").schedules_healed;
    }
    assert_eq!(healed, 3);
    assert_eq!(names().await, ["daily", "weekly"]);
    assert_eq!(scheduler.schedule("weekly").await.expect("read"), Some(weekly));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_was_made_to_fire_something_else_is_healed() {
    let world = world().await;
    let ours = world.stack.scheduler.schedule("daily").await.expect("read").expect("there");
    world.stack.scheduler.tamper_with("daily");
    let tampered = world.stack.scheduler.schedule("daily").await.expect("read").expect("there");
    assert_eq!((tampered.planned == ours.planned, tampered.is_ours), (true, false));
    let healed = world.stack.sweep.plan.reconcile().await.expect("compared");
    assert_eq!((healed.put, healed.removed, healed.failed), (1, 0, 0));
    assert_eq!(world.stack.scheduler.schedule("daily").await.expect("read"), Some(ours));
    let healed = world.stack.sweep.plan.reconcile().await.expect("compared");
    assert_eq!(healed.put, 0);
}

/// Its window of flexibility is off, it has no end, and it fires what the row says.
#[tokio::test(start_paused = true)]
async fn what_was_put_is_found_again_as_it_is_to_be() {
    let world = world().await;
    save(&world, schedule("once", "at(2026-03-02T12:00:30)")).await;
    save(&world, schedule("hourly", "rate(1 hour)")).await;
    let compared = world.stack.sweep.plan.reconcile().await.expect("compared");
    assert_eq!((compared.put, compared.removed, compared.failed), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_stream_comes_again_from_the_first_change_that_was_not_planned() {
    let world = world().await;
    let change = |kind: &str, name: &str, number: &str| {
        json!({ "dynamodb": {
            "Keys": { "kind": { "S": kind }, "name": { "S": name } }, "SequenceNumber": number,
        }})
    };
    let records = [
        change("template", "daily", "1"),
        change("schedule", "daily", "2"),
        change("schedule", "daily", "3"),
        change("schedule", "weekly", "4"),
        change("schedule", "monthly", "5"),
    ];
    let event: StreamEvent =
        serde_json::from_value(json!({ "Records": records })).expect("an event");
    world.faults.pass(1);
    (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
    let answer = alimi_planner::handle(&world.stack.plan, event).await;
    let answer = serde_json::to_value(answer).expect("JSON");
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "4" }]));
}

#[tokio::test(start_paused = true)]
async fn an_edit_at_noon_moves_the_same_days_run_and_a_deletion_ends_it() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    world.start_schedules();
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    save(&world, schedule("daily", "cron(0 13 * * ? *)")).await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    delete(&world, "daily").await;
    tokio::time::sleep(Duration::from_secs(3 * 24 * 3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let times: Vec<_> = runs.iter().map(|run| run.key.scheduled_at).collect();
    // 24 hours after noon: the next day's 13:00 has not come.
    assert_eq!(times, [time("2026-03-02T13:00:00+09:00")]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_moved_in_the_last_second_runs_at_its_new_time_only() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    world.start_schedules();
    let last_second = time("2026-03-02T13:59:59+09:00").as_millisecond() - world.clock.now_ms();
    tokio::time::sleep(Duration::from_millis(u64::try_from(last_second).expect("ahead"))).await;
    // The planner is a little later than the row.
    let moved = schedule("daily", "cron(0 15 * * ? *)");
    world.store.put_schedule(&moved).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let two = time("2026-03-02T14:00:00+09:00");
    assert_eq!(fire_at(&world, "daily", two).await, "not_scheduled");
    changed(&world, "daily").await;
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let times: Vec<_> = runs.iter().map(|run| run.key.scheduled_at).collect();
    assert_eq!(times, [time("2026-03-02T15:00:00+09:00")]);
    assert_eq!(world.notifications().len(), 2);
}

/// Lets the clock stand at a time.
async fn wait_until(world: &World, then: &str) {
    let wait_ms = time(then).as_millisecond() - world.clock.now_ms();
    tokio::time::sleep(Duration::from_millis(u64::try_from(wait_ms).expect("ahead"))).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_that_was_moved_away_stays_so_whatever_is_changed_after_it() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    wait_until(&world, "2026-03-02T13:59:59+09:00").await;
    let moved = schedule("daily", "cron(0 15 * * ? *)");
    world.store.put_schedule(&moved).await.expect("stored");
    wait_until(&world, "2026-03-02T14:00:20+09:00").await;
    save(&world, Schedule { priority: Some(Priority(5)), ..moved }).await;
    // The scheduler fires twice, and tries again.
    wait_until(&world, "2026-03-02T14:00:40+09:00").await;
    let two = time("2026-03-02T14:00:00+09:00");
    assert_eq!(fire_at(&world, "daily", two).await, "not_scheduled");
    wait_until(&world, "2026-03-02T15:00:01+09:00").await;
    assert_eq!(fire_at(&world, "daily", two).await, "not_scheduled");
    assert_eq!(fire_at(&world, "daily", time("2026-03-02T15:00:00+09:00")).await, "ended");
    assert_eq!(recipients(&world), ids(2));
}

#[tokio::test(start_paused = true)]
async fn a_time_that_came_while_the_row_was_off_or_deleted_is_not_run_after_it() {
    for is_deleted in [false, true] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        let daily = schedule("daily", "cron(0 14 * * ? *)");
        save(&world, daily.clone()).await;
        wait_until(&world, "2026-03-02T13:59:50+09:00").await;
        if is_deleted {
            delete(&world, "daily").await;
        } else {
            save(&world, Schedule { enabled: false, ..daily.clone() }).await;
        }
        wait_until(&world, "2026-03-02T14:30:00+09:00").await;
        save(&world, daily).await;
        let two = time("2026-03-02T14:00:00+09:00");
        assert_eq!(fire_at(&world, "daily", two).await, "not_scheduled");
        assert_eq!(sweep_for(&world, 5).await, 0);
        assert!(world.notifications().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_the_row_was_changed_still_runs() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("daily", "cron(0 14 * * ? *)")).await;
    wait_until(&world, "2026-03-02T14:00:01+09:00").await;
    save(&world, schedule("daily", "cron(0 15 * * ? *)")).await;
    let two = time("2026-03-02T14:00:00+09:00");
    assert_eq!(fire_at(&world, "daily", two).await, "ended");
    assert_eq!(recipients(&world), ids(2));
}

#[tokio::test(start_paused = true)]
async fn a_time_that_was_missed_before_an_edit_is_caught_up_with() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    let daily = schedule("daily", "cron(5 10 * * ? *)");
    save(&world, daily.clone()).await;
    world.start_schedules();
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    wait_until(&world, "2026-03-02T10:06:00+09:00").await;
    let edited = Schedule { priority: Some(Priority(5)), ..daily };
    world.store.put_schedule(&edited).await.expect("stored");
    assert_eq!(sweep_for(&world, 30).await, 1);
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!(run.key.scheduled_at, time("2026-03-02T10:05:00+09:00"));
    assert_eq!(recipients(&world), ids(4));
}

#[tokio::test(start_paused = true)]
async fn times_that_were_missed_one_after_another_are_on_record() {
    for (catch_up, statuses) in [
        // Ten past, five past: what is too late is left out. The latest is not.
        ("skip", &[RunStatus::Finished, RunStatus::Missed, RunStatus::Missed][..]),
        ("run", &[RunStatus::Finished][..]),
    ] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        let daily = schedule("daily", "cron(5,10,30 10 * * ? *)");
        let catch_up = serde_json::from_value(json!(catch_up)).expect("a policy");
        save(&world, Schedule { catch_up, ..daily }).await;
        world.stack.scheduler.remove_schedule("daily").await.expect("removed");
        wait_until(&world, "2026-03-02T10:40:00+09:00").await;
        world.start_schedules();
        assert_eq!(sweep_for(&world, 4).await, statuses.len());
        let runs = world.store.runs("daily", 10).await.expect("the runs");
        assert_eq!(runs.iter().map(|run| run.status).collect::<Vec<_>>(), statuses);
        assert_eq!(recipients(&world), ids(2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_schedule_is_switched_off_before_it_pins_anything_does_not_begin() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    // It is on record, and what it goes by could not be read.
    for steps in 1.. {
        fire_under(&world, &Doom::after(steps)).await;
        if let Some(run) = world.store.run(&key()).await.expect("the table") {
            assert_eq!(run.pins, None);
            break;
        }
    }
    save(&world, Schedule { enabled: false, ..schedule("daily", "cron(0 10 * * ? *)") }).await;
    assert_eq!(fire(&world).await, "ended");
    let run = run_of(&world).await;
    let why = Some("its schedule was switched off before it began");
    assert_eq!((run.status, run.failure.as_deref()), (RunStatus::Failed, why));
    assert!(world.notifications().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_row_that_asks_for_the_priority_of_real_time_messages_has_to_wait_for_its_window() {
    for is_pinned in [false, true] {
        let world = world().await;
        world.start_senders();
        world.stack.files.save(BUCKET, FILE, csv(4));
        // 0 is refused by the API: somebody edited the table.
        let dawn = Schedule {
            priority: Some(Priority::REAL_TIME),
            outside_window: OutsideWindow::Defer,
            ..schedule("dawn", "cron(30 4 * * ? *)")
        };
        save(&world, dawn).await;
        wait_until(&world, "2026-03-03T04:30:01+09:00").await;
        let at = time("2026-03-03T04:30:00+09:00");
        if is_pinned {
            let mut runner = world.stack.runner.clone();
            runner.settings.page = 1;
            runner.settings.margin = TIME_FOR_A_PAGE;
            let input = LocalScheduler::input("dawn", at);
            schedules::invoke(&runner, &Doom::never(), input).await.expect("an answer");
            let key = RunKey::new("dawn", at);
            let mut run = world.store.run(&key).await.expect("the table").expect("a run");
            let fence = run.fence;
            run.fence += 1;
            run.pins.as_mut().expect("pins").priority = Priority::REAL_TIME;
            assert_eq!(world.store.save_run(&run, fence).await.expect("saved"), Saved::Done);
        }
        fire_at(&world, "dawn", at).await;
        assert_eq!(world.notifications().len(), 4);
        wait_until(&world, "2026-03-03T09:59:59+09:00").await;
        assert_eq!(world.simulator.arrivals().len(), 0, "before its window opens");
        sweep_for(&world, 5).await;
        let all = world.notifications();
        assert!(all.values().all(|n| n.status == Status::Delivered), "{all:?}");
    }
}

/// Lets minutes pass, with a round of the sweeper in each; how many missed times it found.
async fn sweep_for(world: &World, minutes: u64) -> usize {
    let mut missed = 0;
    for _ in 0..minutes {
        tokio::time::sleep(Duration::from_secs(60)).await;
        missed += alimi_sweeper::handle(&world.stack.sweep).await.expect("a round").times_missed;
    }
    missed
}

#[tokio::test(start_paused = true)]
async fn a_time_that_the_scheduler_never_fired_is_run_once() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    save(&world, schedule("daily", "cron(5 10 * * ? *)")).await;
    world.start_schedules();
    // By hand; and healed ten minutes past ten at the earliest, when its time is over.
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    assert_eq!(sweep_for(&world, 30).await, 1);
    assert_eq!(world.stack.scheduler.schedule_names().await.expect("the names"), ["daily"]);
    let runs = world.store.runs("daily", 10).await.expect("the runs");
    let [run] = &runs[..] else { panic!("{runs:?}") };
    assert_eq!(run.key.scheduled_at, time("2026-03-02T10:05:00+09:00"));
    let late_ms = run.started_at_ms - run.key.scheduled_at.as_millisecond();
    assert!((120_000..240_000).contains(&late_ms), "{late_ms} ms late");
    assert_eq!((run.status, run.counts), (RunStatus::Finished, counts(4, 4, 0, 0)));
    assert_eq!(recipients(&world), ids(4));
}

#[tokio::test(start_paused = true)]
async fn a_missed_time_is_caught_up_with_as_its_schedule_says() {
    for (catch_up, status) in [("skip", RunStatus::Missed), ("run", RunStatus::Finished)] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(4));
        let daily = schedule("daily", "cron(5 10 * * ? *)");
        let catch_up = serde_json::from_value(json!(catch_up)).expect("a policy");
        save(&world, Schedule { catch_up, ..daily }).await;
        // Nothing fires, and nobody sweeps, for two hours.
        world.stack.scheduler.remove_schedule("daily").await.expect("removed");
        tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
        world.start_schedules();
        assert_eq!(sweep_for(&world, 5).await, 1);
        let runs = world.store.runs("daily", 10).await.expect("the runs");
        let [run] = &runs[..] else { panic!("{runs:?}") };
        assert_eq!(run.status, status);
        let stored = if status == RunStatus::Missed { 0 } else { 4 };
        assert_eq!(world.notifications().len(), stored);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_more_than_a_day_ago_is_left_to_a_person() {
    for (hours, asked) in [(23, 1), (25, 0)] {
        let world = world().await;
        world.stack.files.save(BUCKET, FILE, csv(2));
        delete(&world, "daily").await;
        save(&world, schedule("once", "at(2026-03-02T10:05:00)")).await;
        world.stack.scheduler.remove_schedule("once").await.expect("removed");
        tokio::time::sleep(Duration::from_secs(hours * 3600)).await;
        world.start_schedules();
        assert_eq!(sweep_for(&world, 3).await, asked, "{hours} hours later");
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_cannot_be_read_keeps_no_other_one_from_being_caught_up_with() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    let unreadable = Document {
        name: "a".into(),
        revision: 0,
        body: Some(json!({ "expression": 1 })),
        changed_by: "test".into(),
        changed_at_ms: BEGINNING_MS,
    };
    let saved = world.store.put_document(Kind::Schedule, &unreadable, Expected::Any).await;
    assert!(matches!(saved, Ok(Changed::Done(_))));
    save(&world, schedule("daily", "cron(5 10 * * ? *)")).await;
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    world.start_schedules();
    assert_eq!(sweep_for(&world, 9).await, 1);
}

#[tokio::test(start_paused = true)]
async fn times_before_a_row_was_made_or_while_it_is_switched_off_are_not_missed() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    world.stack.scheduler.remove_schedule("daily").await.expect("removed");
    let disabled = Schedule { enabled: false, ..schedule("off", "cron(5 10 * * ? *)") };
    save(&world, disabled).await;
    assert_eq!(sweep_for(&world, 30).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_for_one_time_fires_once_and_is_gone() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    save(&world, schedule("once", "at(2026-03-02T12:00:30)")).await;
    world.start_schedules();
    for _ in 0..24 * 60 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        alimi_sweeper::handle(&world.stack.sweep).await.expect("a round");
    }
    let runs = world.store.runs("once", 10).await.expect("the runs");
    assert_eq!(runs.len(), 1);
    assert_eq!(world.stack.scheduler.schedule_names().await.expect("the names"), ["daily"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_in_the_run_queue_that_is_no_run_comes_again_and_the_others_are_done() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(2));
    let body = serde_json::to_string(&key()).expect("JSON");
    let event = json!({ "Records": [
        { "messageId": "bad", "body": "{}" }, { "messageId": "good", "body": body },
    ]});
    let answer = schedules::invoke(&world.stack.runner, &Doom::never(), event).await;
    let answer: Value = serde_json::to_value(answer.expect("an answer")).expect("JSON");
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "bad" }]));
    assert_eq!(run_of(&world).await.status, RunStatus::Finished);
}
