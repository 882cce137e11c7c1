//! The runs and bulk requests of one channel share the pace of their puts, and a put that the
//! database throttles is repeated in place.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alimi::domain::audience::AudienceSource;
use alimi::domain::audience::file::AudienceFormat;
use alimi::domain::{Audience, Notification, NotificationId};
use alimi::ports::{Created, Notifications, PortError, PutPace, PutWish, Reserved, Saved};
use alimi::use_cases::PUTS_PER_SECOND;
use alimi_local::aws::embedded::{DatabaseFault, DatabaseFaults};
use alimi_local::testing::database_usage::DatabaseUsage;
use alimi_local::testing::world::{World, WorldSettings};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::daily::{BUCKET, FILE, daily_run, fire, fire_at, save, schedule, ten_oclock, world};
use super::members::{check_mixed, csv, mixed};

/// How often the AWS client sends a request that keeps failing.
const TRIES: usize = alimi::aws::TRIES as usize;

/// How often the puts are counted.
const COUNT_EVERY: Duration = Duration::from_millis(10);

/// A world with three schedules for the members of a file, whose database requests are counted.
async fn world_with_three_schedules(usage: &DatabaseUsage) -> World {
    let settings = WorldSettings { database_usage: usage.clone(), ..WorldSettings::default() };
    let world = World::new(settings).await;
    let (bucket, key) = (BUCKET.to_owned(), FILE.to_owned());
    let source = AudienceSource::S3 { bucket, key, format: AudienceFormat::Csv };
    world.store.put_audience(&Audience { name: "all".into(), source }).await.expect("stored");
    for name in ["one", "two", "three"] {
        save(&world, schedule(name, "cron(0 10 * * ? *)")).await;
    }
    world
}

fn puts(usage: &DatabaseUsage) -> u64 {
    usage.by_operation().get("PutItem").map_or(0, |put| put.requests)
}

#[tokio::test(start_paused = true)]
async fn three_runs_and_a_bulk_request_of_one_channel_keep_one_pace_together() {
    const MEMBERS: usize = 600;
    const ITEMS: usize = 300;
    /// The catch-up of a pace that was not used before, and that of a put in its slot.
    const CATCH_UPS: u64 = 50;
    /// Puts of the runs' own rows.
    const OF_RUNS: u64 = 30;
    let usage = DatabaseUsage::default();
    let world = world_with_three_schedules(&usage).await;
    world.stack.files.save(BUCKET, FILE, csv(MEMBERS));
    let item = json!({
        "template": "photo-and-video", "priority": 600,
        "to": { "id": "teacher-1", "phone": "01012345678" },
        "variables": { "name": "김하나", "code": "a1" },
    });
    let items = Value::Array(vec![item; ITEMS]);

    let counts = Arc::new(Mutex::new(Vec::new()));
    let counter = tokio::spawn({
        let (counts, usage) = (counts.clone(), usage.clone());
        async move {
            loop {
                counts.lock().expect("no panic").push(puts(&usage));
                tokio::time::sleep(COUNT_EVERY).await;
            }
        }
    });
    let began = Instant::now();
    let (one, two, three, (status, answer)) = futures::join!(
        fire_at(&world, "one", ten_oclock()),
        fire_at(&world, "two", ten_oclock()),
        fire_at(&world, "three", ten_oclock()),
        world.produce("POST", "/v1/notifications", Some("k"), &items),
    );
    let took = began.elapsed();
    counter.abort();
    assert_eq!([one, two, three], ["ended", "ended", "ended"]);
    assert_eq!(status, 202, "{answer}");
    assert_eq!(world.notifications().len(), 3 * MEMBERS + ITEMS);

    let counts = counts.lock().expect("no panic").clone();
    let a_second = 1_000 / 10;
    let in_a_second = counts.windows(a_second + 1).map(|window| window[a_second] - window[0]);
    let busiest = in_a_second.max().expect("it took longer than a second");
    let permitted = u64::from(PUTS_PER_SECOND) + CATCH_UPS + OF_RUNS;
    assert!(busiest <= permitted, "{busiest} puts in a second");
    // 2,100 puts, at 500 a second.
    assert!((4_000..5_500).contains(&took.as_millis()), "{took:?}");
}

