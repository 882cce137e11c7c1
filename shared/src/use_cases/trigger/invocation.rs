//! One invocation's work on one run.

use std::time::Duration;

use tokio::time::Instant;

use super::Trigger;
use super::begin::Beginning;
use super::outcome::{RunOutcome, RunReport, Stop};
use crate::domain::audience::PinnedAudience;
use crate::domain::run::{RunCounts, RunStatus};
use crate::domain::{Run, RunKey};
use crate::ports::PortError;
use crate::use_cases::puts::{PutSlots, RESERVED_AT_ONCE};
use crate::use_cases::wake::wake_lane;

impl Trigger {
    /// Begins or continues a run, for as long as `time_left` allows. Calling it again is always
    /// harmless.
    ///
    /// # Errors
    /// [`PortError`] when the call has to be repeated. The run's lease is released then.
    pub async fn run(&self, key: &RunKey, time_left: Duration) -> Result<RunReport, PortError> {
        let stop_at = Instant::now() + time_left.saturating_sub(self.settings.margin);
        let mut run = match self.runs.run(key).await? {
            Some(run) => run,
            None => match self.begin(key).await? {
                Beginning::Stored(run) => *run,
                Beginning::Refused(outcome) => {
                    return Ok(RunReport { outcome, counts: RunCounts::default() });
                }
            },
        };
        let worked = match self.acquire(&mut run).await {
            Ok(()) if run.status == RunStatus::Storing => self.work(&mut run, stop_at).await,
            Ok(()) => Ok(RunOutcome::Ended),
            Err(stop) => Err(stop),
        };
        let outcome = match worked {
            Ok(outcome) => outcome,
            Err(Stop::Conflict) => RunOutcome::HeldElsewhere,
            Err(Stop::Fatal(why)) => self.fail(&mut run, why).await?,
            Err(Stop::Port(error)) => {
                self.release(&run).await;
                return Err(error);
            }
        };
        if outcome == RunOutcome::ToBeContinued
            && let Err(error) = self.queue.request_run(key).await
        {
            tracing::warn!(
                schedule = %key.schedule, %error,
                "the continuation of a run was not requested; the sweeper will request it"
            );
        }
        tracing::info!(
            schedule = %key.schedule,
            scheduled_at = %key.scheduled_at,
            ?outcome,
            status = ?run.status,
            members = run.counts.members,
            stored = run.counts.stored,
            invalid = run.counts.invalid,
            duplicate = run.counts.duplicate,
            "an invocation's work on a run ended"
        );
        Ok(RunReport { outcome, counts: run.counts })
    }

    /// Reads the audience and stores its notifications until the audience ends or the time is up.
    /// Every call does one page or more, so that a run ends however little time each invocation
    /// has.
    async fn work(&self, run: &mut Run, stop_at: Instant) -> Result<RunOutcome, Stop> {
        if run.cursor.is_none() {
            self.note_overlap(run).await?;
        }
        let context = self.context(run).await?;
        let mut audience = self.audiences.open(&context.pins.audience, run.cursor.as_deref())?;
        let mut slots = PutSlots::new(
            &*self.put_pace,
            &*self.clock,
            &context.channel.name,
            self.settings.puts_per_second,
        );
        let small_page = self.settings.page.min(RESERVED_AT_ONCE);
        let mut page = small_page;
        loop {
            let began = Instant::now();
            let members = audience.next_page(page).await?;
            let mut stored =
                self.store_page(&run.key, &context, &mut slots, members.records).await?;
            // Many runs that share a channel's pace may wait long for their slots. A page has to
            // end before the lease does, or another invocation would repeat it.
            let is_slow = 10 * began.elapsed() > self.settings.lease;
            page = if is_slow { small_page } else { self.settings.page };
            run.counts.add(stored.counts);
            let cut_off = if members.is_cut_off { stored.faults.pop() } else { None };
            for fault in stored.faults {
                run.report(fault);
            }
            if let Some(cut_off) = cut_off {
                run.report_cut_off(cut_off);
            }
            let is_last = members.next.is_none();
            let now_ms = self.clock.now_ms();
            if is_last {
                check_all_read(&context.pins.audience, run.counts)?;
                run.all_stored(now_ms);
            } else {
                run.cursor = members.next;
                run.lease_until_ms = Some(self.lease_from(now_ms));
            }
            let is_over = is_last || Instant::now() >= stop_at;
            if is_over {
                run.lease_until_ms = None;
            }
            self.save(run).await?;
            if stored.any_may_leave {
                wake_lane(&*self.waker, &*self.clock, &context.channel.name).await;
            }
            if is_last {
                return Ok(RunOutcome::Ended);
            }
            if is_over {
                return Ok(RunOutcome::ToBeContinued);
            }
        }
    }

    /// Ends the run as failed, and records why.
    async fn fail(&self, run: &mut Run, why: String) -> Result<RunOutcome, PortError> {
        tracing::error!(
            schedule = %run.key.schedule,
            scheduled_at = %run.key.scheduled_at,
            "a run failed; its record says why"
        );
        run.end(RunStatus::Failed, Some(why), self.clock.now_ms());
        match self.save(run).await {
            Ok(()) => Ok(RunOutcome::Ended),
            Err(Stop::Port(error)) => Err(error),
            Err(Stop::Conflict | Stop::Fatal(_)) => Ok(RunOutcome::HeldElsewhere),
        }
    }
}

/// An upload that is discarded while the run reads it ends early, and would look complete.
fn check_all_read(audience: &PinnedAudience, counts: RunCounts) -> Result<(), Stop> {
    match audience {
        PinnedAudience::Members { size, .. } if counts.members < *size => {
            Err(Stop::Fatal(format!(
                "only {} of the upload's {size} members could be read: the upload was discarded",
                counts.members
            )))
        }
        PinnedAudience::Members { .. } | PinnedAudience::S3 { .. } => Ok(()),
    }
}
