//! Why a slice ends.

use crate::ports::PortError;

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its time is over, and there may be more to do.
    SliceOver,
    /// There is nothing to do for now.
    Idle,
    /// Nothing may leave for a while: the circuit is open, or the provider asked for a long pause.
    /// The sweeper wakes the lane then, and no sender waits for it.
    MustWait,
    /// The channel is paused or deleted.
    Stopped,
    /// Another sender has taken over the lease.
    LeaseLost,
}

/// Why a round of the slice went no further: the slice ends, or a port failed.
#[derive(Debug)]
pub(super) enum Stop {
    Ended(Ending),
    Failed(PortError),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}
