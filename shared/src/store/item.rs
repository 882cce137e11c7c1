//! Items and attribute values, as the SDK has them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The result of a conditional put that returns the stored item when its condition fails.
pub(super) enum ConditionalPut {
    Done,
    /// The condition failed; the stored item, if DynamoDB returned it.
    Conflict(Option<Item>),
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}
