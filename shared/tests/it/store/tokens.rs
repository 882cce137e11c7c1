//! The provider's token is shared by all senders.

use alimi::ports::{StoredToken, Tokens};
use secrecy::{ExposeSecret, SecretString};

use super::fixture::{CHANNEL, Fixture, NOW_MS, fixture};

#[tokio::test]
async fn a_token_is_shared_through_the_store() {
    let Fixture { store, .. } = fixture();
    assert!(store.load_token(CHANNEL).await.expect("an answer").is_none());
    let token = StoredToken {
        token: SecretString::from("secret"),
        fetched_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 1000,
    };
    store.save_token(CHANNEL, &token).await.expect("saved");
    let read = store.load_token(CHANNEL).await.expect("an answer").expect("a token");
    assert_eq!(read.token.expose_secret(), "secret");
    assert_eq!(read.expires_at_ms, NOW_MS + 1000);
}
