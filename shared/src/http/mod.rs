//! What the HTTP functions share: the strict reader of requests, who the caller is, the record of what
//! the caller did, problem details, request ids, how a notification, a sequence and what holds them are
//! shown, and the headers that tell a producer's limits.

mod audit;
mod body;
mod caller;
mod cursor;
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
mod page;
mod parameters;
mod problem;
mod problem_kind;
mod problems;
mod rate_limit_headers;
mod request_id;
mod sequence_view;
mod strict;

pub use audit::{AuditSubject, OpenRecord, Recorder, recorded};
pub use body::{Body, canonical_digest};
pub use caller::{
    IdentifyCaller, IdentifySource, KeyCaller, api_gateway_source, iam_caller, iam_identity,
    iam_or_local_caller, iam_or_local_identity, key_caller,
};
pub use cursor::CursorScope;
pub use headers::{media_type, single_header};
pub use hold_view::HoldView;
pub use idempotency_key::idempotency_key;
pub use incoming::{expect_bare, expect_no_body, read_bytes, read_json};
pub use no_route::{method_not_allowed, no_such_route};
pub use notification_view::{NotificationView, ShownTo};
pub use page::Page;
pub use parameters::Parameters;
pub use problem::Problem;
pub use problem_kind::{ERRORS_PATH, ProblemKind};
pub use rate_limit_headers::add_rate_limit_headers;
pub use request_id::{Refusals, with_request_ids};
pub use sequence_view::{Descriptions, SequenceView};
pub use strict::{Unreadable, deserialize_strictly};
