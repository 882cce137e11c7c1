//! DynamoDB's errors as port errors.

use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;

use super::dynamo::Table;
use crate::ports::PortError;

/// Why an item that serde cannot read or write is [`unusable`].
pub(super) const UNDECODABLE: &str = "an item does not decode";

/// The codes with which DynamoDB refuses a request because there are too many. It has done nothing
/// then.
const THROTTLED: [&str; 3] =
    ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"];

/// The error of any failed call, unless a condition failed.
pub(super) fn unavailable<E, R>(table: Table, error: &SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + Debug,
    R: Debug,
{
    // Only the code and the message: an error's debug output can contain the item.
    let detail = match (error.code(), error) {
        (Some(code), _) => format!("{code}: {}", error.message().unwrap_or_default()),
        (None, SdkError::DispatchFailure(failure)) => format!("not reached: {failure:?}"),
        (None, SdkError::TimeoutError(_)) => "timed out".to_owned(),
        (None, _) => "no usable answer".to_owned(),
    };
    let what = table.as_str();
    if error.code().is_some_and(|code| THROTTLED.contains(&code)) {
        PortError::Throttled { what, detail }
    } else {
        PortError::Unavailable { what, detail }
    }
}

/// The error of an unreadable item. `why` names the fault and never quotes the item.
pub(super) fn unusable(table: Table, why: &'static str) -> PortError {
    PortError::Unusable { what: table.as_str(), detail: why.to_owned() }
}

/// Whether a transaction was cancelled by a failed condition or another transaction, and not by
/// throttling or a bad request.
pub(super) fn is_conflict(reasons: &[CancellationReason]) -> bool {
    reasons.iter().all(|reason| {
        matches!(
            reason.code(),
            None | Some("None" | "ConditionalCheckFailed" | "TransactionConflict")
        )
    })
}
