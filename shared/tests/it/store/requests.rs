//! A request is remembered by its id.

use alimi::ports::Requests;

use super::fixture::{Fixture, NOW_MS, fixture};

#[tokio::test]
async fn a_request_is_remembered_by_its_first_digest() {
    let Fixture { store, .. } = fixture();
    assert_eq!(store.recall("r").await.expect("an answer"), None);
    assert_eq!(store.remember("r", "one", NOW_MS).await.expect("an answer"), None);
    let second = store.remember("r", "two", NOW_MS).await.expect("an answer");
    assert_eq!(second.as_deref(), Some("one"));
    assert_eq!(store.recall("r").await.expect("an answer").as_deref(), Some("one"));
}
