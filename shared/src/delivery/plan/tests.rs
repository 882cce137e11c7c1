use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::domain::{Audience, Channel, HoursConfig, Template};
use crate::ports::scheduling::{Changed, Document, Expected, FoundSchedule};

/// A catalog with schedules only, a scheduler beside it, and a clock.
#[derive(Default)]
struct World {
    rows: Mutex<BTreeMap<String, Schedule>>,
    planned: Mutex<BTreeMap<String, PlannedSchedule>>,
    /// Puts and removals.
    writes: AtomicI64,
    now_ms: AtomicI64,
    /// Takes the row's place as soon as the scheduler is written to.
    changed_meanwhile: Mutex<Option<Schedule>>,
}

impl World {
    fn at(now: &str) -> Arc<Self> {
        let world = Self::default();
        world.pass_to(now);
        Arc::new(world)
    }

    fn pass_to(&self, now: &str) {
        self.now_ms.store(time(now).as_millisecond(), Ordering::Relaxed);
    }

    fn plan(self: &Arc<Self>) -> Plan {
        Plan {
            catalog: self.clone(),
            documents: self.clone(),
            scheduler: self.clone(),
            clock: self.clone(),
        }
    }

    fn save(&self, schedule: Schedule) {
        self.rows.lock().expect("rows").insert(schedule.name.clone(), schedule);
    }

    fn planned(&self, name: &str) -> Option<PlannedSchedule> {
        self.planned.lock().expect("planned").get(name).cloned()
    }

    fn writes(&self) -> i64 {
        self.writes.load(Ordering::Relaxed)
    }