/// Each of the first puts meets a database that throttles it for longer than the client repeats it.
struct Throttled {
    notifications: Arc<dyn Notifications>,
    faults: DatabaseFaults,
    left: AtomicUsize,
}

#[async_trait]
impl Notifications for Throttled {
    async fn create(&self, notification: &Notification) -> Result<Created, PortError> {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            (0..TRIES).for_each(|_| self.faults.add(DatabaseFault::Refused));
        }
        self.notifications.create(notification).await
    }

    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError> {
        self.notifications.load(id).await
    }

    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError> {
        self.notifications.save(notifications).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_put_does_not_end_the_page_of_a_run() {
    let mut world = world().await;
    world.stack.files.save(BUCKET, FILE, mixed());
    // One put after the other, so that only puts are throttled.
    world.stack.trigger.settings.concurrency = 1;
    world.stack.trigger.notifications = Arc::new(Throttled {
        notifications: world.stack.trigger.notifications.clone(),
        faults: world.faults.clone(),
        left: AtomicUsize::new(5),
    });
    assert_eq!(fire(&world).await, "ended");
    assert_eq!(world.faults.left(), 0, "every fault was met");
    assert_eq!(world.stack.run_queue.sent(), 0, "nothing was left for another invocation");
    check_mixed(&world, "throttled").await;
}

/// Without an end of the throttling, the run gives up its page and goes to the run queue.
#[tokio::test(start_paused = true)]
async fn a_put_that_is_throttled_for_too_long_interrupts_the_run() {
    let mut world = world().await;
    world.stack.files.save(BUCKET, FILE, mixed());
    world.stack.trigger.settings.concurrency = 1;
    world.stack.trigger.notifications = Arc::new(Throttled {
        notifications: world.stack.trigger.notifications.clone(),
        faults: world.faults.clone(),
        left: AtomicUsize::new(usize::MAX),
    });
    let began = Instant::now();
    assert_eq!(fire(&world).await, "interrupted");
    let took = began.elapsed();
    assert!((10..20).contains(&took.as_secs()), "{took:?}");
    assert_eq!(daily_run(&world).await.lease_until_ms, None);
    assert_eq!(world.stack.run_queue.sent(), 1);
}

/// Many runs share the pace. A page that waits for most of its lease would be repeated by another
/// invocation, so pages are small while the pace is slow.
#[tokio::test(start_paused = true)]
async fn pages_are_small_while_others_use_up_the_pace() {
    /// Every reservation comes 15 s late.
    struct Busy;

    #[async_trait]
    impl PutPace for Busy {
        async fn reserve(&self, _: &str, wish: PutWish) -> Result<Reserved, PortError> {
            Ok(Reserved::From { at_us: wish.earliest_us + 15_000_000 })
        }
    }

    let mut world = world().await;
    world.stack.trigger.settings.puts_per_second = Some(500);
    world.stack.trigger.settings.page = 500;
    world.stack.trigger.put_pace = Arc::new(Busy);
    world.stack.files.save(BUCKET, FILE, csv(700));
    let invocation = fire(&world);
    let watch = async {
        let (mut members, mut since, mut longest) = (0, Instant::now(), Duration::ZERO);
        while members < 700 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let found = daily_run(&world).await.counts.members;
            if found > members {
                longest = longest.max(since.elapsed());
                (members, since) = (found, Instant::now());
            }
        }
        longest
    };
    // The run is stored by then.
    let (outcome, longest) = futures::join!(invocation, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        watch.await
    });
    assert_eq!(outcome, "ended");
    assert!(longest < world.stack.trigger.settings.lease / 2, "{longest:?} from page to page");
}
