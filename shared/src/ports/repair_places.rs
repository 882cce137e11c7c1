//! Where repairs go on that one round of the sweeper does not finish.

use async_trait::async_trait;
use strum::IntoStaticStr;

use super::error::PortError;

/// A repair that may need several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Repair {
    /// The search for missed times of schedules.
    MissedTimes,
    /// The comparison of the schedules with the scheduler.
    ComparedSchedules,
    /// The search for runs whose last notification has ended.
    FinishedRuns,
    /// Failed messages that channels' policies send again.
    ResentByPolicy,
}

impl Repair {
    /// The repair as its row's key has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[async_trait]
pub trait RepairPlaces: Send + Sync {
    /// The name behind which the repair goes on; `None`: it starts at the beginning.
    async fn place(&self, repair: Repair) -> Result<Option<String>, PortError>;

    /// Stores the place. Two rounds at once may overwrite each other's place, and then one of them
    /// repeats a part of the repair.
    async fn save_place(&self, repair: Repair, place: Option<&str>) -> Result<(), PortError>;
}
