//! Whole days on a clock that the test moves: schedules in three zones over changes of the clocks,
//! a scheduler that fires late and twice, triggers that die, a batch that the evening cuts off.
#![expect(clippy::expect_used, reason = "helpers fail the test that called them")]

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::AudienceFormat;
use alimi::domain::run::RunStatus;
use alimi::domain::{Audience, Notification, Schedule, Status};
use alimi::ports::Clock;
use alimi::ports::scheduling::Runs;
use alimi_local::scheduler::SchedulerFaults;
use alimi_local::schedules;
use alimi_local::world::{Doom, World, WorldSettings};
use jiff::civil::{Date, Time, date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::json;

const LIMIT: usize = 5;
const MEMBERS: usize = 3;
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

/// A world at midnight in Seoul on a date, in which everything runs by itself from then on.
async fn world_on(day: Date, doom: &Doom) -> World {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 5");
    settings.simulator.per_second = 5;
    let world = World::new(settings).await;
    let midnight = day.to_zoned(zone("Asia/Seoul")).expect("a midnight");
    sleep_until(&world, midnight.timestamp()).await;
    world.start_senders();
    world.stack.scheduler.set_faults(FAULTS);
    schedules::start(&world.stack, doom);
    schedules::start_planner(&world.stack, Duration::from_secs(60));
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

#[tokio::test(start_paused = true)]
async fn a_weekend_over_new_yorks_change_of_the_clocks() {
    // The 120th step is in the middle of some run.
    let world = world_on(date(2026, 3, 7), &Doom::after(120)).await;
    let schedules =
        [("seoul", "Asia/Seoul"), ("york", "America/New_York"), ("london", "Europe/London")];
    for (name, timezone) in schedules {
        schedule(&world, name, "cron(0 10 * * ? *)", timezone, MEMBERS).await;
    }
    sleep_until(&world, "2026-03-10T00:00-04:00".parse().expect("a time")).await;
    world.check_invariants(LIMIT);
    for (name, timezone) in schedules {
        let (days, first, last) = days(&world, name, timezone);
        assert_eq!(days.len(), MEMBERS);
        for (member, days) in days {
            let expected: Vec<Date> = (7..=9).map(|day| date(2026, 3, day)).collect();
            assert_eq!(days[..3], expected[..], "{member}");
        }
        assert!(first >= time(10, 1, 0, 0), "{name} at {first}: before it was fired");
        // A trigger that died is followed within Lambda's retry or the sweeper's round.
        assert!(last < time(10, 6, 0, 0), "{name} at {last}");
    }
    check_runs(&world, "york", 3, MEMBERS).await;
    check_runs(&world, "london", 3, MEMBERS).await;
}

#[tokio::test(start_paused = true)]
async fn a_weekend_over_lord_howes_half_hour() {
    let world = world_on(date(2026, 4, 4), &Doom::never()).await;
    let timezone = "Australia/Lord_Howe";
    schedule(&world, "howe", "cron(0 10 * * ? *)", timezone, MEMBERS).await;
    sleep_until(&world, "2026-04-06T20:00+10:30".parse().expect("a time")).await;
    world.check_invariants(LIMIT);
    let (days, first, last) = days(&world, "howe", timezone);
    for days in days.values() {
        assert_eq!(days[..], [date(2026, 4, 4), date(2026, 4, 5), date(2026, 4, 6)]);
    }
    assert!(first >= time(10, 1, 0, 0) && last < time(10, 4, 0, 0), "{first} to {last}");
    check_runs(&world, "howe", 3, MEMBERS).await;
}

#[tokio::test(start_paused = true)]
async fn an_evening_cuts_a_batch_off_and_an_edit_at_noon_holds_from_the_next_time_on() {
    let members = 400;
    let world = world_on(date(2026, 3, 7), &Doom::never()).await;
    // Fired 70 seconds late: 50 seconds are left until the window closes.
    schedule(&world, "evening", "cron(58 18 * * ? *)", "Asia/Seoul", members).await;
    sleep_until(&world, "2026-03-07T12:00+09:00".parse().expect("a time")).await;
    schedule(&world, "edited", "cron(0 14 * * ? *)", "Asia/Seoul", MEMBERS).await;
    sleep_until(&world, "2026-03-07T13:00+09:00".parse().expect("a time")).await;
    save(&world, "edited", "cron(0 15 * * ? *)", "Asia/Seoul").await;
    // The second evening is not waited for.
    sleep_until(&world, "2026-03-08T14:30+09:00".parse().expect("a time")).await;
    world.check_invariants(LIMIT);

    let (edited, first, _) = days(&world, "edited", "Asia/Seoul");
    assert_eq!(edited.len(), MEMBERS);
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
