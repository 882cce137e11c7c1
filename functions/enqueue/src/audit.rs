//! Which requests of producers leave an audit record.

use alimi::http::Recorder;
use alimi::use_cases::Requirement;
use axum::http::Method;

use crate::function::EnqueueFunction;

/// Records what producers read and cancel. Of what they create, the stored notification is the record.
pub(crate) fn recorder(function: &EnqueueFunction) -> Recorder {
    Recorder {
        trail: function.audit.clone(),
        requirement: Requirement::BestEffort,
        identify: function.identities,
        is_exempt: creates,
        has_reason: |_| false,
        randomness: function.enqueue.randomness.clone(),
    }
}

fn creates(method: &Method, route: &str) -> bool {
    *method == Method::POST && matches!(route, "/v1/notifications" | "/v1/sequences")
}
