//! A request's caller, as API Gateway authenticated it.

use http::Extensions;
use lambda_http::aws_lambda_events::apigw::ApiGatewayRequestAuthorizerIamDescription as Iam;
use lambda_http::request::RequestContext;

/// A function that finds a request's authenticated caller in the extensions that `lambda_http` adds
/// to the request. `None` refuses the request.
pub type IdentifyCaller = fn(&Extensions) -> Option<String>;

/// The IAM principal. Idempotency keys belong to it.
///
/// All sessions of a role are one caller, because a retry may come from another session than the
/// first try.
#[must_use]
pub fn iam_caller(extensions: &Extensions) -> Option<String> {
    let iam = iam(extensions)?;
    // `AROA…:session` is a role's id, `AIDA…` a user's.
    let caller = iam.caller_id.as_deref().or(iam.user_id.as_deref())?;
    let principal = caller.split(':').next()?;
    (!principal.is_empty()).then(|| principal.to_owned())
}

/// The IAM principal by the name that people know, with its session, for the history of changes:
/// `arn:aws:sts::…:assumed-role/…`.
#[must_use]
pub fn iam_identity(extensions: &Extensions) -> Option<String> {
    // Without a principal the caller is not authenticated, whatever its ARN.
    let caller = iam_caller(extensions)?;
    let arn = iam(extensions)?.user_arn.clone().filter(|arn| !arn.is_empty());
    Some(arn.unwrap_or(caller))
}

/// The IAM principal, or `local` where `sam local start-api` made the event.
#[must_use]
pub fn iam_or_local_caller(extensions: &Extensions) -> Option<String> {
    iam_caller(extensions).or_else(|| local(extensions))
}

/// The same by the name that people know, or `local` where `sam local start-api` made the event.
#[must_use]
pub fn iam_or_local_identity(extensions: &Extensions) -> Option<String> {
    iam_identity(extensions).or_else(|| local(extensions))
}

/// Recognises `sam local`, whose events have the domain `localhost`. API Gateway's events have its
/// own domain.
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
