//! The documents of a stack.

use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, with_query};
use crate::failure::Failure;

/// A stored document.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) revision: u64,
    pub(crate) document: Value,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Stored>,
    #[serde(default)]
    next: Option<String>,
}

/// All documents of a kind.
pub(crate) async fn list(api: &Api, kind: &str) -> Result<Vec<Stored>, Failure> {
    let (mut documents, mut after) = (Vec::new(), None::<String>);
    loop {
        let parameters = [("after", after.as_deref()), ("limit", Some("500"))];
        let page = api.get(&with_query(&format!("/v1/{kind}"), &parameters)).await?;
        let page: Page = serde_json::from_value(page).map_err(|_| {
            Failure::NotUnderstood(format!("the list of {kind} has another form; update `alimi`"))
        })?;
        documents.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(documents),
        }
    }
}
