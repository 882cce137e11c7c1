//! The times at which notifications of one channel may be stored, handed out to all processes.

use async_trait::async_trait;

use super::error::PortError;

/// Evenly spaced times for puts, as a caller wants them. Times are in Unix microseconds.
#[derive(Clone, Copy, Debug)]
pub struct PutWish {
    pub count: u32,
    /// From one put to the next.
    pub spacing_us: i64,
    /// The first put must not be earlier.
    pub earliest_us: i64,
    /// If the first put would be later, nothing is to be reserved. `None`: the caller waits as long
    /// as it takes.
    pub latest_us: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The time of the first put. No other caller gets the times from here on, up to the last put.
    From { at_us: i64 },
    /// The next free time is later than the caller wants to wait. Nothing is reserved.
    TooLate { next_us: i64 },
}

#[async_trait]
pub trait PutPace: Send + Sync {
    /// Reserves times for puts of one channel's notifications.
    async fn reserve(&self, channel: &str, wish: PutWish) -> Result<Reserved, PortError>;
}
