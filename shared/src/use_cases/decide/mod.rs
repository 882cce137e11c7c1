//! Operators decide about notifications that need a person: they send them again, or settle what
//! became of them. A decision is made in the same write as its effect, so doing it twice does it once.

mod bulk;
mod one;

pub use self::bulk::{Begun, DecideBulk, NotBegun};
pub use self::one::{Act, Decide, DecideRequest, Decided, NotDecided};
