//! The lease on a run, and the conditional save that only its holder can make.

use super::Trigger;
use super::outcome::Stop;
use crate::domain::Run;
use crate::domain::run::RunStatus;
use crate::ports::Saved;

impl Trigger {
    /// Takes the lease of a run, unless everything is stored or the run has ended. The first holder pins, in the same
    /// write, what the run is made from.
    pub(super) async fn acquire(&self, run: &mut Run) -> Result<(), Stop> {
        if run.status != RunStatus::Storing {
            return Ok(());
        }
        if run.is_held(self.clock.now_ms()) {
            return Err(Stop::Conflict);
        }
        if run.pins.is_none() {
            run.pins = Some(self.pins(&run.key).await?);
        }
        run.holder = self.randomness.next_u64();
        run.lease_until_ms = Some(self.lease_from(self.clock.now_ms()));
        self.save(run).await
    }

    /// When a lease that is taken or renewed now runs out.
    pub(super) fn lease_from(&self, now_ms: i64) -> i64 {
        now_ms + i64::try_from(self.settings.lease.as_millis()).unwrap_or(0)
    }

    /// Saves the whole run in one conditional write.
    pub(super) async fn save(&self, run: &mut Run) -> Result<(), Stop> {
        let fence = run.fence;
        run.fence += 1;
        match self.runs.save_run(run, fence).await? {
            Saved::Done => Ok(()),
            Saved::Conflict => Err(Stop::Conflict),
        }
    }

    /// Releases the lease after a failure. If that fails as well, the lease runs out.
    pub(super) async fn release(&self, run: &Run) {
        if let Err(Stop::Port(error)) = self.release_stored(run).await {
            tracing::warn!(
                schedule = %run.key.schedule, %error,
                "the lease of a run was not released"
            );
        }
    }

    /// Reads the run again first: the failed save may have taken effect or not.
    async fn release_stored(&self, own: &Run) -> Result<(), Stop> {
        match self.runs.run(&own.key).await? {
            Some(mut run) if run.holder == own.holder && run.lease_until_ms.is_some() => {
                run.lease_until_ms = None;
                self.save(&mut run).await
            }
            Some(_) | None => Ok(()),
        }
    }
}
