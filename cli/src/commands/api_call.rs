//! `alimi api`: any request, with the profile's credentials.

use std::path::Path;

use http::Method;

use crate::api::Call;
use crate::arguments::ApiArguments;
use crate::catalog::file::read_bytes;
use crate::failure::Failure;
use crate::printable::printable;
use crate::session::Session;

/// Headers that the credentials and the connection decide.
const RESERVED: [&str; 5] =
    ["authorization", "host", "content-length", "x-amz-date", "x-amz-security-token"];

pub(super) async fn run(
    arguments: ApiArguments,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    let ApiArguments { method, path, data, headers, include } = arguments;
    let method = match method.to_ascii_uppercase().as_str() {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "DELETE" => Method::DELETE,
        _ => return Err(Failure::usage(format!("{method:?} must be GET, POST, PUT or DELETE"))),
    };
    if !path.starts_with('/') || path.contains(char::is_whitespace) {
        return Err(Failure::usage(format!(
            "the path {path:?} must begin with / and have no spaces, such as /v1/channels"
        )));
    }
    let mut call = Call::new(method, path);
    for header in &headers {
        let (name, value) = parse_header(header)?;
        call = call.header(&name, value);
    }
    if let Some(data) = data {
        call.body = Some(match data.strip_prefix('@') {
            Some(file) => read_bytes(Path::new(file), session.terminal)?,
            None => data.into_bytes(),
        });
        if !call.headers.iter().any(|(name, _)| name == "content-type") {
            call = call.header("content-type", "application/json");
        }
    }
    let answer = session.api.send(&call).await?;
    if include {
        session.terminal.line(&format!("HTTP {}", answer.status))?;
        for (name, value) in &answer.headers {
            let value = printable(value.to_str().unwrap_or_default());
            session.terminal.line(&format!("{name}: {value}"))?;
        }
        session.terminal.line("")?;
    }
    match answer.json() {
        Ok(serde_json::Value::Null) => Ok(()),
        Ok(body) => session.terminal.json(&body),
        // Such as /docs/errors.md.
        Err(_) => session.terminal.line(&String::from_utf8_lossy(&answer.body)),
    }
}

fn parse_header(text: &str) -> Result<(String, String), Failure> {
    let wrong =
        || Failure::usage(format!("the header {text:?} must have the form \"NAME: VALUE\""));
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = name.trim().to_ascii_lowercase();
    if RESERVED.contains(&name.as_str()) {
        return Err(Failure::usage(format!(
            "the header {name} is set by this program; leave it out"
        )));
    }
    if name.is_empty() {
        return Err(wrong());
    }
    Ok((name, value.trim().to_owned()))
}
