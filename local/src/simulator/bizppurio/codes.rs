//! Bizppurio's result codes that the simulator answers with.

use crate::simulator::core::WireCodes;

pub(super) const SUCCESS: u32 = 1000;
pub(super) const INVALID: u32 = 2000;
pub(super) const BAD_CREDENTIALS: u32 = 3001;
pub(super) const BAD_TOKEN: u32 = 3002;
pub(super) const SUSPENDED: u32 = 3009;
pub(super) const MESSAGE_NOT_FOUND: u32 = 3012;
pub(super) const RESULT_NOT_FINAL: u32 = 3013;
pub(super) const UNKNOWN_ERROR: u32 = 9000;

/// The code of a 429.
pub const TOO_MANY: u32 = 5002;

pub(super) const CODES: WireCodes = WireCodes { accepted: SUCCESS, too_many: TOO_MANY };
