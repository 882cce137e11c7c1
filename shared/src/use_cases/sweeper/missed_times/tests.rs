use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::domain::Run;
use crate::ports::{Changed, Expected, Saved};

/// Schedules that each missed one time. None of the runs that are requested begins.
#[derive(Default)]
struct World {
    rows: BTreeMap<String, Document>,
    requested: Mutex<Vec<String>>,
    place: Mutex<Option<String>>,
    places_saved: AtomicUsize,
    pages_read: AtomicUsize,
    /// The page that cannot be read, counted from 1.
    broken_page: Option<usize>,
    /// How long the read of a run takes.
    latency: Duration,
}

impl World {
    fn with_schedules(count: usize) -> Self {
        let row = |n| {
            let name = format!("schedule-{n:05}");
            let body = json!({
                "expression": "cron(0 10 * * ? *)", "template": "t", "audience": "a",
            });
            let document = Document {
                name: name.clone(),
                revision: 1,
                body: Some(body),
                changed_by: String::new(),
                changed_at_ms: 0,
            };
            (name, document)
        };
        Self { rows: (0..count).map(row).collect(), ..Self::default() }
    }

    /// A round of a process that has just started.
    async fn round(self: &Arc<Self>) -> Result<usize, PortError> {
        let missed_times = MissedTimes {
            documents: self.clone(),
            runs: self.clone(),
            queue: self.clone(),
            places: self.clone(),
            clock: self.clone(),
        };
        missed_times.round().await
    }

    fn requested(&self) -> Vec<String> {
        self.requested.lock().expect("the requests").clone()
    }

    fn place(&self) -> Option<String> {
        self.place.lock().expect("the place").clone()
    }
}

impl Clock for World {
    fn now_us(&self) -> i64 {
        let now: Timestamp = "2026-03-02T10:05:00+09:00".parse().expect("a time");
        now.as_microsecond()
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
        limit: usize,
    ) -> Result<Vec<Document>, PortError> {
        let page = 1 + self.pages_read.fetch_add(1, Ordering::Relaxed);
        if self.broken_page == Some(page) {
            return Err(PortError::Unavailable { what: "the table", detail: String::new() });
        }
        let rows = self.rows.iter().filter(|(name, _)| after.is_none_or(|after| &***name > after));
        Ok(rows.take(limit).map(|(_, row)| row.clone()).collect())
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

#[async_trait]
impl Runs for World {
    async fn create_run(&self, _: &Run) -> Result<Option<Run>, PortError> {
        Ok(None)
    }

    async fn run(&self, _: &RunKey) -> Result<Option<Run>, PortError> {
        tokio::time::sleep(self.latency).await;
        Ok(None)
    }

    async fn save_run(&self, _: &Run, _: u64) -> Result<Saved, PortError> {
        Ok(Saved::Done)
    }

    async fn runs(&self, _: &str, _: usize) -> Result<Vec<Run>, PortError> {
        Ok(vec![])
    }

    async fn storing_runs(&self, _: usize) -> Result<Vec<RunKey>, PortError> {
        Ok(vec![])
    }

    async fn cancelling_runs(&self, _: usize) -> Result<Vec<RunKey>, PortError> {
        Ok(vec![])
    }

    async fn sending_runs(&self, _: Option<&RunKey>, _: usize) -> Result<Vec<RunKey>, PortError> {
        Ok(vec![])
    }
}

#[async_trait]
impl RunQueue for World {
    async fn request_run(&self, key: &RunKey) -> Result<(), PortError> {
        self.requested.lock().expect("the requests").push(key.schedule.clone());
        Ok(())
    }
}

#[async_trait]
impl RepairPlaces for World {
    async fn place(&self, _: Repair) -> Result<Option<String>, PortError> {
        Ok(self.place())
    }

    async fn save_place(&self, _: Repair, place: Option<&str>) -> Result<(), PortError> {
        self.places_saved.fetch_add(1, Ordering::Relaxed);
        *self.place.lock().expect("the place") = place.map(str::to_owned);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_schedules_are_searched_over_rounds_of_which_each_is_bounded() {
    let world = Arc::new(World::with_schedules(10_000));
    for round in 1..=5 {
        assert_eq!(world.round().await.expect("a round"), SCHEDULES_MAX, "round {round}");
    }
    let requested = world.requested();
    assert_eq!(requested.len(), 10_000, "some were searched twice");
    assert_eq!(requested.iter().collect::<BTreeSet<_>>().len(), 10_000);
    // The next rounds begin again.
    while world.requested().len() < 10_000 + SCHEDULES_MAX {
        world.round().await.expect("a round");
    }
    assert_eq!(world.requested()[10_000..].iter().min(), requested.iter().min());
}

#[tokio::test(start_paused = true)]
async fn a_round_that_is_cut_short_is_continued_by_the_next_one() {
    let pages_before = 7;
    let world = World { broken_page: Some(pages_before + 1), ..World::with_schedules(1_000) };
    let world = Arc::new(world);
    assert!(world.round().await.is_err());
    assert_eq!(world.requested().len(), pages_before * PAGE);
    assert_eq!(world.round().await.expect("a round"), 1_000 - pages_before * PAGE);
    assert_eq!(world.requested().iter().collect::<BTreeSet<_>>().len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_round_ends_in_time_although_the_database_is_slow() {
    let world = World { latency: Duration::from_secs(1), ..World::with_schedules(1_000) };
    let world = Arc::new(world);
    let began_at = Instant::now();
    let requested = world.round().await.expect("a round");
    assert!(began_at.elapsed() < Duration::from_secs(40), "{:?}", began_at.elapsed());
    assert!((PAGE..1_000).contains(&requested), "{requested}");
    world.round().await.expect("a round");
    let requested = world.requested();
    assert_eq!(requested.iter().collect::<BTreeSet<_>>().len(), requested.len());
}

#[tokio::test(start_paused = true)]
async fn few_schedules_are_all_searched_in_each_round_and_no_place_is_stored() {
    let world = Arc::new(World::with_schedules(PAGE - 1));
    for _ in 0..3 {
        assert_eq!(world.round().await.expect("a round"), PAGE - 1);
    }
    assert_eq!(world.places_saved.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_place_behind_the_last_schedule_leads_back_to_the_first_one() {
    let world = Arc::new(World::with_schedules(3));
    *world.place.lock().expect("the place") = Some("z".to_owned());
    assert_eq!(world.round().await.expect("a round"), 0);
    assert_eq!(world.place(), None);
    assert_eq!(world.round().await.expect("a round"), 3);
}
