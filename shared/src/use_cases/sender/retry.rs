//! How a drain repeats requests that the database did not answer.

use std::time::Duration;

use crate::ports::PortError;

/// After a failed database request, the slice pauses this long before its next round, and no other
/// message is claimed for this long.
pub(super) const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);

/// Pauses between the attempts of [`retry_unavailable`].
const RETRY_PAUSES_MS: [u64; 5] = [50, 200, 500, 1000, 2000];

/// Repeats work for a few seconds while the store is unavailable. For work that no other process
/// can do, such as recording the provider's answer.
pub(super) async fn retry_unavailable<T, F: Future<Output = Result<T, PortError>>>(
    work: impl Fn() -> F,
) -> Result<T, PortError> {
    for pause_ms in RETRY_PAUSES_MS {
        match work().await {
            Err(PortError::Unavailable { .. } | PortError::Throttled { .. }) => {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            }
            finished => return finished,
        }
    }
    work().await
}
