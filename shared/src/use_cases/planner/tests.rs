use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::domain::{Audience, Channel, HoursConfig, Producer, Template};
use crate::ports::{Changed, Document, Expected, FoundSchedule, ListedProducers, Revised};

/// A catalog that holds only schedules, a scheduler and a clock.
#[derive(Default)]
struct World {
    rows: Mutex<BTreeMap<String, Schedule>>,
    planned: Mutex<BTreeMap<String, PlannedSchedule>>,
    /// Puts and removals.
    writes: AtomicI64,
    now_ms: AtomicI64,
    /// Replaces the row at the next write to the scheduler.
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

    fn planner(self: &Arc<Self>) -> Planner {
        Planner {
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

    fn note_write(&self) {
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
        self.note_write();
        Ok(())
    }

    async fn schedule(&self, name: &str) -> Result<Option<FoundSchedule>, PortError> {
        Ok(self.planned(name).map(|planned| FoundSchedule { planned, is_ours: true }))
    }

    async fn remove_schedule(&self, name: &str) -> Result<(), PortError> {
        self.planned.lock().expect("planned").remove(name);
        self.note_write();
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
    async fn template(&self, _: &str) -> Result<Option<Revised<Template>>, PortError> {
        Ok(None)
    }
    async fn template_revision(&self, _: &str, _: u64) -> Result<Option<Template>, PortError> {
        Ok(None)
    }
    async fn producer(&self, _: &str) -> Result<Option<Producer>, PortError> {
        Ok(None)
    }
    async fn producers(&self) -> Result<ListedProducers, PortError> {
        Ok(ListedProducers::default())
    }
    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        Ok(vec![])
    }
    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError> {
        if name == "unreadable" {
            return Err(PortError::Unusable { what: "the row", detail: String::new() });
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
async fn a_schedule_is_created_updated_and_removed_with_its_row() {
    let world = World::at("2026-03-02T01:00:00Z");
    let planner = world.planner();
    world.save(schedule("daily", "cron(0 10 * * ? *)"));
    assert_eq!(planner.reconcile_one("daily").await.expect("planned"), Planned::Put);
    let entry = world.planned("daily").expect("it is there");
    assert_eq!(entry.expression, "cron(0 10 * * ? *)");
    assert_eq!(entry.timezone, "Asia/Seoul");
    assert!(entry.enabled);
    assert_eq!(entry.starts_at, None);
    assert!(!entry.is_once);

    world.save(Schedule { enabled: false, ..schedule("daily", "cron(0 11 * * ? *)") });
    assert_eq!(planner.reconcile_one("daily").await.expect("planned"), Planned::Put);
    let entry = world.planned("daily").expect("it is there");
    assert_eq!(entry.expression, "cron(0 11 * * ? *)");
    assert!(!entry.enabled);

    world.rows.lock().expect("rows").clear();
    assert_eq!(planner.reconcile_one("daily").await.expect("planned"), Planned::Removed);
    assert_eq!(world.planned("daily"), None);
}

#[tokio::test]
async fn a_repeated_change_event_writes_once() {
    let world = World::at("2026-03-02T01:00:00Z");
    world.save(schedule("hourly", "rate(1 hour)"));
    for _ in 0..3 {
        world.planner().reconcile_one("hourly").await.expect("planned");
    }
    assert_eq!(world.writes(), 1);
}

#[tokio::test]
async fn a_row_that_changes_while_it_is_planned_is_planned_again() {
    let world = World::at("2026-03-02T01:00:00Z");
    world.save(schedule("daily", "cron(0 10 * * ? *)"));
    *world.changed_meanwhile.lock().expect("change") =
        Some(schedule("daily", "cron(0 11 * * ? *)"));
    world.planner().reconcile_one("daily").await.expect("planned");
    assert_eq!(world.planned("daily").expect("it is there").expression, "cron(0 11 * * ? *)");
}

#[tokio::test]
async fn a_rate_without_a_start_is_not_planned() {
    let world = World::at("2026-03-02T01:00:00Z");
    let without_start = Schedule { starts_at: None, ..schedule("hourly", "rate(1 hour)") };
    world.save(without_start);
    let planner = world.planner();
    assert_eq!(planner.reconcile_one("hourly").await.expect("planned"), Planned::Unchanged);
    assert_eq!(world.planned("hourly"), None);
    assert_eq!(world.writes(), 0);
}

#[tokio::test]
async fn a_rate_keeps_its_times_and_is_not_written_again_as_time_passes() {
    let world = World::at("2026-03-02T01:20:30Z");
    world.save(schedule("hourly", "rate(1 hour)"));
    world.planner().reconcile_one("hourly").await.expect("planned");
    // The row starts in the past, and the scheduler takes no such start.
    let starts_at = world.planned("hourly").and_then(|entry| entry.starts_at);
    assert_eq!(starts_at, Some(time("2026-03-02T02:00:00Z")));
    world.pass_to("2026-03-05T17:45:00Z");
    assert_eq!(world.planner().reconcile().await.expect("compared"), Reconciled::default());

    let mut shifted = schedule("hourly", "rate(1 hour)");
    shifted.starts_at = Some(time("2026-03-01T00:30:00Z"));
    world.save(shifted);
    assert_eq!(world.planner().reconcile_one("hourly").await.expect("planned"), Planned::Put);
}

#[tokio::test]
async fn a_last_time_that_has_come_is_neither_removed_too_early_nor_written_again() {
    let world = World::at("2026-03-02T01:00:00Z");
    world.save(schedule("once", "at(2026-03-02T11:00:00)"));
    world.planner().reconcile_one("once").await.expect("planned");
    assert!(world.planned("once").is_some_and(|entry| entry.is_once));
    // It is 11:00 in Seoul: the schedule fires within a minute, and may be retried for hours.
    world.pass_to("2026-03-02T02:00:10Z");
    assert_eq!(world.planner().reconcile_one("once").await.expect("planned"), Planned::Unchanged);
    // A schedule for another time belongs to an earlier row.
    let planned = world.planned("once").expect("it is there");
    let earlier = PlannedSchedule { expression: "at(2026-03-02T14:00:00)".into(), ..planned };
    world.planned.lock().expect("planned").insert("once".into(), earlier);
    assert_eq!(world.planner().reconcile_one("once").await.expect("planned"), Planned::Removed);
    // The schedule has fired, and the scheduler has removed it.
    world.planned.lock().expect("planned").clear();
    assert_eq!(world.planner().reconcile_one("once").await.expect("planned"), Planned::Unchanged);
    assert_eq!(world.planned("once"), None);
}

#[tokio::test]
async fn reconciling_repairs_missing_stray_and_different_schedules_despite_a_failure() {
    let world = World::at("2026-03-02T01:00:00Z");
    for name in ["a", "b", "c", "d", "e"] {
        world.save(schedule(name, "cron(0 10 * * ? *)"));
    }
    world.planner().reconcile().await.expect("compared");
    assert_eq!(world.writes(), 5);
    {
        let mut planned = world.planned.lock().expect("planned");
        planned.remove("b");
        planned.get_mut("c").expect("it is there").timezone = "UTC".into();
        let stray = PlannedSchedule { name: "stray".into(), ..planned["a"].clone() };
        planned.insert("stray".into(), stray.clone());
        planned.insert("unreadable".into(), stray);
    }
    let reconciled = world.planner().reconcile().await.expect("compared");
    assert_eq!(reconciled, Reconciled { put: 2, removed: 1, failed: 1 });
    assert_eq!(world.planned("c").expect("it is there").timezone, "Asia/Seoul");
    assert!(world.planned("b").is_some() && world.planned("stray").is_none());
    // A schedule whose row cannot be read is left as it is.
    assert!(world.planned("unreadable").is_some());
}

#[tokio::test]
async fn a_comparison_whose_time_is_up_goes_on_behind_the_schedules_that_it_compared() {
    let world = World::at("2026-03-02T01:00:00Z");
    let name = |n: usize| format!("schedule-{n:03}");
    for n in 0..250 {
        world.save(schedule(&name(n), "cron(0 10 * * ? *)"));
    }
    let mut next = None;
    for (last, put) in [(Some(99), 100), (Some(199), 100), (None, 50)] {
        // The time is up at once.
        let until = Some(Instant::now());
        let part = world.planner().reconcile_part(next.as_deref(), until).await.expect("compared");
        assert_eq!(part.reconciled, Reconciled { put, ..Reconciled::default() });
        assert_eq!(part.next, last.map(name));
        next = part.next;
    }
    assert_eq!(world.writes(), 250);
    assert_eq!(world.planner().reconcile().await.expect("compared"), Reconciled::default());
}
