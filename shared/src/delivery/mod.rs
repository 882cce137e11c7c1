//! The use cases: load → transition → conditional save → effects.

pub mod accept;
pub mod apply;
pub mod compose;
pub mod drain;
pub mod receive;
pub mod sweep;

pub use accept::{Accept, Accepted, Draft, FieldError, NotAccepted, SequenceDraft, StepDraft};
pub use apply::{Applied, Apply};
pub use drain::{Drain, DrainReport, DrainSettings};
pub use receive::{Receive, Received};
pub use sweep::{Sweep, SweepReport};
