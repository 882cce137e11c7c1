//! Bizppurio: Kakao Alimtalk with text-message fallback.
//!
//! Source of the wire facts: the Bizppurio messaging API v3 document. What the document leaves
//! open is configuration or handled both ways, and said so where it stands.

mod client;
mod codes;
mod limits;
mod push;
mod wire;

pub use client::Bizppurio;
pub use limits::check;
pub use push::parse_push;
