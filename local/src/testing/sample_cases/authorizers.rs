//! Requests of API Gateway to the authorizer.

use serde_json::{Value, json};

use crate::testing::sample_case::{Case, on};

pub(super) fn cases() -> Vec<Case> {
    let refused = json!({ "isAuthorized": false });
    vec![
        on("authorizer/allowed").answers(allowed()),
        // The answer tells what the key permits, and the routes decide by that.
        on("authorizer/allowed").after(&["authorizer/unknown-key"]).answers(allowed()),
        on("authorizer/allowed").after(&["console/delete-api-key"]).answers(refused.clone()),
        on("authorizer/unknown-key").answers(refused.clone()),
        on("authorizer/malformed-key").answers(refused),
    ]
}

fn allowed() -> Value {
    json!({
        "isAuthorized": true,
        "context": {
            "producer": "consultation-service",
            "key": "consultation-service.5f0c9a1b2d3e4f60",
            "scopes": "notifications:read notifications:write",
        },
    })
}
