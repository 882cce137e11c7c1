//! What producers have used of their quotas and rates, counted over all processes.

use async_trait::async_trait;

use super::error::PortError;
use super::put_pace::{PutWish, Reserved};
use crate::domain::QuotaDay;

/// Notifications of a producer that are to be counted.
#[derive(Clone, Copy, Debug)]
pub struct CountWish<'a> {
    pub producer: &'a str,
    pub day: &'a QuotaDay,
    pub count: u32,
    /// The day's count must not exceed this.
    pub max: u32,
    /// Tells this wish from all others. The client repeats a request whose answer was lost, and
    /// recognises by it what it has counted already.
    pub token: u64,
}

/// What became of counting notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// They count; `total` is the day's count with them.
    Done { total: u32 },
    /// The day's count would exceed the maximum. They do not count; `total` is the count without
    /// them.
    Refused { total: u32 },
}

#[async_trait]
pub trait Quotas: Send + Sync {
    /// Counts notifications: all of them, or none.
    ///
    /// # Errors
    /// [`PortError`]: they may or may not count.
    async fn count(&self, wish: CountWish<'_>) -> Result<Counted, PortError>;

    /// Reserves the time of a producer's request.
    async fn reserve_request(&self, producer: &str, wish: PutWish) -> Result<Reserved, PortError>;
}
