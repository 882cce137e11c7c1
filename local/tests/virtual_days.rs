//! Whole days on a clock that the test moves: schedules in three zones over changes of the clocks,
//! a scheduler that fires late and twice, triggers that die, a batch that the evening cuts off.
#![expect(clippy::expect_used, reason = "helpers fail the test that called them")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::AudienceFormat;
use alimi::domain::run::RunStatus;
use alimi::domain::{Audience, Notification, RunKey, Schedule, Status};
use alimi::ports::Clock;
use alimi::ports::scheduling::Runs;
use alimi_local::scheduler::SchedulerFaults;
use alimi_local::schedules;
use alimi_local::world::{Doom, World, WorldSettings};
use jiff::civil::{Date, Time, date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use serde_json::{Value, json};

const LIMIT: usize = 5;
const MEMBERS: usize = 30;
/// Members in a page: ten pages.
const PAGE: usize = 3;
/// Firings come this late, and once more this long after.
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

/// Triggers that take a page at a time, and die once on each page of each run, early or late in it.
#[derive(Clone, Default)]
struct Deaths(Arc<Mutex<BTreeMap<RunKey, BTreeSet<u64>>>>);

impl Deaths {
    fn start(&self, world: &World) {
        let (deaths, runner, runs) =
            (self.clone(), world.stack.runner.clone(), world.store.clone());
        schedules::start_with(&world.stack, move |event| {
            let (deaths, runner, runs) = (deaths.clone(), runner.clone(), runs.clone());
            async move {
                let key = run_of(&event);
                let run = runs.run(&key).await.expect("the table");
                let page = run.map_or(0, |run| run.counts.members / PAGE as u64);
                let doom = if deaths.has(&key, page) {
                    Doom::never()
                } else {
                    // An invocation has more steps than that, for one page too.
                    Doom::after(i64::try_from(1 + (page * 7 + 3) % 15).expect("few"))
                };
                let answer = schedules::invoke(&runner, &doom, event).await;
                if doom.has_struck() {
                    deaths.0.lock().expect("deaths").entry(key).or_default().insert(page);
                }
                answer
            }
        });
    }

    fn has(&self, key: &RunKey, page: u64) -> bool {
        self.0.lock().expect("deaths").get(key).is_some_and(|pages| pages.contains(&page))
    }
}

/// Which run an event of the scheduler's or the queue's is about.
fn run_of(event: &Value) -> RunKey {
    if let Some(body) = event["Records"][0]["body"].as_str() {
        return serde_json::from_str(body).expect("a run");
    }
    let at = event["scheduled_time"].as_str().expect("a time");
    RunKey::new(event["schedule"].as_str().expect("a name"), at.parse().expect("a time"))
}

/// A world at midnight in Seoul on a date, in which everything but triggers runs by itself from
/// then on.
async fn world_without_triggers(day: Date, limit: usize, catalog: &[(&str, &str)]) -> World {
    let mut settings = WorldSettings::default();
    for (from, to) in catalog {
        settings.catalog = settings.catalog.replace(from, to);
    }
    let per_second = format!("per_second: {limit}");
    settings.catalog = settings.catalog.replace("per_second: 40", &per_second);
    settings.simulator.per_second = u32::try_from(limit).expect("few");
    let mut world = World::new(settings).await;
    world.stack.runner.settings.page = PAGE;
    let midnight = day.to_zoned(zone("Asia/Seoul")).expect("a midnight");
    sleep_until(&world, midnight.timestamp()).await;
    world.start_senders();
    world.stack.scheduler.set_faults(FAULTS);
    schedules::start_planner(&world.stack, Duration::from_secs(600));
    let sweep = world.stack.sweep.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
            let swept = alimi_sweeper::handle(&sweep).await;
            assert!(swept.is_ok(), "the sweeper failed: {swept:?}");
        }
    });
    world
}

/// The same, with triggers that live.
async fn world_on(day: Date) -> World {
    let mut world = world_without_triggers(day, LIMIT, &[]).await;
    world.stack.runner.settings.page = 500;
    world.start_schedules();
    world
}

/// A schedule of an audience whose members all live in the schedule's zone.
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

/// When a message left, in a zone.
fn left_at(notification: &Notification, timezone: &str) -> Zoned {
    let sent_at_ms = notification.attempts.last().and_then(|a| a.request_sent_at_ms);
    let at = Timestamp::from_millisecond(sent_at_ms.expect("it was sent")).expect("a time");
    at.to_zoned(zone(timezone))
}

/// The local days on which each member of a schedule got its message, and the latest and earliest
/// time of the day.
fn days(world: &World, name: &str, timezone: &str) -> (BTreeMap<String, Vec<Date>>, Time, Time) {
    let mut days: BTreeMap<String, Vec<Date>> = BTreeMap::new();
    let (mut first, mut last) = (Time::MAX, Time::MIN);
    for notification in world.notifications().values() {
        if !notification.recipient.id.starts_with(name) {
            continue;
        }
        assert_eq!(notification.status, Status::Delivered);
        let left = left_at(notification, timezone);
        days.entry(notification.recipient.id.clone()).or_default().push(left.date());
        (first, last) = (first.min(left.time()), last.max(left.time()));
    }
    for dates in days.values_mut() {
        dates.sort_unstable();
    }
    (days, first, last)
}

/// Every run of a schedule came to its end and stored what it had to.
async fn check_runs(world: &World, name: &str, count: usize, members: usize) {
    let runs = world.store.runs(name, 100).await.expect("runs");
    assert_eq!(runs.len(), count, "{name}");
    for run in runs {
        assert_eq!(run.status, RunStatus::Finished, "{run:?}");
        assert_eq!((run.counts.stored, run.counts.doubled), (members as u64, 0), "{run:?}");
    }
}

