//! What a log line may hold. One test in its own process: it listens to everything that is logged.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi::delivery::RunOutcome;
use alimi::domain::RunKey;
use alimi::ports::Clock;
use alimi_local::embedded::DatabaseFault;
use alimi_local::simulator::PASSWORD;
use alimi_local::stack::WEBHOOK_SECRET;
use alimi_local::world::{World, WorldSettings};
use jiff::Timestamp;
use serde_json::json;
use tracing_subscriber::EnvFilter;

#[derive(Clone, Default)]
struct Everything(Arc<Mutex<Vec<u8>>>);

impl Write for Everything {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn no_number_no_text_and_no_secret_is_in_a_log_line() {
    let everything = Everything::default();
    let writer = everything.clone();
    tracing_subscriber::fmt()
        // The most that template.yaml lets an operator switch on.
        .with_env_filter(EnvFilter::new("info,alimi=trace"))
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();

    let world = World::new(WorldSettings::default()).await;
    world.start_senders();
    // Every fate, an outage, and everything that the API and the webhook refuse.
    for (index, exchange) in ["1234"].into_iter().chain(FATES).enumerate() {
        let body = json!({
            "to": { "id": "teacher", "phone": format!("010-{exchange}-5678") },
            "steps": [
                { "template": "consultation-start", "variables": variables() },
                { "template": "photo-and-video", "variables": variables() },
            ],
        });
        let key = format!("key-{index}");
        let (status, _) = world.produce("POST", "/v1/sequences", Some(&key), body).await;
        assert_eq!(status, 202);
    }
    world.settle(Duration::from_secs(3 * 3600)).await;
    let bad =
        json!({ "template": "photo-and-video", "to": { "id": "t", "phone": "01012345678x" } });
    world.produce("POST", "/v1/notifications", Some("bad"), bad).await;
    for _ in 0..10 {
        world.faults.add(DatabaseFault::Refused);
    }
    let good = json!({
        "template": "photo-and-video", "to": { "id": "t", "phone": "01012345678" },
        "variables": variables(),
    });
    world.produce("POST", "/v1/notifications", Some("outage"), good).await;
    world.faults.clear();
    world.webhook("/webhooks/alimtalk-main/guessed-secret", "{}").await;
    let push = json!({ "PHONE": "01012345678", "RESULT": "x y" }).to_string();
    world.webhook(&format!("/webhooks/alimtalk-main/{WEBHOOK_SECRET}"), push).await;

    // What an operator uploads, good and bad, and what a dry run makes of it.
    let create = [("if-none-match", "*")];
    let audience = json!({ "source": { "kind": "members" } });
    world.operate("PUT", "/v1/audiences/teachers", &create, audience).await;
    let schedule = json!({
        "expression": "cron(0 11 * * ? *)", "template": "photo-and-video", "audience": "teachers",
    });
    world.operate("PUT", "/v1/schedules/daily", &create, schedule).await;
    let csv =
        "id,phone,name\nt1,010-1234-5678,김하나\nt2,01012345678x,김하나\n\"t3\"x,01012345678,n\n";
    let upload = "/v1/audiences/teachers/members";
    for _ in 0..2 {
        let answer = world.operate("POST", upload, &[("content-type", "text/csv")], csv).await;
        assert_eq!(answer.status, 200);
        for _ in 0..10 {
            world.faults.add(DatabaseFault::Refused);
        }
        world.operate("POST", upload, &[("content-type", "text/csv")], csv).await;
        world.faults.clear();
    }
    world.operate("POST", "/v1/schedules/daily/dry-run", &[], "").await;
    // As when the schedule was edited in the last second.
    let next_second = Timestamp::from_millisecond(world.clock.now_ms() + 1_000).expect("a time");
    let key = RunKey::new("daily", next_second);
    let report = world.stack.runner.run(&key, Duration::from_secs(60)).await.expect("a report");
    assert_eq!(report.outcome, RunOutcome::NotScheduled);

    let logged = everything.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let logged = String::from_utf8(logged).expect("text");
    for word in
        ["a sequence stopped", "a sequence waits", "sent", "drained", "refused", "members uploaded"]
    {
        assert!(logged.contains(word), "nothing is logged of {word:?}: the test sees nothing");
    }
    let not_to_be = logged.lines().find(|line| line.contains("a run was asked for"));
    // The alarm counts errors.
    assert!(not_to_be.is_some_and(|line| line.contains(" WARN ")), "{not_to_be:?}");
    let forbidden = [
        "-5678",
        "0101234",
        "010900",
        "김하나",
        "3월 2일",
        "선생님",
        "secret-code",
        PASSWORD,
        WEBHOOK_SECRET,
        "guessed-secret",
        "token-0",
    ];
    for line in logged.lines() {
        for word in forbidden {
            assert!(!line.contains(word), "{word:?} is in: {line}");
        }
    }
}

const FATES: [&str; 9] = ["9001", "9002", "9003", "9004", "9005", "9006", "9007", "9008", "9009"];

fn variables() -> serde_json::Value {
    json!({ "name": "김하나", "date": "3월 2일", "code": "secret-code" })
}
