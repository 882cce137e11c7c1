//! Requests that sending needs first, such as fetching a token.

use super::Slice;
use crate::ports::{PortError, Readiness};
use crate::use_cases::sender::in_flight::InFlight;

impl Slice<'_> {
    /// Whether the provider is ready for messages. If sending needs another request first, makes
    /// that request in the next slot, since the provider counts it. While the circuit is open, the
    /// request needs the slot of a probe.
    pub(super) async fn is_prepared(&self, in_flight: &mut InFlight) -> Result<bool, PortError> {
        let now_ms = self.sender.clock.now_ms();
        match in_flight.drive_until(self.provider.readiness(now_ms)).await? {
            Readiness::Ready => return Ok(true),
            Readiness::NeedsPreparation => {}
        }
        let until_slot = in_flight.pacing.until_slot().or_else(|| in_flight.pacing.until_probe());
        // A process that was frozen meanwhile has to renew its lease first.
        let may_send = !in_flight.ready.is_lease_over();
        if may_send && until_slot.is_some_and(|wait| wait.is_zero()) {
            // Claimed messages wait: they could not be sent.
            in_flight.ready.close();
            let request = self.provider.prepare();
            let (prepared, departure) = in_flight.make_token_request(request).await;
            if let Err(error) = prepared {
                tracing::error!(
                    channel = %self.lane.channel.name,
                    %error,
                    "the channel cannot send for now"
                );
                in_flight.token_request_failed(&error, departure);
            }
        }
        Ok(false)
    }
}
