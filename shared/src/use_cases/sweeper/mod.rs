//! Repairs what crashes and lost wakes leave behind. The sweeper wakes lanes that have work, closes
//! deadlines, finds the claims of crashed senders, retires unused window classes, resumes and finishes
//! runs, requests missed runs, and discards unused uploads.

mod deadlines;
mod discard_uploads;
mod finish_runs;
mod inquiries;
mod lane_work;
mod looks;
mod missed_times;
mod orphans;
mod pages;
mod resume_runs;
mod retire_classes;
mod round;

use std::sync::Arc;

use super::apply::Apply;
use crate::ports::{
    Adapters, Agenda, Catalog, Clock, Lanes, Meter, Notifications, Waker, WindowClasses,
};

pub use self::discard_uploads::DiscardUploads;
pub use self::finish_runs::FinishRuns;
pub use self::missed_times::MissedTimes;
pub use self::resume_runs::ResumeRuns;
pub use self::round::SweepReport;

/// Sweeps the lanes of all channels.
#[derive(Clone)]
pub struct Sweeper {
    pub catalog: Arc<dyn Catalog>,
    /// Which providers can be asked about a message.
    pub adapters: Arc<dyn Adapters>,
    pub agenda: Arc<dyn Agenda>,
    pub notifications: Arc<dyn Notifications>,
    /// What each lane's row says: its position, and the drains that have not reported their end.
    pub lanes: Arc<dyn Lanes>,
    /// Which window classes each lane has.
    pub classes: Arc<dyn WindowClasses>,
    pub waker: Arc<dyn Waker>,
    /// Receives the figures of each round.
    pub meter: Arc<dyn Meter>,
    pub clock: Arc<dyn Clock>,
    /// Closes deadlines.
    pub apply: Apply,
}
