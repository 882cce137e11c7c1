//! Bizppurio: Kakao Alimtalk with text-message fallback, and text messages by themselves.
//!
//! Source of the wire facts: the Bizppurio messaging API v3 document. Where the document leaves a
//! fact open, the code handles both ways or reads it from the configuration, and says so in place.
//!
//! - `adapter.rs`: what Bizppurio sends and demands; `limits.rs` has its limits, `settings.rs` the
//!   channel's settings.
//! - `client.rs`: the requests. `request.rs` writes them, `answer.rs` and `codes.rs` read the
//!   responses, `pause.rs` the waits that a response asks for, `token.rs` keeps the access token.
//! - `receipts.rs`: what Bizppurio sends to the webhook.
//! - `words.rs`: the codes in words, for persons.

mod adapter;
mod answer;
mod client;
mod codes;
mod guarantees;
mod limits;
mod pause;
mod receipts;
mod request;
mod settings;
mod token;
mod words;

pub use adapter::BizppurioAdapter;
