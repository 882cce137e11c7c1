//! What holds one message: its times and its sending hours.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{Channel, Guarantees, Outcome, Reason, Response, Status};
use alimi::ports::{
    Asked, Clock, ConnectionObserver, Inquiry, LaneAdvice, NotPrepared, Notifications, Outgoing,
    PortError, Provider, Providers, Readiness, Saved, SendResult,
};
use alimi_local::testing::world::{BEGINNING_MS, World, WorldSettings};
use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;

use super::{
    SCHEDULED, TEMPLATE, decisive, detail, kinds, leaves_from, left_ms, ms, post, post_many,
    running_world, seconds, start, until, why,
};
use crate::phone_numbers::{ANSWER_LOST, NO_RECEIPT};

/// So late a message may be that waits for a time: its lane is woken just before.
const SOON_MS: i64 = 2_000;
/// The sweeper looks into closed windows every five minutes.
const WITHIN_MINUTES_MS: i64 = 6 * 60_000;

fn later(minutes: i64) -> String {
    let at = Timestamp::from_millisecond(BEGINNING_MS + 60_000 * minutes).expect("a time");
    at.to_string()
}

/// Stores hours without the checks of the console.
async fn set_hours(world: &World, from: &str, to: &str) {
    let scheduled = Window::new(from, to).expect("a window");
    let hours = HoursConfig { scheduled, ..HoursConfig::default() };
    world.store.put_hours(&hours).await.expect("stored");
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_the_time_that_its_producer_asked_for() {
    let world = running_world().await;
    let id = post(&world, "k", json!({ "not_before": later(10) })).await;
    seconds(60).await;
    let why = why(&world, &id).await;
    let hold = decisive(&why, "not_before");
    assert_eq!(kinds(&why), ["not_before"]);
    assert_eq!(ms(&hold["until"]), BEGINNING_MS + 600_000);
    assert_eq!(why["leaves_at"], hold["until"]);
    let sentence = "Its producer asked that it leaves no earlier than 2026-03-02T10:10:00+09:00.";
    assert_eq!(detail(hold), sentence);
    leaves_from(&world, &id, ms(&hold["until"]), SOON_MS).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_its_window_in_its_own_zone() {
    let world = running_world().await;
    // 20:00 in Seoul. In Auckland it is midnight, and opens four hours earlier.
    seconds(10 * 3600).await;
    let seoul = post(&world, "seoul", json!({ "priority": SCHEDULED })).await;
    let to = json!({ "id": "u", "phone": "010-1234-5678", "timezone": "Pacific/Auckland" });
    let auckland = post(&world, "auckland", json!({ "priority": SCHEDULED, "to": to })).await;
    seconds(60).await;
    for (id, opens_at, zone) in [
        (&seoul, "2026-03-03T10:00:00+09:00", "Asia/Seoul"),
        (&auckland, "2026-03-03T10:00:00+13:00", "Pacific/Auckland"),
    ] {
        let why = why(&world, id).await;
        let hold = decisive(&why, "window");
        assert_eq!(ms(&hold["until"]), ms(&json!(opens_at)), "{why:#}");
        assert_eq!(why["leaves_at"], hold["until"]);
        assert_eq!(hold["window"], json!({ "from": "10:00", "to": "19:00" }));
        assert_eq!(hold["timezone"], zone);
        let sentence = format!("Its sending window 10:00–19:00 ({zone}) opens at {opens_at}.");
        assert_eq!(detail(hold), sentence);
    }
    let opens_ms = ms(&json!("2026-03-03T10:00:00+13:00"));
    leaves_from(&world, &auckland, opens_ms, WITHIN_MINUTES_MS).await;
    let opens_ms = ms(&json!("2026-03-03T10:00:00+09:00"));
    leaves_from(&world, &seoul, opens_ms, WITHIN_MINUTES_MS).await;
}

/// The hours rule goes by the present configuration, not by the hours that the message was stored
/// with.
#[tokio::test(start_paused = true)]
async fn the_window_is_that_of_the_present_configuration() {
    let world = World::new(WorldSettings::default()).await;
    let id = post(&world, "k", json!({ "priority": SCHEDULED })).await;
    set_hours(&world, "15:00", "16:00").await;
    start(&world);
    seconds(60).await;
    let why = why(&world, &id).await;
    let opens_at = json!("2026-03-02T15:00:00+09:00");
    assert_eq!(ms(&decisive(&why, "window")["until"]), ms(&opens_at));
    leaves_from(&world, &id, ms(&opens_at), WITHIN_MINUTES_MS).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_windows_have_no_minute_in_common_waits_for_an_operator() {
    let world = World::new(WorldSettings::default()).await;
    let path = format!("/v1/templates/{TEMPLATE}");
    let read = world.operate("GET", &path, &[], "").await;
    let mut template = read.body;
    template["window"] = json!({ "from": "10:00", "to": "12:00" });
    let etag = read.etag.expect("an ETag");
    assert_eq!(world.operate("PUT", &path, &[("if-match", &etag)], template).await.status, 200);
    let id = post(&world, "k", json!({ "priority": SCHEDULED })).await;
    set_hours(&world, "13:00", "14:00").await;
    start(&world);
    seconds(600).await;
    let why = why(&world, &id).await;
    decisive(&why, "no_common_hours");
    assert_eq!(why.get("leaves_at"), None);
    assert_eq!(left_ms(&world, &id).await, None);

    let widened_ms = world.clock.now_ms();
    set_hours(&world, "10:00", "19:00").await;
    leaves_from(&world, &id, widened_ms, 90_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expires_before_its_window_opens_never_leaves() {
    let world = World::new(WorldSettings::default()).await;
    let fields = json!({ "priority": SCHEDULED, "expires_at": later(120) });
    let id = post(&world, "k", fields).await;
    set_hours(&world, "15:00", "16:00").await;
    start(&world);
    seconds(60).await;
    let why = why(&world, &id).await;
    let hold = decisive(&why, "expires_before_window");
    assert_eq!(ms(&hold["opens_at"]), ms(&json!("2026-03-02T15:00:00+09:00")));
    assert_eq!(why.get("leaves_at"), None);
    until(&world, BEGINNING_MS + 150 * 60_000).await;
    assert_eq!(world.notification(&id).await.status, Status::Expired);
}

#[tokio::test(start_paused = true)]
async fn an_expired_message_ends_when_its_turn_comes() {
    let world = running_world().await;
    world.operate("POST", &format!("{}/pause", super::CHANNEL), &[], "").await;
    let id = post(&world, "k", json!({ "expires_at": later(5) })).await;
    seconds(600).await;
    let why = why(&world, &id).await;
    decisive(&why, "expired");
    assert_eq!(kinds(&why), ["expired", "channel_paused"]);
    world.operate("POST", &format!("{}/resume", super::CHANNEL), &[], "").await;
    seconds(5).await;
    assert_eq!(world.notification(&id).await.status, Status::Expired);
}

/// An outage long ago may have used up every number that fits into a reference key.
#[tokio::test(start_paused = true)]
async fn a_message_without_a_further_attempt_fails_when_its_turn_comes() {
    let world = World::new(WorldSettings::default()).await;
    let id = post(&world, "k", json!({})).await;
    let mut stored = [world.notification(&id).await];
    stored[0].attempt = u8::MAX;
    assert_eq!(world.store.save(&mut stored).await.expect("saved"), Saved::Done);
    let why = why(&world, &id).await;
    decisive(&why, "attempts_exhausted");
    assert_eq!(kinds(&why), ["attempts_exhausted"]);
    assert_eq!(why.get("leaves_at"), None);
    start(&world);
    seconds(90).await;
    let over = world.notification(&id).await;
    assert_eq!((over.status, over.reason), (Status::Failed, Some(Reason::AttemptsExhausted)));
    assert_eq!(left_ms(&world, &id).await, None, "no request left");
}

/// What waits behind a window leaves in its turn once the window opens.
#[tokio::test(start_paused = true)]
async fn a_message_behind_others_and_a_window_leaves_when_the_estimate_says() {
    let world = running_world().await;
    // 20:00 in Seoul.
    seconds(10 * 3600).await;
    let ids = post_many(&world, "night", 400, SCHEDULED).await;
    let estimates = [why(&world, &ids[0]).await, why(&world, &ids[399]).await];
    assert_eq!(kinds(&estimates[1]), ["window", "turn"]);
    let opens_ms = ms(&json!("2026-03-03T10:00:00+09:00"));
    assert!(ms(&estimates[1]["leaves_at"]) > opens_ms + 9_000, "{:#}", estimates[1]);
    until(&world, opens_ms + WITHIN_MINUTES_MS + 60_000).await;
    let mut late_ms = vec![];
    for (id, estimate) in [&ids[0], &ids[399]].into_iter().zip(&estimates) {
        late_ms.push(left_ms(&world, id).await.expect("it has left") - ms(&estimate["leaves_at"]));
    }
    assert!((0..=WITHIN_MINUTES_MS).contains(&late_ms[0]), "{late_ms:?}");
    // The turn itself is estimated well: both are late by the same.
    assert!((late_ms[1] - late_ms[0]).abs() < 1_500, "{late_ms:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_left_waits_for_its_answer_its_receipt_or_a_person() {
    let world = running_world().await;
    let to = |phone: &str| json!({ "to": { "id": "t", "phone": phone } });
    let accepted = post(&world, "accepted", to(NO_RECEIPT)).await;
    let lost = post(&world, "lost", to(ANSWER_LOST)).await;
    // Its receipt comes before the time-out.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let sending = why(&world, &lost).await;
    assert_eq!(decisive(&sending, "answer")["since"], sending["status_since"]);
    seconds(1).await;
    let sent = why(&world, &accepted).await;
    let receipt = decisive(&sent, "receipt");
    let stored = world.notification(&accepted).await;
    assert_eq!(Some(ms(&receipt["confirm_by"])), stored.deadline_ms);
    assert_eq!([sent.get("leaves_at"), receipt.get("until")], [None, None]);
    until(&world, ms(&receipt["confirm_by"]) + 90_000).await;
    for (id, status) in [(&accepted, "unconfirmed"), (&lost, "delivered")] {
        let why = why(&world, id).await;
        assert_eq!(why["status"], status);
        if status == "delivered" {
            assert_eq!((why.get("waiting_for"), kinds(&why)), (None, vec!["over"]));
        } else {
            assert!(detail(decisive(&why, "late_receipt")).starts_with("It is unconfirmed since"));
        }
    }
}

/// A provider that answers the first messages that it took nothing and may take them later.
struct TryAgainFirst {
    inner: Arc<dyn Providers>,
    left: Arc<AtomicUsize>,
    clock: Arc<dyn Clock>,
}

struct TryAgain {
    inner: Arc<dyn Provider>,
    left: Arc<AtomicUsize>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Providers for TryAgainFirst {
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared> {
        let inner = self.inner.provider(channel).await?;
        let (left, clock) = (self.left.clone(), self.clock.clone());
        Ok(Arc::new(TryAgain { inner, left, clock }))
    }
}

#[async_trait]
impl Provider for TryAgain {
    fn guarantees(&self) -> Guarantees {
        self.inner.guarantees()
    }

    async fn readiness(&self, now_ms: i64) -> Result<Readiness, PortError> {
        self.inner.readiness(now_ms).await
    }

    async fn prepare(&self) -> Result<(), NotPrepared> {
        self.inner.prepare().await
    }

    async fn send(&self, message: Outgoing<'_>, on_connection: ConnectionObserver) -> SendResult {
        let take = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return self.inner.send(message, on_connection).await;
        }
        let response = Response {
            sent_at_ms: self.clock.now_ms(),
            received_at_ms: self.clock.now_ms(),
            outcome: Outcome::TryAgain,
            code: Some("503".into()),
            provider_message_id: None,
        };
        SendResult { response, advice: LaneAdvice::Continue }
    }

    async fn probe(&self) -> Result<(), NotPrepared> {
        self.inner.probe().await
    }

    async fn ask(&self, inquiry: Inquiry<'_>) -> Asked {
        self.inner.ask(inquiry).await
    }

    fn total_timeout(&self) -> Duration {
        self.inner.total_timeout()
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_its_next_attempt() {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("every: 3s", "every: 10m");
    let mut world = World::new(settings).await;
    let inner = Arc::clone(&world.stack.sender.providers);
    let (left, clock) = (Arc::new(AtomicUsize::new(1)), world.clock.clone());
    world.stack.sender.providers = Arc::new(TryAgainFirst { inner, left, clock });
    start(&world);
    let id = post(&world, "k", json!({})).await;
    seconds(30).await;
    let why = why(&world, &id).await;
    let hold = decisive(&why, "retry");
    assert_eq!(hold["failures"], 1);
    let answered_ms = world.notification(&id).await.attempts[0].response_received_at_ms;
    assert_eq!(Some(ms(&hold["until"]) - 600_000), answered_ms);
    assert_eq!(why["leaves_at"], hold["until"]);
    assert!(detail(hold).starts_with("The provider asked 1 time to try again later."));
    until(&world, ms(&hold["until"]) + 20_000).await;
    let again = world.notification(&id).await;
    assert_eq!((again.status, again.attempt), (Status::Delivered, 2));
    let left_ms = again.attempts[1].request_sent_at_ms.expect("it has left");
    assert!((0..=SOON_MS).contains(&(left_ms - ms(&hold["until"]))), "{left_ms}");
}
