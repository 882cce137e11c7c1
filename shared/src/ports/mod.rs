//! What the use cases need from the world, one narrow trait each. Adapters implement them;
//! functions choose the adapters in their `main.rs`.

pub mod scheduling;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Audience, Channel, HoursConfig, LaneFigures, Notification, NotificationId, Outcome,
    PacerPosition, Receipt, Reference, Schedule, SweepFigures, Template, WindowClass,
    transition::Response,
};

/// The world did not do what was asked. What the caller does next is all that it tells.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// It may work another time.
    #[error("{what} is not available: {detail}")]
    Unavailable {
        /// Which part of the world.
        what: &'static str,
        /// For the log; never for a caller outside.
        detail: String,
    },
    /// What is stored cannot be read: trying again will not help.
    #[error("{what} cannot be read: {detail}")]
    Corrupt {
        /// Which part of the world.
        what: &'static str,
        /// For the log; never for a caller outside.
        detail: String,
    },
}

/// Wall-clock time. Waiting and measuring spans use tokio's monotonic clock instead, which tests
/// can stop.
pub trait Clock: Send + Sync {
    /// Now, in Unix microseconds.
    fn now_us(&self) -> i64;

    /// Now, in Unix milliseconds.
    fn now_ms(&self) -> i64 {
        self.now_us() / 1000
    }
}

/// Dice, for what must differ between processes.
pub trait Entropy: Send + Sync {
    /// 64 random bits.
    fn next_u64(&self) -> u64;

    /// A throw of 0 to 1000.
    fn permille(&self) -> u16 {
        u16::try_from(self.next_u64() % 1001).unwrap_or(0)
    }
}

/// Whether a conditional write was made. A lost race is a value, not an error.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It was.
    Done,
    /// Somebody else was quicker: load again and decide anew.
    Lost,
}

/// What became of the creation of one notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new.
    New,
    /// It was there already, as this.
    Existing(Box<Notification>),
}

/// The notifications themselves.
#[async_trait]
pub trait Notifications: Send + Sync {
    /// Stores a new notification, unless its id is taken.
    async fn create(&self, notification: &Notification) -> Result<Created, PortError>;

    /// Stores new notifications, all or none: [`Saved::Lost`] when any of the ids is taken.
    /// At most 25.
    async fn create_all(&self, notifications: &[Notification]) -> Result<Saved, PortError>;

    /// Reads one, strongly consistent.
    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError>;

    /// Saves moved notifications, all or none, each on the condition that its revision is still
    /// the one that it was loaded with. On success each one's revision is one higher.
    /// At most 25.
    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError>;
}

/// An entry of the agenda: a hint. The index is read eventually consistent, so the notification
/// itself has to be asked before anything is done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgendaEntry {
    /// Its sort key.
    pub sort: String,
    /// The notification.
    pub id: NotificationId,
}

/// What is to be done, read from the sparse index.
#[async_trait]
pub trait Agenda: Send + Sync {
    /// The first entries of a partition in order, with `from <= sort < until` where given.
    async fn entries(
        &self,
        partition: &str,
        from: Option<&str>,
        until: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AgendaEntry>, PortError>;
}

/// What a bulk request is remembered by.
#[async_trait]
pub trait Requests: Send + Sync {
    /// Remembers the digest of a request's body under its id, unless there is one already:
    /// then answers with that.
    async fn remember(
        &self,
        request_id: &str,
        digest: &str,
        at_ms: i64,
    ) -> Result<Option<String>, PortError>;

    /// The digest remembered under a request's id, if there is one.
    async fn recall(&self, request_id: &str) -> Result<Option<String>, PortError>;
}

/// Channels and templates as they are configured.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// A channel by name.
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError>;

    /// A template by name.
    async fn template(&self, name: &str) -> Result<Option<Template>, PortError>;

    /// All channels.
    async fn channels(&self) -> Result<Vec<Channel>, PortError>;

    /// A schedule by name.
    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError>;

    /// An audience by name.
    async fn audience(&self, name: &str) -> Result<Option<Audience>, PortError>;

    /// The stack's sending windows; the defaults where none are stored.
    async fn hours(&self) -> Result<HoursConfig, PortError>;
}

/// A lane's lease, as its holder has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The channel whose lane it is.
    pub channel: String,
    /// Goes up with every holder.
    pub fence: u64,
    /// Where the pacer stands.
    pub position: PacerPosition,
    /// Set when the holder before was not heard of until its lease ran out.
    pub lost: Option<LostHolder>,
}

