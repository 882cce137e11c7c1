//! Whole days on a clock that the test moves. Schedules in three zones keep their times over
//! changes of daylight saving, late and repeated firings, and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::AudienceFormat;
use alimi::domain::run::RunStatus;
use alimi::domain::{Audience, Notification, RunKey, Schedule, Status};
use alimi::ports::{Clock, Runs};
use alimi_local::aws::scheduler::SchedulerFaults;
use alimi_local::event_sources;
use alimi_local::stopping::Stopping;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::civil::{Date, Time, date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use serde_json::{Value, json};

const LIMIT: usize = 5;
const MEMBERS: usize = 30;
/// Members in a page, so that a run has ten pages.
const PAGE: usize = 3;
/// Each firing comes late, and is repeated.
const FAULTS: SchedulerFaults = SchedulerFaults {
    again_after: Some(Duration::from_secs(40)),
    late_by: Duration::from_secs(70),
};

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

fn now(world: &World) -> Timestamp {
    Timestamp::from_microsecond(world.clock.now_us()).expect("a time")
}

async fn sleep_until(world: &World, then: Timestamp) {
    let wait = then.duration_since(now(world));
    tokio::time::sleep(Duration::try_from(wait).expect("it lies ahead")).await;
}

/// Triggers that read one page at a time, and crash once in each page of each run, early or late in
/// the page. Records in which pages they crashed.
#[derive(Clone, Default)]
struct Crashes(Arc<Mutex<BTreeMap<RunKey, BTreeSet<u64>>>>);

impl Crashes {
    fn start(&self, world: &World) {
        let (crashes, trigger, runs) =
            (self.clone(), world.stack.trigger.clone(), world.store.clone());
        let invoke = move |event: Value| {
            let (crashes, trigger, runs) = (crashes.clone(), trigger.clone(), runs.clone());
            async move {
                let key = run_of(&event);
                let run = runs.run(&key).await.expect("the table");
                let page = run.map_or(0, |run| run.counts.members / PAGE as u64);
                let crash = if crashes.has(&key, page) {
                    CrashPoint::never()
                } else {
                    // An invocation makes more steps than this, even for one page.
                    CrashPoint::after(i64::try_from(1 + (page * 7 + 3) % 15).expect("few"))
                };
                let answer = event_sources::invoke_trigger(&trigger, &crash, event).await;
                if crash.was_reached() {
                    crashes.0.lock().expect("no panic").entry(key).or_default().insert(page);
                }
                answer
            }
        };
        let never = Stopping::never();
        let _triggers = event_sources::start_triggers_with(&world.stack, invoke, &never);
    }

    fn has(&self, key: &RunKey, page: u64) -> bool {
        self.0.lock().expect("no panic").get(key).is_some_and(|pages| pages.contains(&page))
    }
}

/// The run that an event of the scheduler or of the run queue is for.
fn run_of(event: &Value) -> RunKey {
    if let Some(body) = event["Records"][0]["body"].as_str() {
        return serde_json::from_str(body).expect("a run");
    }
    let at = event["scheduled_time"].as_str().expect("a time");
    RunKey::new(event["schedule"].as_str().expect("a name"), at.parse().expect("a time"))
}

/// A world at midnight in Seoul on a date. From then on everything but the triggers runs by itself.
async fn world_without_triggers(day: Date, limit: usize, catalog: &[(&str, &str)]) -> World {
    let mut settings = WorldSettings::default();
    for (from, to) in catalog {
        settings.catalog = settings.catalog.replace(from, to);
    }
    let per_second = format!("per_second: {limit}");
    settings.catalog = settings.catalog.replace("per_second: 40", &per_second);
    settings.simulator.per_second = u32::try_from(limit).expect("few");
    // In slow lanes, most reads of the queue would find what the read before found.
    settings.sender.read_heads_every = Duration::from_secs(1);
    settings.sender.read_channel_every = Duration::from_secs(2);
    let mut world = World::new(settings).await;
    world.stack.trigger.settings.page = PAGE;
    let midnight = day.to_zoned(zone("Asia/Seoul")).expect("a midnight");
    sleep_until(&world, midnight.timestamp()).await;
    world.start_senders();
    world.stack.scheduler.set_faults(FAULTS);
    world.start_stream_readers(Duration::from_secs(60), &CrashPoint::never());
    world.start_sweeps();
    world
}

/// The same, with triggers that do not crash.
async fn world_on(day: Date) -> World {
    let mut world = world_without_triggers(day, LIMIT, &[]).await;
    world.stack.trigger.settings.page = 500;
    world.start_schedules();
    world
}

/// A schedule for an audience whose members all live in the time zone of the schedule.
async fn schedule(world: &World, name: &str, cron: &str, timezone: &str, members: usize) {
    let csv = (1..=members).fold("id,phone,timezone,name,code\n".to_owned(), |csv, n| {
        csv + &format!("{name}-{n:04},01012345678,{timezone},김하나,a1\n")
    });
    let key = format!("{name}.csv");
    world.stack.files.save("bucket", &key, csv);
    let source = AudienceSource::S3 { bucket: "bucket".into(), key, format: AudienceFormat::Csv };
    world.store.put_audience(&Audience { name: name.into(), source }).await.expect("stored");
    save(world, name, cron, timezone).await;
}

async fn save(world: &World, name: &str, cron: &str, timezone: &str) {
    let schedule: Schedule = serde_json::from_value(json!({
        "name": name, "expression": cron, "timezone": timezone,
        "template": "photo-and-video", "audience": name,
    }))
    .expect("a schedule");
    world.store.put_schedule(&schedule).await.expect("stored");
}

/// The local time in a zone at which a message left.
fn left_at(notification: &Notification, timezone: &str) -> Zoned {
    let sent_at_ms = notification.attempts.last().and_then(|a| a.request_sent_at_ms);
    let at = Timestamp::from_millisecond(sent_at_ms.expect("it was sent")).expect("a time");
    at.to_zoned(zone(timezone))
}

/// When the messages of a schedule left, in local time.
struct Departures {
    /// The days on which each member got a message.
    days: BTreeMap<String, Vec<Date>>,
    /// The earliest and the latest time of any day.
    earliest: Time,
    latest: Time,
}

fn departures(world: &World, name: &str, timezone: &str) -> Departures {
    let mut days: BTreeMap<String, Vec<Date>> = BTreeMap::new();
    let (mut earliest, mut latest) = (Time::MAX, Time::MIN);
    for notification in world.notifications().values() {
        if !notification.recipient.id.starts_with(name) {
            continue;
        }
        assert_eq!(notification.status, Status::Delivered);
        let left = left_at(notification, timezone);
        days.entry(notification.recipient.id.clone()).or_default().push(left.date());
        (earliest, latest) = (earliest.min(left.time()), latest.max(left.time()));
    }
    for dates in days.values_mut() {
        dates.sort_unstable();
    }
    Departures { days, earliest, latest }
}

/// Every run of a schedule has finished and stored each member once.
async fn check_runs(world: &World, name: &str, count: usize, members: usize) {
    let runs = world.store.runs(name, 100).await.expect("runs");
    assert_eq!(runs.len(), count, "{name}");
    for run in runs {
        assert_eq!(run.status, RunStatus::Finished, "{run:?}");
        assert_eq!(run.counts.stored, members as u64, "{run:?}");
        assert_eq!(run.counts.duplicate, 0, "{run:?}");
    }
}

/// A weekend with schedules in Seoul, in New York and on Lord Howe. One zone changes its clocks in
/// the night between both days. Each schedule fires late and twice, and its triggers crash in each
/// page.
async fn weekend_from(saturday: Date) {
    let mut world = world_without_triggers(saturday, LIMIT, &[]).await;
    // Of its 300 s, an invocation has time for one page. Another invocation continues the run.
    world.stack.trigger.settings.margin = Duration::from_millis(299_999);
    let crashes = Crashes::default();
    crashes.start(&world);
    let schedules =
        [("seoul", "Asia/Seoul"), ("york", "America/New_York"), ("howe", "Australia/Lord_Howe")];
    for (name, timezone) in schedules {
        schedule(&world, name, "cron(0 10 * * ? *)", timezone, MEMBERS).await;
    }
    let weekend: Vec<Date> =
        (0..2).map(|n| saturday.checked_add(n.days()).expect("a day")).collect();
    // The Sunday's messages have left in New York, and Monday's time has not come anywhere.
    let late = weekend[1].at(16, 0, 0, 0).to_zoned(zone("America/New_York"));
    sleep_until(&world, late.expect("a time").timestamp()).await;
    world.check_invariants(LIMIT);
    for (name, timezone) in schedules {
        let Departures { days, earliest, latest } = departures(&world, name, timezone);
        assert_eq!(days.len(), MEMBERS);
        for (member, days) in days {
            assert_eq!(days, weekend, "{member}");
        }
        assert!(earliest >= time(10, 1, 0, 0), "{name} at {earliest}, before it was fired");
        // Each page waits for Lambda's retry, or until the lease expires and the sweeper runs.
        assert!(latest < time(10, 45, 0, 0), "{name} at {latest}");
        check_runs(&world, name, 2, MEMBERS).await;
        for run in world.store.runs(name, 2).await.expect("runs") {
            let pages = (MEMBERS / PAGE) as u64;
            for page in 0..pages {
                let has_crashed = crashes.has(&run.key, page);
                assert!(has_crashed, "no trigger crashed in page {page} of {:?}", run.key);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn schedules_keep_their_times_when_daylight_saving_begins_in_new_york() {
    weekend_from(date(2026, 3, 7)).await;
}

#[tokio::test(start_paused = true)]
async fn schedules_keep_their_times_when_daylight_saving_ends_on_lord_howe() {
    weekend_from(date(2026, 4, 4)).await;
}

/// One message a second, and a window of seven minutes. Nine hours would need more messages than a
/// test has time for.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_for_its_window_continues_the_next_morning() {
    let members = 600;
    let narrow = [(
        "    timezone: Asia/Seoul",
        "    timezone: Asia/Seoul\n    window: { from: \"10:00\", to: \"10:07\" }",
    )];
    let mut world = world_without_triggers(date(2026, 3, 7), 1, &narrow).await;
    world.stack.trigger.settings.page = 500;
    world.start_schedules();
    schedule(&world, "batch", "cron(0 10 7 3 ? 2026)", "Asia/Seoul", members).await;
    sleep_until(&world, "2026-03-08T10:15+09:00".parse().expect("a time")).await;
    world.check_invariants(1);
    let Departures { days, earliest, latest } = departures(&world, "batch", "Asia/Seoul");
    assert_eq!(days.len(), members);
    assert!(days.values().all(|days| days.len() == 1), "a member got two messages");
    assert!(earliest >= time(10, 0, 0, 0), "{earliest}");
    assert!(latest < time(10, 7, 0, 0), "{latest}");
    let today = days.values().filter(|days| days[0] == date(2026, 3, 7)).count();
    // The firing is 70 s late, and each message takes 1.05 s.
    assert!((290..=350).contains(&today), "{today} on the first morning");
    check_runs(&world, "batch", 1, members).await;
}

#[tokio::test(start_paused = true)]
async fn the_evening_interrupts_a_batch_and_an_edit_at_noon_applies_to_the_next_time() {
    let members = 400;
    let world = world_on(date(2026, 3, 7)).await;
    // The firing is 70 s late, so that 50 s are left until the window closes.
    schedule(&world, "evening", "cron(58 18 * * ? *)", "Asia/Seoul", members).await;
    sleep_until(&world, "2026-03-07T12:00+09:00".parse().expect("a time")).await;
    schedule(&world, "edited", "cron(0 14 * * ? *)", "Asia/Seoul", 3).await;
    sleep_until(&world, "2026-03-07T13:00+09:00".parse().expect("a time")).await;
    save(&world, "edited", "cron(0 15 * * ? *)", "Asia/Seoul").await;
    // This is before the second evening.
    sleep_until(&world, "2026-03-08T14:30+09:00".parse().expect("a time")).await;
    world.check_invariants(LIMIT);

    let Departures { days, earliest, .. } = departures(&world, "edited", "Asia/Seoul");
    assert_eq!(days.len(), 3);
    assert!(earliest >= time(15, 1, 0, 0), "{earliest}");

    let mut sent_on: BTreeMap<Date, usize> = BTreeMap::new();
    for notification in world.notifications().values() {
        let left = left_at(notification, "Asia/Seoul");
        let hours = time(10, 0, 0, 0)..time(19, 0, 0, 0);
        assert!(hours.contains(&left.time()), "a message left at {left}");
        if notification.recipient.id.starts_with("evening") {
            *sent_on.entry(left.date()).or_default() += 1;
        }
    }
    let [today, tomorrow] = [7, 8].map(|day| sent_on[&date(2026, 3, day)]);
    assert_eq!(today + tomorrow, members, "each member gets one message");
    assert!((150..260).contains(&today), "{today} before the window closed");
    check_runs(&world, "evening", 1, members).await;
}
