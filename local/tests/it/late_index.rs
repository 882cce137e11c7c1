//! The indexes of DynamoDB lag. Here an index hides new entries for three seconds, and shows
//! removed ones for three seconds more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alimi::domain::Status;
use alimi::ports::{Agenda, AgendaEntry, PortError};
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{World, WorldSettings};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

const LAG: Duration = Duration::from_secs(3);
/// More than any test stores, so that the lag applies to whole partitions.
const EVERYTHING: usize = 1000;

struct LateIndex {
    inner: Arc<dyn Agenda>,
    /// Entries by partition and sort key, with when the index first and last had each.
    known: Mutex<BTreeMap<(String, String), Known>>,
}

struct Known {
    entry: AgendaEntry,
    first: Instant,
    last: Instant,
}

#[async_trait]
impl Agenda for LateIndex {
    async fn entries(
        &self,
        partition: &str,
        from: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        let present = self.inner.entries(partition, None, None, EVERYTHING).await?;
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in present {
            let key = (partition.to_owned(), entry.sort.clone());
            known.entry(key).or_insert(Known { entry, first: now, last: now }).last = now;
        }
        Ok(known
            .iter()
            .filter(|((of, _), known)| {
                let sort = known.entry.sort.as_str();
                of == partition
                    && from.is_none_or(|from| sort >= from)
                    && until.is_none_or(|until| sort < until)
                    && now - known.first >= LAG
                    && now - known.last < LAG
            })
            .map(|(_, known)| known.entry.clone())
            .take(limit)
            .collect())
    }

    async fn count_before(
        &self,
        partition: &str,
        before: &str,
        limit: usize,
    ) -> Result<usize, PortError> {
        Ok(self.entries(partition, None, Some(before), limit).await?.len())
    }

    async fn last_entries(
        &self,
        partition: &str,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        let all = self.entries(partition, None, None, EVERYTHING).await?;
        Ok(all.into_iter().rev().take(limit).collect())
    }
}

/// Makes the index lag for the senders and the sweeper.
fn make_late(world: &mut World) {
    let inner = Arc::clone(&world.stack.sender.agenda);
    let late = Arc::new(LateIndex { inner, known: Mutex::default() });
    world.stack.sender.agenda = late.clone();
    world.stack.sweeper.sweeper.agenda = late;
}

/// The index hides the last claims of a crashed sender from its successor. The sweeper finds them.
#[tokio::test(start_paused = true)]
async fn a_sender_may_crash_under_a_late_index() {
    let mut unknown = 0;
    let mut found_by_sweeper = 0;
    for steps in (0..).step_by(23) {
        let mut world = World::new(WorldSettings::default()).await;
        make_late(&mut world);
        let to = |n: usize| json!({ "id": format!("t{n}"), "phone": "01012345678" });
        let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
        let step = |template: &str| json!({ "template": template, "variables": variables });
        // A claim's deadline, by which it is found, depends on the message's channel type.
        let first = ["consultation-start", "consultation-sms", "consultation-lms"];
        for (n, template) in first.into_iter().cycle().take(4).enumerate() {
            let steps = [step(template), step("photo-and-video")];
            let body = json!({ "to": to(n), "steps": steps });
            let key = format!("s{n}");
            let (status, _) = world.produce("POST", "/v1/sequences", Some(&key), body).await;
            assert_eq!(status, 202);
        }
        let crash = CrashPoint::after(steps);
        world.start_crashable_senders(&crash);
        world.settle(Duration::from_secs(3 * 3600)).await;
        world.check_invariants(40);
        for notification in world.notifications().values() {
            let status = notification.status;
            if status == Status::Unknown {
                unknown += 1;
                let claimed_at_ms = notification.attempts[0].claimed_at_ms;
                let found_after_ms = notification.status_since_ms - claimed_at_ms;
                assert!(found_after_ms < 90_000, "found in {found_after_ms} ms");
            } else {
                let is_acceptable = matches!(status, Status::Delivered | Status::Blocked);
                assert!(is_acceptable, "after {steps} steps: {status:?}");
            }
        }
        found_by_sweeper +=
            world.meter.sweeps().iter().map(|swept| swept.metrics.unknown).sum::<u64>();
        if !crash.was_reached() {
            break;
        }
    }
    assert!(found_by_sweeper > 0, "the sweeper found none of {unknown} claims");
}

#[tokio::test(start_paused = true)]
async fn a_late_index_loses_no_message_and_duplicates_none() {
    let mut world = World::new(WorldSettings::default()).await;
    make_late(&mut world);
    world.start_senders();

    let variables = json!({ "name": "김하나", "date": "3월 2일", "code": "a1" });
    let to = |n: usize| json!({ "id": format!("t{n}"), "phone": "01012345678" });
    let many: Vec<Value> = (0..150)
        .map(|n| json!({ "template": "photo-and-video", "to": to(n), "variables": variables }))
        .collect();
    let (status, _) =
        world.produce("POST", "/v1/notifications", Some("b"), Value::Array(many)).await;
    assert_eq!(status, 202);
    for n in 0..20 {
        let step = |template: &str| json!({ "template": template, "variables": variables });
        let steps = [step("consultation-start"), step("photo-and-video")];
        let body = json!({ "to": to(n), "steps": steps });
        let key = format!("s{n}");
        let (status, _) = world.produce("POST", "/v1/sequences", Some(&key), body).await;
        assert_eq!(status, 202);
    }

    world.settle(Duration::from_secs(3600)).await;
    world.check_invariants(40);
    let all = world.notifications();
    assert_eq!(all.len(), 190);
    assert!(all.values().all(|n| n.status == Status::Delivered));
    assert!(all.values().all(|n| n.attempt == 1 && n.claim == 1), "a message was claimed again");
    let span_us = {
        let arrivals = world.simulator.arrivals();
        arrivals.last().expect("some").at_us - arrivals[0].at_us
    };
    assert!(span_us < 130_000_000, "it took {} s", span_us / 1_000_000);
}