/// What is known of a holder whose lease ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostHolder {
    /// Since when it, or lost holders before it, may have claimed.
    pub since_ms: i64,
    /// When its lease ran out.
    pub until_ms: i64,
    /// The waiting time with which it wrote its claims' deadlines.
    pub confirm_within_ms: i64,
    /// The group of the wake that had it started, which may be blocked. Not known of rows that were
    /// written by earlier versions.
    pub group: Option<WakeGroup>,
}

/// What an attempt to take a lease came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Yes(Lease),
    /// Somebody holds it.
    Held,
    /// Somebody came to it after the wake had been sent, and did not die: the wake is served.
    Served,
}

/// How a lease is to be taken or renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// Now.
    pub now_ms: i64,
    /// Until when it is to be ours.
    pub until_ms: i64,
    /// By how much clocks may differ: a lease counts as run out only after this.
    pub skew_ms: i64,
    /// The waiting time with which claims' deadlines are written.
    pub confirm_within_ms: i64,
    /// A random number: tells who asks.
    pub holder: u64,
    /// The group of the wake that had it started.
    pub group: WakeGroup,
    /// When the wake was sent, if somebody is asking because of one.
    pub woken_at_ms: Option<i64>,
}

/// The window classes whose messages a lane may hold.
#[async_trait]
pub trait WindowClasses: Send + Sync {
    /// Adds a class to a lane, before the first message of that class is stored.
    async fn add_class(&self, channel: &str, class: &WindowClass) -> Result<(), PortError>;

    /// The classes of a lane, beside the exempt one. One that cannot be read is left out.
    async fn classes(&self, channel: &str) -> Result<Vec<WindowClass>, PortError>;
}

/// Exclusion between senders of one lane.
#[async_trait]
pub trait Lanes: Send + Sync {
    /// Takes the lease when it is free or ran out.
    async fn acquire(&self, channel: &str, terms: LeaseTerms) -> Result<Taken, PortError>;

    /// Prolongs a lease that is still ours and saves the pacer's position.
    async fn renew(
        &self,
        lease: &Lease,
        position: PacerPosition,
        until_ms: i64,
    ) -> Result<Saved, PortError>;

    /// Whether somebody else has taken the lane since it was leased so.
    async fn was_succeeded(&self, lease: &Lease) -> Result<bool, PortError>;

    /// Gives the lease back with the pacer's position.
    async fn release(&self, lease: &Lease, position: PacerPosition) -> Result<Saved, PortError>;
}

/// Whose turn a wake starts: with two message groups a lane, a successor starts while its predecessor
/// finishes. The third stands in for one that a crash blocks for the wake queue's visibility time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakeGroup {
    /// The group that producers wake.
    Zero,
    /// Its successors'.
    One,
    /// The spare one.
    Two,
}

impl WakeGroup {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Zero, Self::One, Self::Two];

    /// Those that the sweeper wakes: one of them is free when a crash blocks the other.
    pub const SWEPT: [Self; 2] = [Self::Zero, Self::One];

    /// The group that a sender of this one hands over to: the first that is neither its own nor
    /// `blocked`.
    #[must_use]
    pub fn next(self, blocked: Option<Self>) -> Self {
        let is_free = |group: &Self| *group != self && Some(*group) != blocked;
        Self::ALL.into_iter().find(is_free).unwrap_or(Self::Zero)
    }

    /// As it ends the message group's id.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zero => "0",
            Self::One => "1",
            Self::Two => "2",
        }
    }
}

/// Wakes senders. A hint: the sweeper repeats it.
#[async_trait]
pub trait Waker: Send + Sync {
    /// Wakes one group of a channel's lane. Wakes with the same `deduplication` collapse.
    async fn wake(
        &self,
        channel: &str,
        group: WakeGroup,
        deduplication: &str,
    ) -> Result<(), PortError>;
}

/// Where figures go.
pub trait Meter: Send + Sync {
    /// A drain is over.
    fn drained(&self, channel: &str, at_ms: i64, figures: &LaneFigures);

    /// A round of the sweeper has looked after a lane.
    fn swept(&self, channel: &str, at_ms: i64, figures: &SweepFigures);
}

/// Secrets by name.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret's text, or `None` when there is none of that name.
    async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError>;
}

/// A provider's access token, shared by all senders.
#[derive(Clone, Debug)]
pub struct StoredToken {
    /// The token.
    pub token: SecretString,
    /// When it was fetched.
    pub fetched_at_ms: i64,
    /// When it runs out.
    pub expires_at_ms: i64,
}

/// Where access tokens are shared.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A channel's token, if there is one.
    async fn load_token(&self, channel: &str) -> Result<Option<StoredToken>, PortError>;

    /// Shares a channel's token.
    async fn save_token(&self, channel: &str, token: &StoredToken) -> Result<(), PortError>;
}

