//! Shows operators what the runs of a schedule have done.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use crate::domain::Run;
use crate::domain::run::RunStatus;
use crate::ports::{PortError, Runs};
use crate::use_cases::run_ends::{RunEnd, RunEnds, SearchLimits};

/// In how many runs open notifications are counted: the latest ones that are sending.
const COUNTED_RUNS: usize = 20;
/// How many notifications of one run are read to count the open ones.
const COUNT_LIMITS: SearchLimits = SearchLimits { open: 1_000, notifications: 1_000, until: None };
/// In how many runs open notifications are counted at a time.
const CONCURRENCY: usize = 4;

#[derive(Clone)]
pub struct ListRuns {
    pub runs: Arc<dyn Runs>,
    pub run_ends: RunEnds,
}

/// How many notifications of a run have not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCount {
    pub count: u64,
    /// There may be more: not all notifications were read.
    pub is_minimum: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRun {
    /// Also `finished` if the run turned out to be over just now. The sweeper stores that.
    pub run: Run,
    /// `None` unless the run is sending and belongs to the latest ones.
    pub open: Option<OpenCount>,
}

impl ListRuns {
    /// The runs of a schedule, latest scheduled time first.
    ///
    /// # Errors
    /// [`PortError`]: a retry may succeed.
    pub async fn list(&self, schedule: &str, limit: usize) -> Result<Vec<ListedRun>, PortError> {
        let runs = self.runs.runs(schedule, limit).await?;
        let mut sending = 0;
        let listed = runs.into_iter().map(|run| {
            sending += usize::from(run.status == RunStatus::Sending);
            let is_counted = run.status == RunStatus::Sending && sending <= COUNTED_RUNS;
            self.listed(run, is_counted)
        });
        stream::iter(listed).buffered(CONCURRENCY).try_collect().await
    }

    async fn listed(&self, mut run: Run, is_counted: bool) -> Result<ListedRun, PortError> {
        if !is_counted {
            return Ok(ListedRun { run, open: None });
        }
        let open = match self.run_ends.search(&run, COUNT_LIMITS).await? {
            RunEnd::Over { at_ms } => {
                run.end(RunStatus::Finished, None, at_ms);
                None
            }
            RunEnd::Open { count, is_minimum, known_ends: _ } => {
                Some(OpenCount { count, is_minimum })
            }
        };
        Ok(ListedRun { run, open })
    }
}