    fn written(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        if let Some(changed) = self.changed_meanwhile.lock().expect("change").take() {
            self.save(changed);
        }
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn schedule(name: &str, expression: &str) -> Schedule {
    serde_json::from_value(json!({
        "name": name, "expression": expression, "template": "t", "audience": "a",
        "starts_at": "2026-03-01T00:00:00Z",
    }))
    .expect("a schedule")
}

impl Clock for World {
    fn now_us(&self) -> i64 {
        1000 * self.now_ms.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Scheduler for World {
    async fn put_schedule(&self, planned: &PlannedSchedule) -> Result<(), PortError> {
        self.planned.lock().expect("planned").insert(planned.name.clone(), planned.clone());
        self.written();
        Ok(())
    }

    async fn schedule(&self, name: &str) -> Result<Option<FoundSchedule>, PortError> {
        Ok(self.planned(name).map(|planned| FoundSchedule { planned, is_ours: true }))
    }

    async fn remove_schedule(&self, name: &str) -> Result<(), PortError> {
        self.planned.lock().expect("planned").remove(name);
        self.written();
        Ok(())
    }

    async fn schedule_names(&self) -> Result<Vec<String>, PortError> {
        Ok(self.planned.lock().expect("planned").keys().cloned().collect())
    }
}

#[async_trait]
impl Catalog for World {
    async fn channel(&self, _: &str) -> Result<Option<Channel>, PortError> {
        Ok(None)
    }
    async fn template(&self, _: &str) -> Result<Option<Template>, PortError> {
        Ok(None)
    }
    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        Ok(vec![])
    }
    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError> {
        if name == "unreadable" {
            return Err(PortError::Corrupt { what: "the row", detail: String::new() });
        }
        Ok(self.rows.lock().expect("rows").get(name).cloned())
    }
    async fn audience(&self, _: &str) -> Result<Option<Audience>, PortError> {
        Ok(None)
    }
    async fn hours(&self) -> Result<HoursConfig, PortError> {
        Ok(HoursConfig::default())
    }
}

#[async_trait]
impl Documents for World {
    async fn document(&self, _: Kind, _: &str) -> Result<Option<Document>, PortError> {
        Ok(None)
    }

    async fn documents(
        &self,
        _: Kind,
        after: Option<&str>,
        _: usize,
    ) -> Result<Vec<Document>, PortError> {
        let rows = self.rows.lock().expect("rows");
        let names = rows.keys().filter(|name| after.is_none_or(|after| name.as_str() > after));
        // Pages of two.
        Ok(names
            .take(2)
            .map(|name| Document {
                name: name.clone(),
                revision: 1,
                body: None,
                changed_by: String::new(),
                changed_at_ms: 0,
            })
            .collect())
    }

    async fn put_document(&self, _: Kind, _: &Document, _: Expected) -> Result<Changed, PortError> {
        Ok(Changed::Done(1))
    }

    async fn delete_document(
        &self,
        _: Kind,
        _: &str,
        _: Expected,
        _: &str,
        _: i64,
    ) -> Result<Changed, PortError> {
        Ok(Changed::Done(1))
    }

    async fn history(&self, _: Kind, _: &str, _: usize) -> Result<Vec<Document>, PortError> {
        Ok(vec![])
    }
}

#[tokio::test]
async fn a_schedule_is_made_changed_and_removed_as_its_row() {
    let world = World::at("2026-03-02T01:00:00Z");
    let plan = world.plan();
    world.save(schedule("daily", "cron(0 10 * * ? *)"));
    assert_eq!(plan.one("daily").await.expect("planned"), Planned::Put);
    let planned = world.planned("daily").expect("it is there");
    assert_eq!(
        (planned.expression.as_str(), planned.timezone.as_str(), planned.enabled),
        ("cron(0 10 * * ? *)", "Asia/Seoul", true)
    );
    assert_eq!((planned.starts_at, planned.is_once), (None, false));

    world.save(Schedule { enabled: false, ..schedule("daily", "cron(0 11 * * ? *)") });
    assert_eq!(plan.one("daily").await.expect("planned"), Planned::Put);
    let planned = world.planned("daily").expect("it is there");
    assert_eq!((planned.expression.as_str(), planned.enabled), ("cron(0 11 * * ? *)", false));

    world.rows.lock().expect("rows").clear();
    assert_eq!(plan.one("daily").await.expect("planned"), Planned::Removed);
    assert_eq!(world.planned("daily"), None);
}

#[tokio::test]
async fn telling_of_a_change_twice_writes_once() {
    let world = World::at("2026-03-02T01:00:00Z");
    world.save(schedule("hourly", "rate(1 hour)"));
    for _ in 0..3 {
        world.plan().one("hourly").await.expect("planned");
    }
    assert_eq!(world.writes(), 1);
}

#[tokio::test]
async fn a_row_that_changes_while_it_is_planned_is_planned_again() {
    let world = World::at("2026-03-02T01:00:00Z");
    world.save(schedule("daily", "cron(0 10 * * ? *)"));
    *world.changed_meanwhile.lock().expect("change") =
        Some(schedule("daily", "cron(0 11 * * ? *)"));
    world.plan().one("daily").await.expect("planned");
    assert_eq!(world.planned("daily").expect("it is there").expression, "cron(0 11 * * ? *)");
}

#[tokio::test]
async fn a_rate_that_nobody_can_say_the_start_of_is_not_planned() {
    let world = World::at("2026-03-02T01:00:00Z");
    let by_hand = Schedule { starts_at: None, ..schedule("hourly", "rate(1 hour)") };
    world.save(by_hand);
    let plan = world.plan();
    assert_eq!(plan.one("hourly").await.expect("planned"), Planned::AsItWas);
    assert_eq!((world.planned("hourly"), world.writes()), (None, 0));
}

#[tokio::test]
async fn a_rate_keeps_its_times_and_is_not_put_again_as_time_passes() {
    let world = World::at("2026-03-02T01:20:30Z");
    world.save(schedule("hourly", "rate(1 hour)"));
    world.plan().one("hourly").await.expect("planned");
    // The row starts in the past, which the scheduler would not take.
    let starts_at = world.planned("hourly").and_then(|planned| planned.starts_at);
    assert_eq!(starts_at, Some(time("2026-03-02T02:00:00Z")));
    world.pass_to("2026-03-05T17:45:00Z");
    assert_eq!(world.plan().reconcile().await.expect("compared"), Reconciled::default());

    let mut shifted = schedule("hourly", "rate(1 hour)");
    shifted.starts_at = Some(time("2026-03-01T00:30:00Z"));
    world.save(shifted);
    assert_eq!(world.plan().one("hourly").await.expect("planned"), Planned::Put);
}

#[tokio::test]
async fn a_time_that_has_come_is_neither_removed_too_early_nor_put_again() {
    let world = World::at("2026-03-02T01:00:00Z");
    world.save(schedule("once", "at(2026-03-02T11:00:00)"));
    world.plan().one("once").await.expect("planned");
    assert!(world.planned("once").is_some_and(|planned| planned.is_once));
    // It is 11:00 in Seoul: it fires within a minute, and may be tried again for hours.
    world.pass_to("2026-03-02T02:00:10Z");
    assert_eq!(world.plan().one("once").await.expect("planned"), Planned::AsItWas);
    // What is to fire at another time is an earlier row's.
    let planned = world.planned("once").expect("it is there");
    let earlier = PlannedSchedule { expression: "at(2026-03-02T14:00:00)".into(), ..planned };
    world.planned.lock().expect("planned").insert("once".into(), earlier);
    assert_eq!(world.plan().one("once").await.expect("planned"), Planned::Removed);
    // It fired and removed itself.
    world.planned.lock().expect("planned").clear();
    assert_eq!(world.plan().one("once").await.expect("planned"), Planned::AsItWas);
    assert_eq!(world.planned("once"), None);
}

#[tokio::test]
async fn comparing_all_heals_what_is_missing_stray_or_different_and_goes_on_past_a_failure() {
    let world = World::at("2026-03-02T01:00:00Z");
    for name in ["a", "b", "c", "d", "e"] {
        world.save(schedule(name, "cron(0 10 * * ? *)"));
    }
    world.plan().reconcile().await.expect("compared");
    assert_eq!(world.writes(), 5);
    {
        let mut planned = world.planned.lock().expect("planned");
        planned.remove("b");
        planned.get_mut("c").expect("it is there").timezone = "UTC".into();
        let stray = PlannedSchedule { name: "stray".into(), ..planned["a"].clone() };
        planned.insert("stray".into(), stray.clone());
        planned.insert("unreadable".into(), stray);
    }
    let healed = world.plan().reconcile().await.expect("compared");
    assert_eq!(healed, Reconciled { put: 2, removed: 1, failed: 1 });
    assert_eq!(world.planned("c").expect("it is there").timezone, "Asia/Seoul");
    assert!(world.planned("b").is_some() && world.planned("stray").is_none());
    // What cannot be read is left as it is.
    assert!(world.planned("unreadable").is_some());
}
