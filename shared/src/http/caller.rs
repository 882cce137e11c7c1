//! Who asks, as API Gateway authenticated them.

use http::Extensions;
use lambda_http::aws_lambda_events::apigw::ApiGatewayRequestAuthorizerIamDescription as Iam;
use lambda_http::request::RequestContext;

/// Finds the authenticated principal of a request; `None` refuses it.
pub type Callers = fn(&Extensions) -> Option<String>;

/// The IAM principal: idempotency keys belong to it.
///
/// A role's sessions are one caller: a retry may come from another session than the first try.
#[must_use]
pub fn iam_caller(extensions: &Extensions) -> Option<String> {
    let iam = iam(extensions)?;
    // `AROA…:session` for a role, `AIDA…` for a user.
    let caller = iam.caller_id.as_deref().or(iam.user_id.as_deref())?;
    let principal = caller.split(':').next()?;
    (!principal.is_empty()).then(|| principal.to_owned())
}

/// The IAM principal as people know it, its session included: `arn:aws:sts::…:assumed-role/…`.
/// For noting who changed what.
#[must_use]
pub fn iam_identity(extensions: &Extensions) -> Option<String> {
    // Whoever has no principal is nobody.
    let caller = iam_caller(extensions)?;
    let arn = iam(extensions)?.user_arn.clone().filter(|arn| !arn.is_empty());
    Some(arn.unwrap_or(caller))
}

/// The IAM principal, or `local` where `sam local start-api` made the event.
#[must_use]
pub fn iam_or_local_caller(extensions: &Extensions) -> Option<String> {
    iam_caller(extensions).or_else(|| local(extensions))
}

/// The IAM principal as people know it, or `local` where `sam local start-api` made the event.
#[must_use]
pub fn iam_or_local_identity(extensions: &Extensions) -> Option<String> {
    iam_identity(extensions).or_else(|| local(extensions))
}

/// API Gateway's events name the domain that was asked, which is never this one.
fn local(extensions: &Extensions) -> Option<String> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else {
        return None;
    };
    (context.domain_name.as_deref() == Some("localhost")).then(|| "local".to_owned())
}

fn iam(extensions: &Extensions) -> Option<&Iam> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else {
        return None;
    };
    context.authorizer.as_ref()?.iam.as_ref()
}
