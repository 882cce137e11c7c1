//! Random numbers.

use super::error::PortError;

/// Random numbers, for values that must differ between processes.
pub trait Randomness: Send + Sync {
    /// 64 random bits. An attacker may be able to guess them.
    fn next_u64(&self) -> u64;

    /// 256 random bits that nobody can guess, for secrets.
    ///
    /// # Errors
    /// [`PortError::Unavailable`] when the operating system gives none.
    fn secret_bytes(&self) -> Result<[u8; 32], PortError>;

    /// A random number from 0 to 1000, both included.
    fn permille(&self) -> u16 {
        u16::try_from(self.next_u64() % 1001).unwrap_or(0)
    }
}
