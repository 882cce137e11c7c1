//! What a person is told of notifications besides their records: what each one waits for, how far its
//! sequence has come, and the provider's codes in words.
//!
//! - `describing.rs`: describes the notifications of one answer ([`Describe`]).
//! - `circumstances.rs`: reads what decides whether a message may leave, each part once for a whole
//!   answer.
//! - `predecessor.rs`: finds the step that a blocked message waits for.
//! - `known.rs`: the records that are at hand meanwhile.
//! - `dependencies.rs`, `description.rs`: the ports, and the result.

mod circumstances;
mod dependencies;
mod describing;
mod description;
mod known;
mod predecessor;

pub(super) use self::circumstances::Reading;
pub use self::dependencies::Describe;
pub use self::description::{Description, Place, Waiting};
