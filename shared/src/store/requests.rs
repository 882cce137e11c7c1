//! Which request has the id of its first notification: the notification's own row tells, or a
//! placeholder in the place of a notification that is not stored.

use async_trait::async_trait;

use super::dynamo::{DynamoStore, Table};
use super::error::unusable;
use super::item::{ConditionalPut, Item, number, text};
use super::notification_item::{KIND, PLACEHOLDER};
use super::notifications::PutCondition;
use crate::domain::NotificationId;
use crate::ports::{PortError, Requests, Saved};

/// How long a placeholder is kept after its creation: 1,096 days, as long as a sequence. The other
/// messages of its request may wait for 366 days before they leave, and are kept after their end.
const RETENTION_S: i64 = 1_096 * 24 * 60 * 60;

/// The digest in the row of a notification or of a placeholder.
fn digest_in(item: &Item) -> Result<String, PortError> {
    item.get("request_digest")
        .and_then(|digest| digest.as_s().ok())
        .cloned()
        .ok_or_else(|| unusable(Table::Notifications, "a row without the digest of its request"))
}

#[async_trait]
impl Requests for DynamoStore {
    async fn digest_of(&self, first: &NotificationId) -> Result<Option<String>, PortError> {
        let found = self.notifications_row(first.as_str()).await?;
        found.as_ref().map(digest_in).transpose()
    }

    async fn hold_place(&self, first: &NotificationId, digest: &str) -> Result<Saved, PortError> {
        // A placeholder has no keys of an index, so nothing lists it.
        let item = Item::from([
            ("id".to_owned(), text(first.as_str())),
            (KIND.to_owned(), text(PLACEHOLDER)),
            ("request_digest".to_owned(), text(digest)),
            ("ttl".to_owned(), number(self.now_s() + RETENTION_S)),
        ]);
        let put = self.put(item, &PutCondition::NewOrHeld { digest })?;
        let holder = match self.put_one(put).await? {
            ConditionalPut::Done => return Ok(Saved::Done),
            ConditionalPut::Conflict(Some(found)) => Some(digest_in(&found)?),
            ConditionalPut::Conflict(None) => self.digest_of(first).await?,
        };
        match holder {
            // The same request has stored its first notification meanwhile.
            Some(holder) if holder == digest => Ok(Saved::Done),
            Some(_) => Ok(Saved::Conflict),
            None => Err(PortError::Unavailable {
                what: Table::Notifications.as_str(),
                detail: "another writer changes the same row".to_owned(),
            }),
        }
    }
}
