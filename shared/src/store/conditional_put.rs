//! The result of a conditional put that returns the stored item when its condition fails.

use super::item::Item;

pub(super) enum ConditionalPut {
    Done,
    /// The condition failed; the stored item, if DynamoDB returned it.
    Conflict(Option<Item>),
}
