//! Phone numbers, each of which selects what the simulated provider does with a message.

pub const DELIVERED: &str = "010-1234-5678";
pub const REJECTED: &str = "010-9001-0000";
pub const UNDELIVERED: &str = "010-9002-0000";
pub const LATE_RECEIPT: &str = "010-9003-0000";
pub const DUPLICATE_RECEIPT: &str = "010-9004-0000";
pub const EARLY_RECEIPT: &str = "010-9005-0000";
/// The message fails, and its fallback is delivered if it has one.
pub const FALLBACK: &str = "010-9006-0000";
pub const NO_RECEIPT: &str = "010-9007-0000";
/// Delivered, but the answer to the request never comes.
pub const ANSWER_LOST: &str = "010-9008-0000";
/// Delivered, and the receipt gets lost. It comes again when the provider is asked.
pub const LOST_RECEIPT: &str = "010-9020-0000";
/// The receipt does not say whether the message was delivered.
pub const UNCERTAIN_RECEIPT: &str = "010-9009-0000";
