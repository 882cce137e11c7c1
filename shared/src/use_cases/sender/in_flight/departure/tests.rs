//! The last check before a request, and what its result says of the provider.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::domain::circuit_breaker::RequestEnd;
use crate::domain::{
    Confirmation, Content, DeliveryPolicy, Guarantees, Notification, NotificationId, Pacer,
    PacerPosition, RateLimit, RequestKey, RetryPolicy, Sequence, SequenceId, Sms, Status,
    WindowClass, transition,
};
use crate::ports::{
    Asked, Clock, Created, Inquiry, LaneAdvice, NotPrepared, Notifications, PortError, Provider,
    Readiness, ReviewPosition, Saved, SendResult, Sequences, UsedClass, WakeGroup, Waker,
    WindowClasses,
};
use crate::use_cases::apply::Apply;
use crate::use_cases::sender::clock::{ClockReading, SteadyClock, Validity};
use crate::use_cases::sender::in_flight::progress::{ProgressEvent, ProgressReceiver};

const NOW_MS: i64 = 1_772_413_200_000;
const LONG: Duration = Duration::from_secs(2);
const OVER: Duration = Duration::ZERO;

/// A clock that stands still.
struct Standing;

impl Clock for Standing {
    fn now_us(&self) -> i64 {
        1000 * NOW_MS
    }
}

/// A database that holds one message, which belongs to no sequence.
struct Database(Mutex<Notification>);

impl Database {
    fn message(&self) -> Notification {
        self.0.lock().expect("no panic").clone()
    }
}

#[async_trait]
impl Notifications for Database {
    async fn create(&self, _: &Notification) -> Result<Created, PortError> {
        panic!("a sender creates no message")
    }

    async fn load(&self, _: &NotificationId) -> Result<Option<Notification>, PortError> {
        Ok(Some(self.message()))
    }

    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError> {
        let [saved] = notifications else { panic!("there is one message") };
        saved.revision += 1;
        *self.0.lock().expect("no panic") = saved.clone();
        Ok(Saved::Done)
    }
}

#[async_trait]
impl Sequences for Database {
    async fn create_sequence(&self, _: &Sequence, _: &[Notification]) -> Result<Saved, PortError> {
        panic!("a sender creates no sequence")
    }

    async fn sequence(&self, _: &SequenceId) -> Result<Option<Sequence>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl WindowClasses for Database {
    async fn add_class(&self, _: &str, _: &WindowClass) -> Result<(), PortError> {
        Ok(())
    }

    async fn used_classes(&self, _: &str) -> Result<Vec<UsedClass>, PortError> {
        panic!("a departure reads no classes")
    }

    async fn retire_class(&self, _: &str, _: &UsedClass) -> Result<Saved, PortError> {
        panic!("a departure retires no class")
    }

    async fn review_position(&self, _: &str) -> Result<Option<ReviewPosition>, PortError> {
        panic!("a departure reviews nothing")
    }

    async fn save_review_position(
        &self,
        _: &str,
        _: Option<&ReviewPosition>,
    ) -> Result<(), PortError> {
        panic!("a departure reviews nothing")
    }
}

struct NoQueue;

#[async_trait]
impl Waker for NoQueue {
    async fn wake(&self, _: &str, _: WakeGroup, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn wake_despite_pause(&self, _: &str, _: WakeGroup, _: &str) -> Result<(), PortError> {
        Ok(())
    }
}

/// A provider that gives each request the same result.
struct SameResult {
    result: SendResult,
    requests: AtomicUsize,
}

#[async_trait]
impl Provider for SameResult {
    fn guarantees(&self) -> Guarantees {
        Guarantees {
            provider: "the provider",
            sends_receipts: true,
            deduplicates: false,
            can_be_asked: false,
            retry_wait_min: jiff::SignedDuration::ZERO,
        }
    }

    async fn readiness(&self, _: i64) -> Result<Readiness, PortError> {
        Ok(Readiness::Ready)
    }

    async fn prepare(&self) -> Result<(), NotPrepared> {
        Ok(())
    }

    async fn send(&self, _: Outgoing<'_>, _: ConnectionObserver) -> SendResult {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.result.clone()
    }

    async fn probe(&self) -> Result<(), NotPrepared> {
        Ok(())
    }

    async fn ask(&self, _: Inquiry<'_>) -> Asked {
        Asked::CannotBeAsked
    }

