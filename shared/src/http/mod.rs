//! What the HTTP functions share: the strict reader of requests, who the caller is, the record of what
//! the caller did, problem details, request ids, and how a notification and what holds it are shown.

mod audit;
mod body;
mod caller;
mod headers;
mod hold_view;
mod hold_words;
mod idempotency_key;
mod incoming;
mod json_error;
mod json_reader;
mod json_text;
mod json_tree;
mod no_route;
mod notification_view;
mod parameters;
mod problem;
mod problem_kind;
mod problems;
mod request_id;
mod strict;

pub use audit::{AuditSubject, Recorder, recorded};
pub use body::{Body, canonical_digest};
pub use caller::{
    IdentifyCaller, IdentifySource, api_gateway_source, iam_caller, iam_identity,
    iam_or_local_caller, iam_or_local_identity,
};
pub use headers::{media_type, single_header};
pub use hold_view::HoldView;
pub use idempotency_key::idempotency_key;
pub use incoming::{expect_bare, expect_no_body, read_bytes, read_json};
pub use no_route::{method_not_allowed, no_such_route};
pub use notification_view::{NotificationView, ShownTo};
pub use parameters::Parameters;
pub use problem::Problem;
pub use problem_kind::{ERRORS_PATH, ProblemKind};
pub use request_id::{Refusals, with_request_ids};
pub use strict::{Unreadable, deserialize_strictly};
