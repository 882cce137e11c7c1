//! Decides whether a call comes from a channel's provider, with few reads however many calls come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::domain::name::is_name;
use crate::domain::{Channel, SecretDigest};
use crate::ports::{ChannelRow, ChannelRows, PortError, WebhookCaller};

/// For so long, channels count as they were read. A deleted secret still works for this time.
const CURRENT_FOR: Duration = Duration::from_secs(10);
/// A caller that is not recognised may have a new secret or a new channel, so the channels are read
/// again, but not more often than this. Nor is a failed read repeated sooner.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A request must not wait longer for the read: its receipts go to the queue then.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// A function can start without the channels.
const READ_AHEAD_WITHIN: Duration = Duration::from_secs(1);
/// While the channels cannot be read, those that were read last tell for so long who is no provider.
/// As long as a sender uses a channel's password that it read before an outage.
const LAST_KNOWN_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// All channels, read with one query: a caller may make up as many names as it likes.
pub(super) struct KnownChannels {
    rows: Arc<dyn ChannelRows>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    failed_at: Option<Instant>,
}

struct Known {
    channels: BTreeMap<String, KnownChannel>,
    /// Just before the read began: the channels may be as old as that.
    read_at: Instant,
}

struct KnownChannel {
    receipt_secrets: Vec<SecretDigest>,
    /// `None` when the channel's row cannot be read.
    channel: Option<Arc<Channel>>,
}

impl KnownChannels {
    pub(super) fn new(rows: Arc<dyn ChannelRows>) -> Self {
        Self { rows, state: Mutex::default() }
    }

    /// Reads the channels before the first call.
    pub(super) async fn read_ahead(&self) {
        let mut state = self.state.lock().await;
        if let Ok(Ok(known)) = timeout(READ_AHEAD_WITHIN, self.read()).await {
            state.known = Some(known);
        }
    }

    /// The channel, if the caller is its provider.
    ///
    /// # Errors
    /// [`PortError`] when nobody can say that now.
    pub(super) async fn admitted(
        &self,
        caller: &WebhookCaller,
    ) -> Result<Option<Arc<Channel>>, PortError> {
        if !is_name(&caller.channel) {
            return Ok(None);
        }
        let mut state = self.state.lock().await;
        if let Some(known) = &state.known {
            let age = known.read_at.elapsed();
            if age < CURRENT_FOR {
                let admitted = known.admitted(caller);
                if matches!(admitted, Ok(Some(_))) || age < READ_AGAIN_AFTER {
                    return admitted;
                }
            }
        }
        if state.failed_at.is_some_and(|at| at.elapsed() < READ_AGAIN_AFTER) {
            return Err(unavailable("it did not answer a moment ago"));
        }
        match self.read().await {
            Ok(known) => {
                let admitted = known.admitted(caller);
                *state = State { known: Some(known), failed_at: None };
                admitted
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                Err(error)
            }
        }
    }

    /// Whether the channels that were read last show that the caller is not the channel's provider.
    /// This is for requests that come while the channels cannot be read. It must not decide on a
    /// request that has waited in the queue, whose secret may be newer than what was read.
    pub(super) async fn last_known_refuse(&self, caller: &WebhookCaller) -> bool {
        let state = self.state.lock().await;
        let known = state.known.as_ref();
        let usable = known.filter(|known| known.read_at.elapsed() < LAST_KNOWN_FOR);
        usable.is_some_and(|known| known.recognised(caller).is_none())
    }

    async fn read(&self) -> Result<Known, PortError> {
        let read_at = Instant::now();
        let rows = timeout(READ_WITHIN, self.rows.channel_rows()).await;
        let rows = rows.unwrap_or_else(|_| Err(unavailable("it has not answered in time")))?;
        let channels = rows.into_iter().map(|(name, row)| {
            let ChannelRow { receipt_secrets, channel } = row;
            (name, KnownChannel { receipt_secrets, channel: channel.map(Arc::new) })
        });
        Ok(Known { channels: channels.collect(), read_at })
    }
}

impl Known {
    fn admitted(&self, caller: &WebhookCaller) -> Result<Option<Arc<Channel>>, PortError> {
        let Some(known) = self.recognised(caller) else { return Ok(None) };
        match &known.channel {
            Some(channel) => Ok(Some(Arc::clone(channel))),
            None => Err(PortError::Unusable {
                what: "the channel's row",
                detail: format!("channel {} cannot be read", caller.channel),
            }),
        }
    }

    /// The channel, if the caller is its provider.
    fn recognised(&self, caller: &WebhookCaller) -> Option<&KnownChannel> {
        let known = self.channels.get(&caller.channel)?;
        let has_secret = caller.secret_sha256.is_one_of(&known.receipt_secrets);
        // The networks of a row that cannot be read are not known. They are checked when the request
        // leaves the queue.
        let is_from_there =
            known.channel.as_ref().is_none_or(|channel| channel.takes_receipts_from(caller.source));
        (has_secret && is_from_there).then_some(known)
    }
}

fn unavailable(detail: &str) -> PortError {
    PortError::Unavailable { what: "the catalog table", detail: detail.to_owned() }
}
