//! Waiting until every message of the demo has ended.

use std::collections::BTreeSet;
use std::time::Duration;

use alimi::domain::SequenceId;
use alimi::domain::run::RunStatus;
use tokio::time::Instant;

use super::batch::{Batch, Operator, RunView};
use super::error::DemoError;
use super::progress::Progress;
use crate::aws::embedded::{self, Stored};
use crate::serve::LocalStack;
use crate::testing::audit::Audit;

/// Waits until the batch has run and every message has ended, or until the time is up. Shows how
/// many sequences and members of the batch have ended.
pub(super) async fn wait_until_settled(
    stack: &LocalStack,
    operator: &Operator,
    sequences: usize,
    batch: &Batch,
    patience: Duration,
    progress: &Progress,
) -> Result<(Stored, Vec<RunView>), DemoError> {
    let give_up_at = Instant::now() + patience;
    let total = sequences + batch.members;
    progress.stage("delivering", total);
    loop {
        // The runs are read before the notifications, so the notifications of an ended run are
        // seen.
        let runs = operator.runs().await?;
        let is_over = |status| match status {
            RunStatus::Storing | RunStatus::Sending | RunStatus::Cancelling => false,
            RunStatus::Finished | RunStatus::Missed | RunStatus::Failed | RunStatus::Cancelled => {
                true
            }
        };
        let has_run = runs.iter().any(|run| is_over(run.status));
        let stored = embedded::stored(&stack.database)?;
        let audit = Audit::of(&stack.simulator, &stored);
        let ended = total.saturating_sub(count_unsettled(&audit, &stored, batch));
        progress.done(ended);
        let is_quiet = stack.simulator.pending_receipts() == 0;
        if (has_run && audit.unsettled.is_empty() && is_quiet) || Instant::now() >= give_up_at {
            progress.end();
            return Ok((stored, runs));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// How many sequences and members of the batch have not ended.
fn count_unsettled(audit: &Audit, stored: &Stored, batch: &Batch) -> usize {
    let unsettled: BTreeSet<_> = audit.unsettled.iter().map(|(id, _)| id).collect();
    let steps = unsettled.iter().filter_map(|id| stored.notifications.get(*id));
    let sequences: BTreeSet<&SequenceId> =
        steps.filter_map(|step| Some(&step.sequence_step.as_ref()?.sequence)).collect();
    let of_batch = batch.messages(&stored.notifications);
    let ended = of_batch.filter(|notification| !unsettled.contains(&notification.id)).count();
    sequences.len() + batch.members.saturating_sub(ended)
}
