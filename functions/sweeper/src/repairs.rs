//! Repairs runs, schedules and uploads. A failure is logged, and stops nothing else in the round.

use std::time::Duration;

use alimi::ports::{PortError, Repair};
use tokio::time::Instant;

use crate::function::SweeperFunction;

/// Drift between the catalog and the scheduler is rare, and the comparison makes a request for each
/// schedule. So it takes place in every tenth minute only.
const COMPARE_EVERY_MINUTES: i64 = 10;
/// The next round goes on with the schedules that were not compared in this time.
const COMPARE_FOR: Duration = Duration::from_secs(20);
/// Uploads are searched once an hour, in a minute without a comparison.
const DISCARD_EVERY_MINUTES: i64 = 60;
const DISCARD_IN_MINUTE: i64 = 25;
/// Well within the function's time-out.
const GIVE_UP_AFTER: Duration = Duration::from_secs(40);

/// What a round repaired.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Repairs {
    pub(crate) runs_resumed: usize,
    pub(crate) runs_finished: usize,
    pub(crate) times_missed: usize,
    pub(crate) schedules_repaired: usize,
}

pub(crate) async fn round(function: &SweeperFunction) -> Repairs {
    let (runs_resumed, runs_finished, times_missed, schedules_repaired, (), (), (), ()) = futures::join!(
        resume_runs(function),
        finish_runs(function),
        request_missed_runs(function),
        compare_schedules(function),
        discard_uploads(function),
        continue_bulk(function),
        cancel_runs(function),
        resend_by_policy(function),
    );
    Repairs { runs_resumed, runs_finished, times_missed, schedules_repaired }
}

async fn resume_runs(function: &SweeperFunction) -> usize {
    match tokio::time::timeout(GIVE_UP_AFTER, function.resume_runs.round()).await {
        Ok(Ok(resumed)) => resumed,
        Ok(Err(error)) => {
            tracing::error!(%error, "no run was resumed; the next round tries again");
            0
        }
        Err(_) => {
            tracing::error!("resuming runs took too long; the next round tries again");
            0
        }
    }
}

async fn finish_runs(function: &SweeperFunction) -> usize {
    match tokio::time::timeout(GIVE_UP_AFTER, function.finish_runs.round()).await {
        Ok(Ok(finished)) => finished,
        Ok(Err(error)) => {
            tracing::error!(%error, "the search for finished runs stopped; the next round goes on");
            0
        }
        Err(_) => {
            tracing::error!("searching for finished runs took too long; the next round goes on");
            0
        }
    }
}

async fn request_missed_runs(function: &SweeperFunction) -> usize {
    match tokio::time::timeout(GIVE_UP_AFTER, function.missed_times.round()).await {
        Ok(Ok(missed)) => missed,
        Ok(Err(error)) => {
            tracing::error!(
                %error,
                "the search for missed times stopped; the next round goes on"
            );
            0
        }
        Err(_) => {
            tracing::error!("searching for missed times took too long; the next round goes on");
            0
        }
    }
}

async fn compare_schedules(function: &SweeperFunction) -> usize {
    match tokio::time::timeout(GIVE_UP_AFTER, compare_some_schedules(function)).await {
        Ok(Ok(repaired)) => repaired,
        Ok(Err(error)) => {
            tracing::error!(
                %error,
                "the schedules were not compared; a round within ten minutes goes on"
            );
            0
        }
        Err(_) => {
            tracing::error!(
                "comparing the schedules took too long; a round within ten minutes goes on"
            );
            0
        }
    }
}

/// Compares schedules behind the place where the last round stopped, and returns how many it
/// repaired.
async fn compare_some_schedules(function: &SweeperFunction) -> Result<usize, PortError> {
    let SweeperFunction { planner, places, .. } = function;
    let place = places.place(Repair::ComparedSchedules).await?;
    let minute = planner.clock.now_ms() / 60_000;
    // A comparison that has begun goes on in the next minute.
    if place.is_none() && minute % COMPARE_EVERY_MINUTES != 0 {
        return Ok(0);
    }
    let until = Instant::now() + COMPARE_FOR;
    let part = planner.reconcile_part(place.as_deref(), Some(until)).await?;
    if part.next != place {
        places.save_place(Repair::ComparedSchedules, part.next.as_deref()).await?;
    }
    Ok(part.reconciled.put + part.reconciled.removed)
}

async fn discard_uploads(function: &SweeperFunction) {
    let minute = function.discard_uploads.clock.now_ms() / 60_000;
    if minute % DISCARD_EVERY_MINUTES != DISCARD_IN_MINUTE {
        return;
    }
    match tokio::time::timeout(GIVE_UP_AFTER, function.discard_uploads.round()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::error!(
                %error,
                "uploads were not discarded; the sweeper tries again in an hour"
            );
        }
        Err(_) => tracing::warn!("discarding uploads took too long; it continues in an hour"),
    }
}

/// No time-out: it ends by itself, between two pages.
async fn continue_bulk(function: &SweeperFunction) {
    if let Err(error) = function.continue_bulk.round().await {
        tracing::error!(
            %error,
            "the decisions about many exceptions were not continued; the next round tries again"
        );
    }
}

async fn cancel_runs(function: &SweeperFunction) {
    if let Err(error) = function.cancel_runs.round().await {
        tracing::error!(%error, "no run was cancelled further; the next round tries again");
    }
}

async fn resend_by_policy(function: &SweeperFunction) {
    if let Err(error) = function.resend_by_policy.round().await {
        tracing::error!(
            %error,
            "failed messages were not sent again as channels' policies say; the next round goes on"
        );
    }
}
