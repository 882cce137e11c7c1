//! Takes delivery receipts from providers.
//!
//! A receipt that cannot be recorded at once goes to a queue, and is recorded from there. The
//! provider gets its usual answer, because it may never send the receipt again.

mod known_channels;
mod recent_failure;
mod recording;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::time::Instant;

use self::known_channels::KnownChannels;
use self::recent_failure::RecentFailure;
use self::recording::{Recording, Unrecorded};
use self::refusals::Refusals;
use super::apply::Apply;
use crate::domain::{Channel, FieldError, IncomingReceipt};
use crate::ports::{
    Adapter, Adapters, ChannelRows, Clock, Meter, Notifications, PortError, QueuedReceipts,
    ReceiptQueue, ReceiptRequest, WebhookCaller,
};

/// For so long, a request waits for the database. The queue gets the rest of the function's time.
const RECORD_WITHIN: Duration = Duration::from_secs(5);

/// What [`Webhook`] is made from.
pub struct WebhookPorts {
    /// The channels, with the hashes of their webhooks' secrets.
    pub channels: Arc<dyn ChannelRows>,
    pub adapters: Arc<dyn Adapters>,
    pub notifications: Arc<dyn Notifications>,
    pub apply: Apply,
    pub queue: Arc<dyn ReceiptQueue>,
    pub meter: Arc<dyn Meter>,
    pub clock: Arc<dyn Clock>,
}

#[derive(Clone)]
pub struct Webhook {
    channels: Arc<KnownChannels>,
    adapters: Arc<dyn Adapters>,
    recording: Recording,
    recent_failure: Arc<RecentFailure>,
    queue: Arc<dyn ReceiptQueue>,
    refusals: Arc<Refusals>,
}

/// A caller that was not refused.
pub struct Admitted {
    caller: WebhookCaller,
    /// Without the channel, nobody can say now whether the caller is its provider.
    channel: Result<Arc<Channel>, PortError>,
    record_until: Instant,
}

/// Why the provider has to send its receipts again.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("the request holds no receipts: {0}")]
    Malformed(FieldError),
    /// The receipts could be neither recorded nor kept in the queue.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Webhook {
    #[must_use]
    pub fn new(ports: WebhookPorts) -> Self {
        let WebhookPorts { channels, adapters, notifications, apply, queue, meter, clock } = ports;
        Self {
            channels: Arc::new(KnownChannels::new(channels)),
            adapters,
            refusals: Arc::new(Refusals::new(meter, clock.clone())),
            recording: Recording { notifications, apply, clock },
            recent_failure: Arc::default(),
            queue,
        }
    }

    /// Reads the channels, and so opens a connection to the database. Call this while the function
    /// starts, since Lambda gives it a whole processor only then.
    pub async fn start(&self) {
        self.channels.read_ahead().await;
    }

    /// Counts a call that is refused.
    pub fn refuse(&self) {
        self.refusals.add();
    }

    /// `None` for a caller that is not the channel's provider. It is counted.
    pub async fn admit(&self, caller: WebhookCaller) -> Option<Admitted> {
        self.refusals.report();
        let record_until = Instant::now() + RECORD_WITHIN;
        match self.channels.admitted(&caller).await {
            Ok(Some(channel)) => Some(Admitted { caller, channel: Ok(channel), record_until }),
            Ok(None) => {
                self.refuse();
                None
            }
            Err(error) => Some(Admitted { caller, channel: Err(error), record_until }),
        }
    }

    /// Records the receipts of a request, or puts them into the queue. Returns the answer that the
    /// provider expects, as far as its channel can be read.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn take(
        &self,
        admitted: Admitted,
        request: ReceiptRequest,
    ) -> Result<Response<Bytes>, NotTaken> {
        let Admitted { caller, channel, record_until } = admitted;
        let known = channel.and_then(|channel| {
            let adapter = self.adapters.usable_adapter(&channel)?;
            Ok((channel, adapter))
        });
        let (channel, adapter) = match known {
            Ok(known) => known,
            // Also when the channel's row is unusable: a newer version may have written it, and
            // that version reads the queue as well.
            Err(error) => {
                tracing::warn!(
                    channel = %caller.channel,
                    %error,
                    "a receipt cannot be checked now; it waits in the receipt queue"
                );
                self.queue.keep(&QueuedReceipts::Unverified { caller, request }).await?;
                return Ok(Response::new(Bytes::new()));
            }
        };
        let name = &channel.name;
        let receipts = read(&*adapter, name, &request).map_err(NotTaken::Malformed)?;
        let recorded = match self.recent_failure.error() {
            Some(error) if !receipts.is_empty() => Err(Unrecorded { receipts, error }),
            Some(_) | None => {
                let recorded = self.recording.record_all(name, receipts, record_until).await;
                recorded.inspect_err(|failed| self.recent_failure.note(&failed.error))
            }
        };
        if let Err(Unrecorded { receipts, error }) = recorded {
            tracing::warn!(
                channel = %name,
                count = receipts.len(),
                %error,
                "receipts cannot be recorded now; they wait in the receipt queue"
            );
            let channel = name.clone();
            self.queue.keep(&QueuedReceipts::Verified { channel, receipts }).await?;
        }
        Ok(adapter.receipt_reply())
    }

    /// Records the receipts of a message of the queue. What is not done at `until` counts as failed.
    /// A caller that turns out not to be the channel's provider is counted, and its request is
    /// dropped. So is a request that holds no receipts.
    ///
    /// # Errors
    /// [`PortError`]: the message has to come again. Recording receipts again changes nothing.
    pub async fn record_queued(
        &self,
        queued: QueuedReceipts,
        until: Instant,
    ) -> Result<(), PortError> {
        self.refusals.report();
        let (channel, receipts) = match queued {
            QueuedReceipts::Verified { channel, receipts } => (channel, receipts),
            QueuedReceipts::Unverified { caller, request } => {
                let Some(channel) = self.channels.admitted(&caller).await? else {
                    self.refuse();
                    return Ok(());
                };
                let adapter = self.adapters.usable_adapter(&channel)?;
                let Ok(receipts) = read(&*adapter, &channel.name, &request) else { return Ok(()) };
                (channel.name.clone(), receipts)
            }
        };
        let recorded = self.recording.record_all(&channel, receipts, until).await;
        recorded.map_err(|unrecorded| unrecorded.error)
    }
}

/// Reads the receipts of a request, and reports a request that holds none.
fn read(
    adapter: &dyn Adapter,
    channel: &str,
    request: &ReceiptRequest,
) -> Result<Vec<IncomingReceipt>, FieldError> {
    adapter.read_receipts(&request.to_http()).inspect_err(|malformed| {
        tracing::warn!(
            channel,
            field = %malformed.field,
            "receipts cannot be read: compare the field with the provider's document; their \
             messages wait for their deadlines"
        );
    })
}
