//! Random numbers.

/// Random numbers, for values that must differ between processes.
pub trait Randomness: Send + Sync {
    /// 64 random bits.
    fn next_u64(&self) -> u64;

    /// A random number from 0 to 1000, both included.
    fn permille(&self) -> u16 {
        u16::try_from(self.next_u64() % 1001).unwrap_or(0)
    }
}
