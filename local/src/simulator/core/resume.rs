//! Goes on where an earlier process has ended.

use std::sync::Arc;

use super::kept::KeptProvider;
use super::provider::Simulator;
use crate::aws::embedded::{EmbeddedError, StandInRows};

impl Simulator {
    /// Keeps tokens and receipts in rows, and goes on with those that are there. The sinks of the
    /// receipts have to be set before. Only the first call has an effect.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the rows cannot be read.
    pub fn keep_in(self: &Arc<Self>, rows: &StandInRows) -> Result<(), EmbeddedError> {
        let kept = KeptProvider::new(rows);
        let (tokens, deliveries) = (kept.tokens()?, kept.deliveries()?);
        let now_us = self.clock.now_us();
        let (valid, expired): (Vec<_>, Vec<_>) =
            tokens.into_iter().partition(|(_, end_us)| now_us < *end_us);
        kept.forget_tokens(&expired);
        if self.kept.set(kept).is_err() {
            return Ok(());
        }
        self.start_keys_now();
        self.state().tokens = valid;
        for (name, delivery) in deliveries {
            self.start_delivery(name, delivery);
        }
        Ok(())
    }
}
