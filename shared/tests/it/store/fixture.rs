//! A store over an embedded DynamoDB, with a clock that tests set, and a notification to store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use alimi::domain::{
    Address, ChannelType, Event, Media, Notification, PhoneNumber, Priority, RecipientRef,
    RequestKey, Status, UnknownAttributes, WindowClass, transition,
};
use alimi::ports::Clock;
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFaults};
use aws_sdk_dynamodb::Client;

pub const NOW_MS: i64 = 1_772_413_200_000;
pub const CHANNEL: &str = "alimtalk-main";
pub const KEY: RequestKey<'_> = RequestKey { producer: "shop", route: "r", idempotency_key: "k" };

/// A clock that stands still at a time in Unix milliseconds.
pub struct SetClock(pub AtomicI64);

impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        1000 * self.0.load(Ordering::Relaxed)
    }
}

pub struct Fixture {
    pub store: Arc<DynamoStore>,
    /// The store's client, for items that are read and written past the store.
    pub client: Client,
    pub clock: Arc<SetClock>,
    pub faults: DatabaseFaults,
}

pub fn fixture() -> Fixture {
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let faults = DatabaseFaults::default();
    let database = embedded::database().expect("a database");
    let client = embedded::client_in_process(database, Duration::ZERO, faults.clone());
    let store = DynamoStore::new(client.clone(), embedded::tables(), clock.clone());
    Fixture { store: Arc::new(store), client, clock, faults }
}

/// A queued notification. Its index makes its id.
pub fn notification(index: usize) -> Notification {
    let phone = PhoneNumber::try_from("01012345678".to_owned()).expect("a phone number");
    Notification {
        id: KEY.notification_id(index),
        schema: Notification::SCHEMA,
        revision: 0,
        request_digest: "digest".into(),
        owner: "shop".into(),
        channel: CHANNEL.into(),
        template: "t".into(),
        template_revision: 1,
        variables: BTreeMap::from([("name".to_owned(), "김하나".to_owned())]),
        media: Media { first: ChannelType::Alimtalk, fallback: Some(ChannelType::Lms) },
        recipient: RecipientRef { id: "u".into(), timezone: None },
        to: Address::Phone(phone),
        priority: Priority::REAL_TIME,
        window_class: WindowClass::EXEMPT,
        sequence_step: None,
        group: None,
        tag: None,
        data: None,
        status: Status::Queued,
        reason: None,
        is_contradicted: false,
        is_settled: false,
        claim: 0,
        attempt: 0,
        attempt_unsent: false,
        resent_after: 0,
        automatic_resends: 0,
        failures: 0,
        attempts: vec![],
        receipts: vec![],
        decisions: vec![],
        created_at_ms: NOW_MS,
        ready_at_ms: NOW_MS,
        not_before_ms: None,
        expires_at_ms: None,
        confirm_within_ms: None,
        deadline_ms: None,
        status_since_ms: NOW_MS,
        unknown: UnknownAttributes::default(),
    }
}

/// The notification after a sender has claimed it.
pub fn claimed(notification: &Notification, fence: u64) -> Notification {
    let event = Event::Claimed { at_ms: NOW_MS, fence, confirm_within_ms: 1_800_000 };
    transition(notification, &event).expect("a claim").notification
}
