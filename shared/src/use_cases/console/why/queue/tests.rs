//! Which messages are counted, and how many of them have left by then.

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::json;

use super::*;
use crate::domain::NotificationId;
use crate::domain::id::RequestKey;
use crate::ports::{AgendaEntry, ReviewPosition, Saved, UsedClass};

const SEOUL: &str = "1000-1900@Asia/Seoul";
const LONDON: &str = "1000-1900@Europe/London";

/// A lane with so many messages before the other one in each class.
struct Lane(HashMap<&'static str, usize>);

#[async_trait]
impl Agenda for Lane {
    async fn entries(
        &self,
        _: &str,
        _: Option<&str>,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<AgendaEntry>, PortError> {
        panic!("nothing but counting is needed")
    }

    async fn count_before(
        &self,
        partition: &str,
        _: &str,
        limit: usize,
    ) -> Result<usize, PortError> {
        let class = partition.rsplit('#').next().expect("a class");
        Ok(self.0.get(class).copied().unwrap_or(0).min(limit))
    }

    async fn last_entries(&self, _: &str, _: usize) -> Result<Vec<AgendaEntry>, PortError> {
        panic!("nothing but counting is needed")
    }
}

#[async_trait]
impl WindowClasses for Lane {
    async fn add_class(&self, _: &str, _: &WindowClass) -> Result<(), PortError> {
        panic!("nothing is written")
    }

    async fn used_classes(&self, _: &str) -> Result<Vec<UsedClass>, PortError> {
        let with_hours = self.0.keys().filter(|class| **class != "-");
        let used = with_hours
            .map(|class| UsedClass { class: class.parse().expect("a class"), last_used_ms: None });
        Ok(used.collect())
    }

    async fn retire_class(&self, _: &str, _: &UsedClass) -> Result<Saved, PortError> {
        panic!("nothing is written")
    }

    async fn review_position(&self, _: &str) -> Result<Option<ReviewPosition>, PortError> {
        panic!("nothing but counting is needed")
    }

    async fn save_review_position(
        &self,
        _: &str,
        _: Option<&ReviewPosition>,
    ) -> Result<(), PortError> {
        panic!("nothing is written")
    }
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_millisecond()
}

/// The messages ahead of one that may leave at a time. The lane sends ten a second, and may send
/// from a time on.
async fn ahead(
    classes: &[(&'static str, usize)],
    now: &str,
    may_leave_at: &str,
    lane_sends_from: &str,
) -> Ahead {
    let channel: Channel = serde_json::from_value(json!({
        "name": "main",
        "provider": { "kind": "any" },
        "limit": { "per_second": 10, "jitter": "0s" },
    }))
    .expect("a channel");
    let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
    let id: NotificationId = key.notification_id(0);
    let notification = Notification::sample(id, ms(now));
    let lane = PacerPosition { next_at_us: 1000 * ms(lane_sends_from), ..PacerPosition::default() };
    let queue = Queue { channel: &channel, lane, now_us: 1000 * ms(now) };
    let known = Lane(classes.iter().copied().collect());
    queue.ahead(&known, &known, &notification, ms(may_leave_at)).await.expect("counted")
}

#[tokio::test]
async fn the_messages_of_all_classes_that_are_open_are_ahead() {
    let noon = "2026-03-02T12:00+09:00";
    let classes = [("-", 5), (SEOUL, 20), (LONDON, 100)];
    let found = ahead(&classes, noon, noon, noon).await;
    assert_eq!((found.count, found.is_more), (25, false));
    assert_eq!(found.sending_us, 2_500_000);
    assert!((found.per_second - 10.0).abs() < 0.001);
}

#[tokio::test]
async fn no_more_than_five_thousand_messages_of_a_class_are_counted() {
    let noon = "2026-03-02T12:00+09:00";
    let exact = ahead(&[(SEOUL, 5_000)], noon, noon, noon).await;
    assert_eq!((exact.count, exact.is_more), (5_000, false));
    let more = ahead(&[(SEOUL, 5_001), ("-", 3)], noon, noon, noon).await;
    assert_eq!((more.count, more.is_more), (5_003, true));
}

#[tokio::test]
async fn messages_that_may_leave_meanwhile_are_not_ahead_any_more() {
    let (evening, opening) = ("2026-03-02T20:00+09:00", "2026-03-03T10:00+09:00");
    let classes = [("-", 4_000), (SEOUL, 20)];
    // The real-time messages leave during the night, and those of Seoul wait until it opens.
    let found = ahead(&classes, evening, opening, evening).await;
    assert_eq!(found.count, 20);
    // Nothing leaves while the lane pauses.
    let paused = ahead(&classes, evening, opening, opening).await;
    assert_eq!(paused.count, 4_020);
}

/// 600 leave in a minute, whichever class they are in.
#[tokio::test]
async fn classes_that_are_open_together_share_the_pace() {
    let now = "2026-03-02T12:00+09:00";
    let found = ahead(&[("-", 500), (SEOUL, 500)], now, "2026-03-02T12:01+09:00", now).await;
    assert_eq!(found.count, 400);
    // The class was open for a minute only, and opens again on the next morning.
    let evening = "2026-03-02T18:59+09:00";
    let found = ahead(&[(SEOUL, 1_000)], evening, "2026-03-03T10:00+09:00", evening).await;
    assert_eq!(found.count, 400);
}
