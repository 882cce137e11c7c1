//! Lists that the API answers in pages.

use serde_json::{Value, json};

use crate::api::Api;
use crate::failure::Failure;

/// The most items of one answer.
const PAGE_MAX: usize = 100;

pub(super) struct Pages {
    pub(super) items: Vec<Value>,
    /// Where the list goes on, if it does.
    pub(super) next: Option<String>,
}

impl Pages {
    pub(super) fn as_json(&self) -> Value {
        let mut list = json!({ "items": self.items });
        if let Some(next) = &self.next {
            list["next"] = next.as_str().into();
        }
        list
    }
}

/// Reads pages until there are `limit` items. `path` makes the path of a page from its cursor and its
/// size.
pub(super) async fn read(
    api: &Api,
    mut cursor: Option<String>,
    limit: Option<usize>,
    path: impl Fn(Option<&str>, usize) -> String,
) -> Result<Pages, Failure> {
    let mut items = Vec::new();
    loop {
        let wanted = limit.map_or(PAGE_MAX, |limit| (limit - items.len()).min(PAGE_MAX));
        let mut page = api.get(&path(cursor.as_deref(), wanted)).await?;
        let next = page["next"].as_str().map(str::to_owned);
        if let Value::Array(found) = page["items"].take() {
            items.extend(found);
        }
        let is_full = limit.is_some_and(|limit| items.len() >= limit);
        if next.is_none() || is_full {
            return Ok(Pages { items, next });
        }
        if next == cursor {
            let text = "the API's pages do not go on; report this with the command";
            return Err(Failure::NotUnderstood(text.to_owned()));
        }
        cursor = next;
    }
}
