//! The ids that several events create and contain. An id is a hash of the producer's name, the
//! route and the idempotency key, so a change of one of these in an event changes the ids in other
//! events.

pub(super) const SINGLE: &str = "2a5c76a467bfed11fbbb3918e7b0f5";
pub(super) const SEQUENCE: &str = "32647d51c493dd8da3573f03837d40";
pub(super) const FIRST_STEP: &str = "0928619235fe019b835b6f0a506480";
pub(super) const SECOND_STEP: &str = "0dcb3fe3ed1bc01066f738cc689499";