    fn total_timeout(&self) -> Duration {
        Duration::from_secs(3)
    }
}

fn result(outcome: Outcome, code: Option<&str>, advice: LaneAdvice) -> SendResult {
    let response = Response {
        sent_at_ms: NOW_MS,
        received_at_ms: NOW_MS,
        outcome,
        code: code.map(str::to_owned),
        provider_message_id: None,
    };
    SendResult { response, advice }
}

/// What became of a departure.
struct Departed {
    /// Requests to the provider.
    requests: usize,
    stored: Notification,
    /// What the pacing heard.
    progress: Vec<(RequestEnd, LaneAdvice)>,
}

/// Lets a claimed message depart whose claim and lease last so much longer.
async fn depart(claim_left: Duration, lease_left: Duration, result: SendResult) -> Departed {
    let clock: Arc<dyn Clock> = Arc::new(Standing);
    let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
    let queued = Notification::sample(key.notification_id(0), NOW_MS);
    let claim = Event::Claimed { at_ms: NOW_MS, fence: 1, confirm_within_ms: 60_000 };
    let claimed = transition(&queued, &claim).expect("a claim").notification;
    let database = Arc::new(Database(Mutex::new(claimed.clone())));
    let provider = Arc::new(SameResult { result, requests: AtomicUsize::new(0) });
    let apply = Apply::new(
        database.clone(),
        database.clone(),
        database.clone(),
        Arc::new(NoQueue),
        Arc::clone(&clock),
    );
    let from = ClockReading::now(&*clock);
    let lease = Validity { from, duration: lease_left };
    let message = ClaimedMessage {
        notification: claimed,
        content: Ok(Content::Sms(Sms { body: "text".into() })),
        policy: DeliveryPolicy {
            retry: RetryPolicy::default(),
            confirmation: Confirmation::default(),
            provider_deduplicates: false,
            retry_wait_min_ms: 0,
        },
        jitter_permille: 0,
        validity: Validity { from, duration: claim_left },
        provider: provider.clone(),
        apply,
        clock: Arc::clone(&clock),
    };
    let limit = RateLimit { per_second: 10, jitter: jiff::SignedDuration::ZERO, strict: false };
    let departure = Pacer::new(limit, PacerPosition::default()).depart(1000 * NOW_MS);
    let mut receiver = ProgressReceiver::new(SteadyClock::new(clock));
    let departure = Departure {
        message,
        lease: LeaseValidity { may_start_requests: lease, may_write_requests: lease },
        progress: receiver.reporter(departure, 1000 * NOW_MS),
    };
    let completion = departure.send().await;
    assert!(!completion.is_unrecorded);
    let mut progress = Vec::new();
    while let Some(reported) = receiver.try_next() {
        match reported.event {
            ProgressEvent::Ended(end, advice) => progress.push((end, advice)),
            ProgressEvent::Connection(event) => panic!("{event:?}"),
        }
    }
    let requests = provider.requests.load(Ordering::Relaxed);
    Departed { requests, stored: database.message(), progress }
}

fn accepted() -> SendResult {
    result(Outcome::Accepted, Some("1000"), LaneAdvice::Continue)
}

#[tokio::test(start_paused = true)]
async fn a_message_departs_within_the_time_of_its_claim_and_of_its_senders_lease() {
    let departed = depart(LONG, LONG, accepted()).await;
    assert_eq!(departed.requests, 1);
    assert_eq!(departed.stored.status, Status::Accepted);
    assert!(matches!(departed.progress[..], [(RequestEnd::Answered { .. }, _)]));
}

/// The sender was frozen after the slot had come.
#[tokio::test(start_paused = true)]
async fn a_message_whose_claim_or_lease_is_over_is_put_back_and_never_reaches_the_provider() {
    for (claim_left, lease_left) in [(OVER, LONG), (LONG, OVER), (OVER, OVER)] {
        let departed = depart(claim_left, lease_left, accepted()).await;
        assert_eq!(departed.requests, 0, "{claim_left:?} {lease_left:?}");
        assert_eq!(departed.stored.status, Status::Queued);
        assert!(departed.stored.attempt_unsent);
        assert_eq!(departed.progress, [(RequestEnd::Unsent, LaneAdvice::Continue)]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_free_socket_the_lane_pauses_and_the_message_goes_back_uncounted() {
    let pause = LaneAdvice::HoldFor(Duration::from_secs(1));
    let departed = depart(LONG, LONG, result(Outcome::Unsent, None, pause)).await;
    assert_eq!(departed.stored.status, Status::Queued);
    assert!(departed.stored.attempt_unsent);
    assert_eq!(departed.stored.failures, 0);
    assert_eq!(departed.progress, [(RequestEnd::Unsent, pause)]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_is_no_answer_that_closes_the_circuit() {
    for advice in [LaneAdvice::OpenCircuit, LaneAdvice::Continue] {
        let refused = result(Outcome::ChannelDown, Some("3009"), advice);
        let departed = depart(LONG, LONG, refused).await;
        assert_eq!(departed.stored.status, Status::Queued);
        assert_eq!(departed.progress, [(RequestEnd::Unsent, advice)]);
    }
}

/// The adapter could not write the message, so the provider was not asked.
#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_written_says_nothing_of_the_provider() {
    let unwritable = result(Outcome::Rejected, None, LaneAdvice::Continue);
    let departed = depart(LONG, LONG, unwritable).await;
    assert_eq!(departed.stored.status, Status::Failed);
    assert_eq!(departed.progress, [(RequestEnd::Unsent, LaneAdvice::Continue)]);

    let refused = result(Outcome::Rejected, Some("2000"), LaneAdvice::Continue);
    let departed = depart(LONG, LONG, refused).await;
    assert!(matches!(departed.progress[..], [(RequestEnd::Answered { .. }, _)]));
}
