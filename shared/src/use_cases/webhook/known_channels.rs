//! Decides whether a call comes from a channel's provider, with few reads however many calls come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::domain::name::is_name;
use crate::domain::{Channel, ReceiptSecret};
use crate::ports::{ChannelRows, PortError, WebhookCaller};

/// For so long, channels count as they were read. A deleted secret still works for this time.
const CURRENT_FOR: Duration = Duration::from_secs(10);
/// A caller that is not recognised may have a new secret or a new channel, so the channels are read
/// again, but not more often than this. Nor is a failed read repeated sooner.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A request must not wait longer for the read: its receipts go to the queue then.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// A function can start without the channels.
const READ_AHEAD_WITHIN: Duration = Duration::from_secs(1);

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
    /// `None` for a channel whose row cannot be read.
    channels: BTreeMap<String, Option<Arc<Channel>>>,
    /// Just before the read began: the channels may be as old as that.
    read_at: Instant,
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

    async fn read(&self) -> Result<Known, PortError> {
        let read_at = Instant::now();
        let rows = timeout(READ_WITHIN, self.rows.channel_rows()).await;
        let rows = rows.unwrap_or_else(|_| Err(unavailable("it has not answered in time")))?;
        let channels = rows.into_iter().map(|(name, channel)| (name, channel.map(Arc::new)));
        Ok(Known { channels: channels.collect(), read_at })
    }
}

impl Known {
    fn admitted(&self, caller: &WebhookCaller) -> Result<Option<Arc<Channel>>, PortError> {
        match self.channels.get(&caller.channel) {
            None => Ok(None),
            Some(None) => Err(PortError::Unusable {
                what: "the channel's row",
                detail: format!("channel {} cannot be read", caller.channel),
            }),
            Some(Some(channel)) => {
                let secrets = &channel.receipt_secrets;
                let is_provider = ReceiptSecret::any_has(secrets, &caller.secret_sha256)
                    && channel.takes_receipts_from(caller.source);
                Ok(is_provider.then(|| Arc::clone(channel)))
            }
        }
    }
}

fn unavailable(detail: &str) -> PortError {
    PortError::Unavailable { what: "the catalog table", detail: detail.to_owned() }
}