/// How a request gets on its way. Once its connection is open, only the way itself varies when it
/// arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// No connection is free: one is being opened, and the request waits.
    Connecting,
    /// A connection is open that it waited for.
    Connected,
}

/// Hears how a request gets on its way, and answers whether a connection that was opened for it may be
/// used. Nothing at all is said of one that finds a connection open.
pub type WayListener = std::sync::Arc<dyn Fn(Way) -> bool + Send + Sync>;

/// One HTTP request to a provider.
#[derive(Clone)]
pub struct HttpRequest {
    /// Where to.
    pub url: String,
    /// The `Authorization` header.
    pub authorization: SecretString,
    /// The JSON body.
    pub body: Bytes,
    /// Time-out of the connection.
    pub connect_timeout: Duration,
    /// Time-out of the whole.
    pub total_timeout: Duration,
    /// Hears of its connection.
    pub way: Option<WayListener>,
}

/// One HTTP answer from a provider.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl HttpResponse {
    /// The first header of a name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// No HTTP answer came. Whether the request may have landed is all that matters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoResponse {
    /// No connection was made: the request was never written.
    #[error("no connection: {0}")]
    NotSent(String),
    /// The request was written, wholly or in part.
    #[error("no answer: {0}")]
    MaybeSent(String),
}

/// HTTP to providers.
#[async_trait]
pub trait Http: Send + Sync {
    /// Lets go of connections that the server may have closed unheard since the last answer, while this
    /// process was frozen: a message that is written to one is lost, and nobody knows.
    fn freshen(&self, base_url: &str, connect_timeout: Duration);

    /// Posts JSON.
    async fn post(&self, request: HttpRequest) -> Result<HttpResponse, NoResponse>;
}

/// What a provider's answer asks of the lane, beside what it means for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneAdvice {
    /// Nothing.
    GoOn,
    /// Nothing may leave for this long.
    HoldFor(Duration),
    /// The limit was exceeded: nothing may leave for this long, and then slower than before.
    SlowDown(Duration),
}

/// What sending one message came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendResult {
    /// For the message.
    pub response: Response,
    /// For the lane.
    pub advice: LaneAdvice,
    /// Whether the provider was asked at all. What cannot be written, it was not.
    pub was_asked: bool,
}

/// Whether a channel is ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is.
    Ready,
    /// A request has to be made first, which takes a slot: call [`Provider::prepare`].
    NeedsPreparation,
}

/// Preparing did not succeed: nothing can be sent for a while.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel cannot send: {detail}")]
pub struct NotPrepared {
    /// What the lane is to do.
    pub advice: LaneAdvice,
    /// What the provider's answer, or its silence, counts as. `None` when it is not the provider's.
    pub outcome: Option<Outcome>,
    /// For the log: what to do about it. Holds no secret.
    pub detail: String,
}

/// A provider, as one channel uses it.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Whether a message could be sent right now.
    async fn readiness(&self, now_ms: i64) -> Result<Readiness, PortError>;

    /// Makes the request that sending needs first, such as fetching a token. Counts against the
    /// provider's limit.
    async fn prepare(&self) -> Result<(), NotPrepared>;

    /// Sends one message, and tells `way` of its connection. Never fails: whatever happens is an
    /// outcome.
    async fn send(
        &self,
        notification: &Notification,
        reference: &Reference,
        way: WayListener,
    ) -> SendResult;

    /// The longest that [`Provider::send`] takes.
    fn total_timeout(&self) -> Duration;
}

/// Makes a channel's provider.
#[async_trait]
pub trait Providers: Send + Sync {
    /// The provider of a channel.
    ///
    /// # Errors
    /// [`NotPrepared`] when the channel's secret is missing or unusable.
    async fn provider(
        &self,
        channel: &Channel,
    ) -> Result<std::sync::Arc<dyn Provider>, NotPrepared>;
}

/// A message that the provider would refuse: which field, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {must}")]
pub struct UnsendableMessage {
    /// The request's field at fault.
    pub field: String,
    /// What it must be.
    pub must: String,
}

/// A receipt as it came: which attempt it speaks of, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingReceipt {
    /// The attempt. `None` when the key is not one of ours.
    pub reference: Option<Reference>,
    /// What it says.
    pub receipt: Receipt,
}

/// A webhook body that is not what the provider sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct MalformedPush {
    /// The field at fault, or `body`.
    pub field: String,
    /// What is wrong with it; holds none of its content.
    pub fault: String,
}
