//! The cases of the sample events in `events/`: one file for each kind of caller.

mod answers;
mod authorizers;
mod ids;
mod machinery;
mod operators;
mod producers;
mod receipts;

use crate::testing::sample_case::Case;

/// Every case. Each event has at least one.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        producers::cases(),
        authorizers::cases(),
        receipts::cases(),
        operators::cases(),
        machinery::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
