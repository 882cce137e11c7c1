//! Runs, schedules and uploads. Whatever fails here is told, and keeps nothing from being swept.

use std::time::Duration;

use super::Sweeper;

/// Schedules are compared in every tenth minute: drift is rare, and comparing asks for each.
const COMPARED_EVERY_MINUTES: i64 = 10;
/// Uploads are looked through once an hour, in another minute than that.
const DISCARDED_EVERY_MINUTES: i64 = 60;
const DISCARDED_IN_MINUTE: i64 = 25;
/// Well under the function's time.
const GIVE_UP_AFTER: Duration = Duration::from_secs(40);

/// What a round healed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Healed {
    pub(super) runs_resumed: usize,
    pub(super) times_missed: usize,
    pub(super) schedules_put_right: usize,
}

pub(super) async fn round(sweeper: &Sweeper) -> Healed {
    let (runs_resumed, times_missed, schedules_put_right, ()) =
        futures::join!(resume(sweeper), catch_up(sweeper), compare(sweeper), discard(sweeper),);
    Healed { runs_resumed, times_missed, schedules_put_right }
}

async fn catch_up(sweeper: &Sweeper) -> usize {
    match tokio::time::timeout(GIVE_UP_AFTER, sweeper.missed.round()).await {
        Ok(Ok(missed)) => missed,
        Ok(Err(error)) => {
            tracing::error!(%error, "no missed time was looked for");
            0
        }
        Err(_) => {
            tracing::error!("looking for missed times took too long");
            0
        }
    }
}

async fn resume(sweeper: &Sweeper) -> usize {
    match tokio::time::timeout(GIVE_UP_AFTER, sweeper.resume.round()).await {
        Ok(Ok(resumed)) => resumed,
        Ok(Err(error)) => {
            tracing::error!(%error, "no run was resumed");
            0
        }
        Err(_) => {
            tracing::error!("resuming runs took too long");
            0
        }
    }
}

async fn discard(sweeper: &Sweeper) {
    let minute = sweeper.discard.clock.now_ms() / 60_000;
    if minute % DISCARDED_EVERY_MINUTES != DISCARDED_IN_MINUTE {
        return;
    }
    match tokio::time::timeout(GIVE_UP_AFTER, sweeper.discard.round()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(%error, "uploads were not discarded"),
        Err(_) => tracing::warn!("discarding uploads goes on in an hour"),
    }
}

async fn compare(sweeper: &Sweeper) -> usize {
    let minute = sweeper.plan.clock.now_ms() / 60_000;
    if minute % COMPARED_EVERY_MINUTES != 0 {
        return 0;
    }
    match tokio::time::timeout(GIVE_UP_AFTER, sweeper.plan.reconcile()).await {
        Ok(Ok(reconciled)) => reconciled.put + reconciled.removed,
        Ok(Err(error)) => {
            tracing::error!(%error, "the schedules were not compared");
            0
        }
        Err(_) => {
            tracing::error!("comparing the schedules took too long");
            0
        }
    }
}
