//! The machine's clock and random numbers. No other file may read either.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::ports::{Clock, PortError, Randomness};

#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now_us(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
    }
}

/// Numbers come from the seeds of the standard library's hash maps: they are random enough for
/// spreading retries and telling two holders apart. Secrets come from the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn next_u64(&self) -> u64 {
        RandomState::new().build_hasher().finish()
    }

    fn secret_bytes(&self) -> Result<[u8; 32], PortError> {
        let mut bytes = [0; 32];
        getrandom::getrandom(&mut bytes).map_err(|error| PortError::Unavailable {
            what: "the operating system's randomness",
            detail: error.to_string(),
        })?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_made_twice() {
        let secrets = [0; 8].map(|_| SystemRandomness.secret_bytes().expect("randomness"));
        let distinct: std::collections::HashSet<_> = secrets.iter().collect();
        assert_eq!(distinct.len(), secrets.len());
    }
}