/// A weekend in Seoul, New York and on Lord Howe, where the clocks change in its middle night. Each schedule fires late and
/// twice, and its triggers die on each page.
async fn weekend_from(saturday: Date) {
    let mut world = world_without_triggers(saturday, LIMIT, &[]).await;
    // Of its 300 s, an invocation has time for one page; it hands the run on then.
    world.stack.runner.settings.margin = Duration::from_millis(299_999);
    let deaths = Deaths::default();
    deaths.start(&world);
    let schedules =
        [("seoul", "Asia/Seoul"), ("york", "America/New_York"), ("howe", "Australia/Lord_Howe")];
    for (name, timezone) in schedules {
        schedule(&world, name, "cron(0 10 * * ? *)", timezone, MEMBERS).await;
    }
    // New York's Sunday is over, and nobody's Monday morning has come.
    let days_to_come: Vec<Date> =
        (0..2).map(|n| saturday.checked_add(n.days()).expect("a day")).collect();
    let late = days_to_come[1].at(16, 0, 0, 0).to_zoned(zone("America/New_York"));
    sleep_until(&world, late.expect("a time").timestamp()).await;
    world.check_invariants(LIMIT);
    for (name, timezone) in schedules {
        let (days, first, last) = days(&world, name, timezone);
        assert_eq!(days.len(), MEMBERS);
        for (member, days) in days {
            assert_eq!(days, days_to_come, "{member}");
        }
        assert!(first >= time(10, 1, 0, 0), "{name} at {first}: before it was fired");
        // Each page waits for Lambda's retry, or for the lease to run out and a sweeper's round.
        assert!(last < time(10, 45, 0, 0), "{name} at {last}");
        check_runs(&world, name, 2, MEMBERS).await;
        for run in world.store.runs(name, 2).await.expect("runs") {
            let pages = (MEMBERS / PAGE) as u64;
            for page in 0..pages {
                assert!(deaths.has(&run.key, page), "nobody died on page {page} of {:?}", run.key);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_weekend_over_new_yorks_change_of_the_clocks() {
    weekend_from(date(2026, 3, 7)).await;
}

#[tokio::test(start_paused = true)]
async fn a_weekend_over_lord_howes_half_hour() {
    weekend_from(date(2026, 4, 4)).await;
}

/// One a second, and seven minutes' window: nine hours hold more messages than a test has time for.
#[tokio::test(start_paused = true)]
async fn a_batch_of_ten_oclock_that_the_window_is_too_short_for_goes_on_the_next_morning() {
    let members = 600;
    let narrow = [(
        "    timezone: Asia/Seoul",
        "    timezone: Asia/Seoul\n    window: { from: \"10:00\", to: \"10:07\" }",
    )];
    let mut world = world_without_triggers(date(2026, 3, 7), 1, &narrow).await;
    world.stack.runner.settings.page = 500;
    world.start_schedules();
    schedule(&world, "batch", "cron(0 10 7 3 ? 2026)", "Asia/Seoul", members).await;
    sleep_until(&world, "2026-03-08T10:15+09:00".parse().expect("a time")).await;
    world.check_invariants(1);
    let (days, first, last) = days(&world, "batch", "Asia/Seoul");
    assert_eq!(days.len(), members);
    assert!(days.values().all(|days| days.len() == 1), "none twice");
    assert!(first >= time(10, 0, 0, 0) && last < time(10, 7, 0, 0), "{first} to {last}");
    let today = days.values().filter(|days| days[0] == date(2026, 3, 7)).count();
    // 70 seconds late, and 50 ms of each second are spare.
    assert!((290..=350).contains(&today), "{today} on the first morning");
    check_runs(&world, "batch", 1, members).await;
}

#[tokio::test(start_paused = true)]
async fn an_evening_cuts_a_batch_off_and_an_edit_at_noon_holds_from_the_next_time_on() {
    let members = 400;
    let world = world_on(date(2026, 3, 7)).await;
    // Fired 70 seconds late: 50 seconds are left until the window closes.
    schedule(&world, "evening", "cron(58 18 * * ? *)", "Asia/Seoul", members).await;
    sleep_until(&world, "2026-03-07T12:00+09:00".parse().expect("a time")).await;
    schedule(&world, "edited", "cron(0 14 * * ? *)", "Asia/Seoul", 3).await;
    sleep_until(&world, "2026-03-07T13:00+09:00".parse().expect("a time")).await;
    save(&world, "edited", "cron(0 15 * * ? *)", "Asia/Seoul").await;
    // The second evening is not waited for.
    sleep_until(&world, "2026-03-08T14:30+09:00".parse().expect("a time")).await;
    world.check_invariants(LIMIT);

    let (edited, first, _) = days(&world, "edited", "Asia/Seoul");
    assert_eq!(edited.len(), 3);
    assert!(first >= time(15, 1, 0, 0), "{first}");

    let mut on: BTreeMap<Date, usize> = BTreeMap::new();
    for notification in world.notifications().values() {
        let left = left_at(notification, "Asia/Seoul");
        let hours = time(10, 0, 0, 0)..time(19, 0, 0, 0);
        assert!(hours.contains(&left.time()), "one left at {left}");
        if notification.recipient.id.starts_with("evening") {
            *on.entry(left.date()).or_default() += 1;
        }
    }
    let [today, tomorrow] = [7, 8].map(|day| on[&date(2026, 3, day)]);
    assert_eq!(today + tomorrow, members, "none missing, none twice");
    assert!((150..260).contains(&today), "{today} before the window closed");
    check_runs(&world, "evening", 1, members).await;
}
