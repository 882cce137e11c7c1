//! A request's caller, as API Gateway authenticated it.

use std::net::IpAddr;

use http::Extensions;
use lambda_http::aws_lambda_events::apigw::ApiGatewayRequestAuthorizerIamDescription as Iam;
use lambda_http::request::RequestContext;
use serde_json::Value;

use crate::domain::Scope;

/// A function that finds a request's authenticated caller in the extensions that `lambda_http` adds
/// to the request. `None` refuses the request.
pub type IdentifyCaller = fn(&Extensions) -> Option<String>;

/// A function that finds the address that a request comes from, in the request's extensions.
pub type IdentifySource = fn(&Extensions) -> Option<IpAddr>;

/// The address that API Gateway got the request from. Headers such as `X-Forwarded-For` do not count,
/// because the client may send them itself.
#[must_use]
pub fn api_gateway_source(extensions: &Extensions) -> Option<IpAddr> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else {
        return None;
    };
    context.http.source_ip.as_deref()?.parse().ok()
}

/// The name of the IAM role or user, from which its producer follows.
///
/// All sessions of a role are one caller, because a retry may come from another session than the
/// first try. A role that was deleted and created again is the same caller too.
#[must_use]
pub fn iam_caller(extensions: &Extensions) -> Option<String> {
    let iam = iam(extensions)?;
    let id = principal_id(iam)?;
    let name = iam.user_arn.as_deref().and_then(principal_name);
    Some(name.unwrap_or(id).to_owned())
}

/// The IAM principal by the name that people know, with its session, for the history of changes:
/// `arn:aws:sts::…:assumed-role/…`.
#[must_use]
pub fn iam_identity(extensions: &Extensions) -> Option<String> {
    let iam = iam(extensions)?;
    // Without a principal the caller is not authenticated, whatever its ARN.
    let id = principal_id(iam)?;
    let arn = iam.user_arn.as_deref().filter(|arn| !arn.is_empty());
    Some(arn.unwrap_or(id).to_owned())
}

/// A caller that API Gateway's authorizer recognised by an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCaller {
    /// The name of the key's producer.
    pub producer: String,
    /// The key's id.
    pub key: String,
    scopes: String,
}

impl KeyCaller {
    /// The fields of the authorizer's context.
    pub const PRODUCER: &str = "producer";
    pub const KEY: &str = "key";
    pub const SCOPES: &str = "scopes";

    /// Whether the key permits something.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.split(' ').any(|granted| granted == scope.as_str())
    }
}

/// The caller that the authorizer has recognised by an API key; `None` for other callers.
///
/// API Gateway writes the authorizer's answer into the event. A client cannot, so it is trusted here.
#[must_use]
pub fn key_caller(extensions: &Extensions) -> Option<KeyCaller> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else {
        return None;
    };
    let fields = &context.authorizer.as_ref()?.fields;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(KeyCaller {
        producer: text(KeyCaller::PRODUCER)?,
        key: text(KeyCaller::KEY)?,
        scopes: text(KeyCaller::SCOPES)?,
    })
}

/// The IAM role or user, or `local` where `sam local start-api` made the event.
#[must_use]
pub fn iam_or_local_caller(extensions: &Extensions) -> Option<String> {
    iam_caller(extensions).or_else(|| local(extensions))
}

/// The same by the name that people know, or `local` where `sam local start-api` made the event.
#[must_use]
pub fn iam_or_local_identity(extensions: &Extensions) -> Option<String> {
    iam_identity(extensions).or_else(|| local(extensions))
}

/// IAM's id of the principal: `AROA…` is a role's, `AIDA…` a user's. A session's name follows it.
fn principal_id(iam: &Iam) -> Option<&str> {
    let caller = iam.caller_id.as_deref().or(iam.user_id.as_deref())?;
    caller.split(':').next().filter(|id| !id.is_empty())
}

/// The name of the role or user in an ARN. `None` for other principals: a federated user has a name
/// that its session's creator chose, and a chosen name must not lead to another service's producer.
fn principal_name(arn: &str) -> Option<&str> {
    let resource = arn.splitn(6, ':').nth(5)?;
    let (kind, path) = resource.split_once('/')?;
    let name = match kind {
        // The session's name follows.
        "assumed-role" => path.split('/').next(),
        // The user's path may come before the name.
        "user" => path.rsplit('/').next(),
        _ => None,
    };
    name.filter(|name| !name.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_without_its_session_and_a_user_without_its_path() {
        for (arn, name) in [
            ("arn:aws:sts::123456789012:assumed-role/shop/i-0a1b2c3d4e5f60718", "shop"),
            ("arn:aws-cn:sts::123456789012:assumed-role/shop/a:b", "shop"),
            ("arn:aws:iam::123456789012:user/kim", "kim"),
            ("arn:aws:iam::123456789012:user/team/school/kim", "kim"),
        ] {
            assert_eq!(principal_name(arn), Some(name), "{arn}");
        }
    }

    #[test]
    fn a_name_that_a_sessions_creator_chose_is_no_principals_name() {
        for arn in [
            "arn:aws:sts::123456789012:federated-user/shop",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:assumed-role/",
            "assumed-role/shop",
            "",
        ] {
            assert_eq!(principal_name(arn), None, "{arn}");
        }
    }
}
