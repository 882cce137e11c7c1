//! Bizppurio's result codes that the simulator answers with.

pub(super) const SUCCESS: u32 = 1000;
pub(super) const INVALID: u32 = 2000;
pub(super) const BAD_CREDENTIALS: u32 = 3001;
pub(super) const BAD_TOKEN: u32 = 3002;
pub(super) const TOO_MANY: u32 = 5002;
