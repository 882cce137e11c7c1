//! Waiting until every message of the demo has ended, and the progress bars.

use std::collections::BTreeSet;
use std::time::Duration;

use alimi::domain::SequenceId;
use alimi::domain::run::RunStatus;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::batch::{Batch, Operator, RunView};
use super::error::DemoError;
use crate::aws::embedded::{self, Stored};
use crate::serve::LocalStack;
use crate::testing::audit::Audit;

pub(super) fn progress_bar(length: usize, label: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:11} {bar:40.cyan} {pos:>4}/{len} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::try_from(length).unwrap_or(0)).with_style(style).with_prefix(label)
}

/// Waits until the batch has run and every message has ended, or until the time is up. Shows how
/// many sequences and members of the batch have ended.
pub(super) async fn wait_until_settled(
    stack: &LocalStack,
    operator: &Operator,
    sequences: usize,
    batch: &Batch,
    patience: Duration,
) -> Result<(Stored, Vec<RunView>), DemoError> {
    let give_up_at = Instant::now() + patience;
    let total = sequences + batch.members;
    let bar = progress_bar(total, "delivering");
    loop {
        // The runs are read before the notifications, so the notifications of an ended run are
        // seen.
        let runs = operator.runs().await?;
        let has_run = runs.iter().any(|run| run.status != RunStatus::Running);
        let stored = embedded::stored(&stack.database)?;
        let audit = Audit::of(&stack.simulator, &stored);
        let ended = total.saturating_sub(count_unsettled(&audit, &stored, batch));
        bar.set_position(u64::try_from(ended).unwrap_or(0));
        let is_quiet = stack.simulator.pending_receipts() == 0;
        if (has_run && audit.unsettled.is_empty() && is_quiet) || Instant::now() >= give_up_at {
            bar.finish();
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
