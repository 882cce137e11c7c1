//! Bizppurio: Kakao Alimtalk with text-message fallback.
//!
//! Source of the wire facts: the Bizppurio messaging API v3 document. Where the document leaves a
//! fact open, the code handles both ways or reads it from the configuration, and says so in place.

mod client;
mod codes;
mod limits;
mod pause;
mod receipts;
mod token;
mod wire;

pub use client::Bizppurio;
pub use limits::check;
pub use receipts::parse_receipt;
