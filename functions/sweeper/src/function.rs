//! The ports and use cases of this function.

use alimi::use_cases::{DiscardUploads, MissedTimes, Planner, ResumeRuns, Sweeper};

#[derive(Clone)]
pub struct SweeperFunction {
    /// Lanes and deadlines.
    pub sweeper: Sweeper,
    pub resume_runs: ResumeRuns,
    pub missed_times: MissedTimes,
    pub planner: Planner,
    pub discard_uploads: DiscardUploads,
}
