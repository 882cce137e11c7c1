//! Repairs what crashes and lost wakes leave behind. The sweeper wakes lanes that have work, closes
//! deadlines, resumes runs, requests missed runs, and discards unused uploads.

mod deadlines;
mod discard_uploads;
mod lane_work;
mod missed_times;
mod resume_runs;
mod round;

use std::sync::Arc;

use super::apply::Apply;
use crate::ports::{Agenda, Catalog, Clock, Meter, Waker, WindowClasses};

pub use self::discard_uploads::DiscardUploads;
pub use self::missed_times::MissedTimes;
pub use self::resume_runs::ResumeRuns;
pub use self::round::SweepReport;

/// Sweeps the lanes of all channels.
#[derive(Clone)]
pub struct Sweeper {
    catalog: Arc<dyn Catalog>,
    agenda: Arc<dyn Agenda>,
    classes: Arc<dyn WindowClasses>,
    waker: Arc<dyn Waker>,
    meter: Arc<dyn Meter>,
    clock: Arc<dyn Clock>,
    apply: Apply,
}

impl Sweeper {
    #[must_use]
    pub fn new(
        catalog: Arc<dyn Catalog>,
        agenda: Arc<dyn Agenda>,
        classes: Arc<dyn WindowClasses>,
        waker: Arc<dyn Waker>,
        meter: Arc<dyn Meter>,
        clock: Arc<dyn Clock>,
        apply: Apply,
    ) -> Self {
        Self { catalog, agenda, classes, waker, meter, clock, apply }
    }
}
