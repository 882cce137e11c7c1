//! What the HTTP functions share: problem details, JSON bodies, who the caller is, how a notification
//! is shown, and the headers that tell a producer's limits.

mod body;
mod caller;
mod json_error;
mod notification_view;
mod problem;
mod rate_limit_headers;
mod sequence_view;
mod strict;

pub use body::{Body, canonical_digest};
pub use caller::{
    IdentifyCaller, IdentifySource, KeyCaller, api_gateway_source, iam_caller, iam_identity,
    iam_or_local_caller, iam_or_local_identity, key_caller,
};
pub use notification_view::NotificationView;
pub use problem::Problem;
pub use rate_limit_headers::add_rate_limit_headers;
pub use sequence_view::SequenceView;
pub use strict::{Unreadable, deserialize_strictly};
