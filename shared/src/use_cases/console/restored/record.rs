//! The ledger's record of a review.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::review::{Restoration, ReviewRestored};
use super::stopped::StoppedChannels;
use crate::ports::{LedgerEntry, PortError};

/// How long the record is kept: 1,096 days, as long as a sequence.
const RECORD_KEPT_S: i64 = 1_096 * 24 * 60 * 60;

impl ReviewRestored {
    /// Records that a review begins, before it changes anything.
    pub(super) async fn record(
        &self,
        request: &Restoration,
        stopped: &StoppedChannels,
        now_ms: i64,
    ) -> Result<(), PortError> {
        let timestamp = |at_ms| Timestamp::from_millisecond(at_ms).unwrap_or_default();
        let paused_at: Map<String, Value> = stopped
            .iter()
            .map(|(name, channel)| {
                (name.clone(), json!(timestamp(channel.paused_at_ms).to_string()))
            })
            .collect();
        let body = Map::from_iter([
            ("action".to_owned(), json!("restored")),
            ("by".to_owned(), json!(request.by)),
            ("reason".to_owned(), json!(request.reason)),
            ("restored_to".to_owned(), json!(request.restored_to.to_string())),
            ("paused_at".to_owned(), Value::Object(paused_at)),
        ]);
        let day = timestamp(now_ms).to_zoned(TimeZone::UTC).date();
        let entry = LedgerEntry {
            partition: format!("restored#{day}"),
            sort: format!("{now_ms:013}#restored"),
            body,
            expires_at_s: now_ms / 1000 + RECORD_KEPT_S,
        };
        self.ledger.append(&entry).await
    }
}
