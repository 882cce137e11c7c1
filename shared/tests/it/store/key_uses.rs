//! The last use of an API key is recorded once in a while, however many processes see it.

use alimi::ports::KeyUses;

use super::fixture::{Fixture, NOW_MS, fixture};

const KEY: &str = "shop.0000000000000001";

#[tokio::test]
async fn a_use_is_recorded_unless_a_recent_one_is() {
    let Fixture { store, .. } = fixture();
    assert_eq!(store.last_use_ms(KEY).await.expect("an answer"), None);
    for (at_ms, unless_since_ms, last_ms) in [
        (NOW_MS, NOW_MS - 1_000, NOW_MS),
        // The first use was within the last second.
        (NOW_MS + 1_000, NOW_MS, NOW_MS),
        (NOW_MS + 1_001, NOW_MS + 1, NOW_MS + 1_001),
        // A process whose clock is behind does not set the time back.
        (NOW_MS, NOW_MS - 1_000, NOW_MS + 1_001),
    ] {
        store.record_use(KEY, at_ms, unless_since_ms).await.expect("recorded");
        assert_eq!(store.last_use_ms(KEY).await.expect("an answer"), Some(last_ms));
    }
    assert_eq!(store.last_use_ms("shop.0000000000000002").await.expect("an answer"), None);
}
