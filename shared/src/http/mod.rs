//! What the HTTP functions share: problem details, JSON bodies, who the caller is, and how a
//! notification is shown.

mod body;
mod caller;
mod json_error;
mod notification_view;
mod problem;
mod strict;

pub use body::{Body, canonical_digest};
pub use caller::{
    IdentifyCaller, IdentifySource, api_gateway_source, iam_caller, iam_identity,
    iam_or_local_caller, iam_or_local_identity,
};
pub use notification_view::NotificationView;
pub use problem::Problem;
pub use strict::{Unreadable, deserialize_strictly};
