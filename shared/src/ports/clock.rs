//! Wall-clock time.

/// Wall-clock time. Code that waits or measures a duration uses tokio's monotonic clock instead,
/// which tests can stop.
pub trait Clock: Send + Sync {
    /// The present in Unix microseconds.
    fn now_us(&self) -> i64;

    /// The present in Unix milliseconds.
    fn now_ms(&self) -> i64 {
        self.now_us() / 1000
    }
}
