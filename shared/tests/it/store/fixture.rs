//! A store over an embedded DynamoDB, with a clock that tests set, and a notification to store.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use alimi::domain::{
    Fallback, Message, Notification, PhoneNumber, Priority, Recipient, RequestKey, Status,
    WindowClass,
};
use alimi::ports::Clock;
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFaults};

pub const NOW_MS: i64 = 1_772_413_200_000;
pub const CHANNEL: &str = "alimtalk-main";

/// A clock that stands still at a time in Unix milliseconds.
pub struct SetClock(pub AtomicI64);

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        1000 * self.0.load(Ordering::Relaxed)
    }
}

pub struct Fixture {
    pub store: Arc<DynamoStore>,
    pub clock: Arc<SetClock>,
    pub faults: DatabaseFaults,
}

pub fn fixture() -> Fixture {
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let faults = DatabaseFaults::default();
    let database = embedded::database().expect("a database");
    let client = embedded::client_in_process(database, Duration::ZERO, faults.clone());
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock.clone()));
    Fixture { store, clock, faults }
}

/// A queued notification. Its index makes its id.
pub fn notification(index: usize) -> Notification {
    let key = RequestKey { caller: "c", route: "r", idempotency_key: "k" };
    Notification {
        id: key.notification_id(index),
        revision: 0,
        request_digest: "digest".into(),
        channel: CHANNEL.into(),
        template: "t".into(),
        recipient: Recipient {
            id: "u".into(),
            phone: PhoneNumber::try_from("01012345678".to_owned()).ok(),
            timezone: None,
        },
        message: Message {
            template_code: Some("T1".into()),
            body: "안녕하세요".into(),
            buttons: vec![],
            fallback: Some(Fallback::Lms { subject: None, body: "안녕".into() }),
        },
        priority: Priority::REAL_TIME,
        window_class: WindowClass::EXEMPT,
        sequence_step: None,
        status: Status::Queued,
        reason: None,
        claim: 0,
        attempt: 0,
        attempt_unsent: false,
        failures: 0,
        attempts: vec![],
        receipts: vec![],
        created_at_ms: NOW_MS,
        ready_at_ms: NOW_MS,
        not_before_ms: None,
        expires_at_ms: None,
        confirm_within_ms: None,
        deadline_ms: None,
        status_since_ms: NOW_MS,
    }
}
