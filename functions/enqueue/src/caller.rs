//! Who asks. Idempotency keys belong to their caller.

use http::Extensions;
use lambda_http::request::RequestContext;

/// Finds the authenticated principal of a request; `None` refuses it.
pub type Callers = fn(&Extensions) -> Option<String>;

/// The IAM principal that API Gateway authenticated.
///
/// A role's sessions are one caller: a retry may come from another session than the first try.
#[must_use]
pub fn iam_caller(extensions: &Extensions) -> Option<String> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else {
        return None;
    };
    let iam = context.authorizer.as_ref()?.iam.as_ref()?;
    // `AROA…:session` for a role, `AIDA…` for a user.
    let caller = iam.caller_id.as_deref().or(iam.user_id.as_deref())?;
    let principal = caller.split(':').next()?;
    (!principal.is_empty()).then(|| principal.to_owned())
}
