//! Finds runs whose last notification has ended.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::RunKey;
use crate::domain::run::RunStatus;
use crate::ports::{PortError, Repair, RepairPlaces, Runs, Saved};
use crate::use_cases::run_ends::{RunEnd, RunEnds, SearchLimits};

/// How many runs are listed at a time.
const PAGE: usize = 100;
/// How many runs are searched at a time.
const CONCURRENCY: usize = 4;
/// How many runs a round searches at most, and for how long. The next round goes on behind them.
const RUNS_MAX: usize = 1_000;
const SEARCH_FOR: Duration = Duration::from_secs(20);
/// How many notifications of one run a round reads: more than a channel sends in a minute.
const NOTIFICATIONS_MAX: usize = 30_000;

/// Makes runs `finished` that are over. What is known of the other ones is saved, so no notification
/// is read in each round.
#[derive(Clone)]
pub struct FinishRuns {
    pub runs: Arc<dyn Runs>,
    pub run_ends: RunEnds,
    /// Where the next round goes on.
    pub places: Arc<dyn RepairPlaces>,
}

impl FinishRuns {
    /// Does one round, and returns how many runs it finished. A run that cannot be read does not
    /// stop the round.
    ///
    /// # Errors
    /// [`PortError`] when the runs cannot be listed, or the place cannot be read or stored.
    pub async fn round(&self) -> Result<usize, PortError> {
        let stop_at = Instant::now() + SEARCH_FOR;
        let (mut searched, mut finished) = (0, 0);
        let place = self.places.place(Repair::FinishedRuns).await?;
        let mut place = place.as_deref().and_then(key_at);
        loop {
            let page = self.runs.sending_runs(place.as_ref(), PAGE).await?;
            let next = page.last().filter(|_| page.len() >= PAGE).cloned();
            searched += page.len();
            finished += self.finish_all(page, stop_at).await;
            if next != place {
                let stored = next.as_ref().map(place_of);
                self.places.save_place(Repair::FinishedRuns, stored.as_deref()).await?;
            }
            place = next;
            if place.is_none() || searched >= RUNS_MAX || Instant::now() >= stop_at {
                return Ok(finished);
            }
        }
    }

    async fn finish_all(&self, page: Vec<RunKey>, stop_at: Instant) -> usize {
        let searched = stream::iter(page).map(|key| async move {
            let finished = self.finish_if_over(&key, stop_at).await;
            let finished = finished.inspect_err(|error| {
                tracing::error!(
                    schedule = %key.schedule, scheduled_at = %key.scheduled_at, %error,
                    "it is not known whether a run is over; the next round tries again"
                );
            });
            usize::from(finished.unwrap_or(false))
        });
        searched.buffer_unordered(CONCURRENCY).fold(0, |sum, one| async move { sum + one }).await
    }

    /// Finishes a run if it is over, or saves what is known of it.
    async fn finish_if_over(&self, key: &RunKey, stop_at: Instant) -> Result<bool, PortError> {
        // The index lags: it may still show a run that is finished.
        let run = self.runs.run(key).await?.filter(|run| run.status == RunStatus::Sending);
        let Some(mut run) = run else { return Ok(false) };
        let limits =
            SearchLimits { open: 1, notifications: NOTIFICATIONS_MAX, until: Some(stop_at) };
        match self.run_ends.search(&run, limits).await? {
            RunEnd::Over { at_ms } => {
                run.end(RunStatus::Finished, None, at_ms);
                tracing::info!(
                    schedule = %key.schedule, scheduled_at = %key.scheduled_at,
                    "a run is finished: the last of its notifications has ended"
                );
            }
            RunEnd::Open { known_ends, .. } if known_ends != run.known_ends => {
                run.known_ends = known_ends;
            }
            RunEnd::Open { .. } => return Ok(false),
        }
        let fence = run.fence;
        run.fence += 1;
        // A conflict: another round of the sweeper was faster.
        let saved = self.runs.save_run(&run, fence).await?;
        Ok(saved == Saved::Done && run.status == RunStatus::Finished)
    }
}

/// A run's key as the text of a place.
fn place_of(key: &RunKey) -> String {
    format!("{}#{}", key.scheduled_at, key.schedule)
}

/// The run at a place; `None` when the text is no place, so the round starts at the beginning.
fn key_at(place: &str) -> Option<RunKey> {
    let (scheduled_at, schedule) = place.split_once('#')?;
    Some(RunKey::new(schedule, scheduled_at.parse::<Timestamp>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_the_run_behind_which_the_next_round_goes_on() {
        let key = RunKey::new("daily", "2026-03-02T01:00:00Z".parse().expect("a time"));
        assert_eq!(key_at(&place_of(&key)), Some(key));
        assert_eq!(key_at("daily"), None);
        assert_eq!(key_at("yesterday#daily"), None);
    }
}
