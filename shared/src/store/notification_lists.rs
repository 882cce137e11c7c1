//! The indexes `history` and `groups` of the notifications table, as lists of one owner's
//! notifications.

use async_trait::async_trait;

use super::dynamo::{DynamoStore, Table};
use super::error::unavailable;
use super::item::{Item, text};
use crate::domain::ListedBy;
use crate::domain::agenda::id_in;
use crate::ports::{ListEntry, ListPage, NotificationLists, PortError};

/// How many entries of an index one page reads at most. Those of other owners are read too.
const READ_MAX: usize = 1_000;

/// How many entries the second query of a page and each further one reads.
const FURTHER: usize = 250;

/// An index, and the names of its keys.
struct Index {
    name: &'static str,
    partition_key: &'static str,
    sort_key: &'static str,
}

const HISTORY: Index =
    Index { name: "history", partition_key: "history_pk", sort_key: "history_sk" };

const GROUPS: Index = Index { name: "groups", partition_key: "group_pk", sort_key: "group_sk" };

fn place_of(item: &Item, index: &Index) -> Option<String> {
    item.get(index.sort_key)?.as_s().ok().cloned()
}

fn entry(place: String) -> Option<ListEntry> {
    let id = id_in(&place)?.parse().ok()?;
    Some(ListEntry { place, id })
}

#[async_trait]
impl NotificationLists for DynamoStore {
    async fn list_page(
        &self,
        by: &ListedBy,
        owner: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ListPage, PortError> {
        let (index, partition) = match by {
            ListedBy::Recipient(id) => (HISTORY, id.as_str()),
            ListedBy::Group(group) => (GROUPS, group.as_str()),
        };
        let mut page = ListPage { entries: vec![], next: after.map(str::to_owned) };
        let mut read = 0;
        while read < READ_MAX {
            // Usually all entries are the owner's. One more than needed tells whether others follow.
            let wanted = if read == 0 { limit + 1 } else { FURTHER };
            let query = self
                .client
                .query()
                .table_name(&self.tables.notifications)
                .index_name(index.name)
                .scan_index_forward(false)
                .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
                .filter_expression("#owner = :owner")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_names("#partition", index.partition_key)
                .expression_attribute_values(":owner", text(owner))
                .expression_attribute_values(":partition", text(partition));
            let query = match &page.next {
                None => query.key_condition_expression("#partition = :partition"),
                Some(after) => query
                    .key_condition_expression("#partition = :partition AND #sort < :after")
                    .expression_attribute_names("#sort", index.sort_key)
                    .expression_attribute_values(":after", text(after)),
            };
            let answer =
                query.send().await.map_err(|error| unavailable(Table::Notifications, &error))?;
            read += usize::try_from(answer.scanned_count).unwrap_or(0).max(1);
            let items = answer.items.unwrap_or_default();
            for place in items.iter().filter_map(|item| place_of(item, &index)) {
                if page.entries.len() == limit {
                    // The page is full, and at least this entry follows it.
                    page.next = page.entries.last().map(|last| last.place.clone());
                    return Ok(page);
                }
                page.entries.extend(entry(place));
            }
            page.next = answer.last_evaluated_key.as_ref().and_then(|last| place_of(last, &index));
            if page.next.is_none() || page.entries.len() == limit {
                break;
            }
        }
        Ok(page)
    }
}
