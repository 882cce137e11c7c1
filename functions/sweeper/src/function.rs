//! The ports and use cases of this function.

use std::sync::Arc;

use alimi::ports::RepairPlaces;
use alimi::use_cases::{
    CancelRuns, ContinueBulk, DiscardUploads, FinishRuns, MissedTimes, Planner, ResendByPolicy,
    ResumeRuns, Sweeper,
};

#[derive(Clone)]
pub struct SweeperFunction {
    /// Lanes and deadlines.
    pub sweeper: Sweeper,
    pub resume_runs: ResumeRuns,
    pub finish_runs: FinishRuns,
    pub missed_times: MissedTimes,
    pub planner: Planner,
    /// Where the comparison of the schedules goes on.
    pub places: Arc<dyn RepairPlaces>,
    pub discard_uploads: DiscardUploads,
    pub continue_bulk: ContinueBulk,
    pub cancel_runs: CancelRuns,
    pub resend_by_policy: ResendByPolicy,
}
