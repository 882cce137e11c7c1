//! Checks presigned requests as S3 does. It shares no code with what makes them but the HMAC.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// The credentials of the stand-ins, id and secret.
const EMULATED: &str = "emulated";

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Why S3 refuses a request: its status and its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u16, pub(crate) &'static str);

const MALFORMED: Refused = Refused(400, "AuthorizationQueryParametersError");
const EXPIRED: Refused = Refused(403, "AccessDenied");
const NOT_SIGNED_SO: Refused = Refused(403, "SignatureDoesNotMatch");

/// Checks the signature of a request and its time.
pub(crate) fn check(
    method: &str,
    uri: &Uri,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<(), Refused> {
    let query: BTreeMap<String, String> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    let parameter = |name: &str| query.get(name).map(String::as_str).ok_or(MALFORMED);
    if parameter("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err(MALFORMED);
    }
    let (date, signed) = (parameter("X-Amz-Date")?, parameter("X-Amz-SignedHeaders")?);
    let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|at| at.to_zoned(TimeZone::UTC))
        .map_err(|_| MALFORMED)?
        .timestamp();
    let valid_for_s: i64 = parameter("X-Amz-Expires")?.parse().map_err(|_| MALFORMED)?;
    if now.as_second() < signed_at.as_second()
        || now.as_second() > signed_at.as_second() + valid_for_s
    {
        return Err(EXPIRED);
    }
    let (key_id, scope) = parameter("X-Amz-Credential")?.split_once('/').ok_or(MALFORMED)?;
    let [_, region, service, _] = scope.split('/').collect::<Vec<_>>()[..] else {
        return Err(MALFORMED);
    };
    if key_id != EMULATED {
        return Err(Refused(403, "InvalidAccessKeyId"));
    }

    let canonical_query: Vec<_> = query
        .iter()
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let mut canonical_headers = Vec::new();
    for name in signed.split(';') {
        let value = match name {
            "host" => uri.authority().map(Authority::as_str),
            name => headers.get(name).and_then(|value| value.to_str().ok()),
        };
        canonical_headers.push(format!("{name}:{}\n", value.ok_or(NOT_SIGNED_SO)?.trim()));
    }
    let canonical = format!(
        "{method}\n{}\n{}\n{}\n{signed}\nUNSIGNED-PAYLOAD",
        uri.path(),
        canonical_query.join("&"),
        canonical_headers.concat()
    );
    let hash = hexadecimal(&Sha256::digest(&canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
    let key = generate_signing_key(EMULATED, SystemTime::from(signed_at), region, service);
    if calculate_signature(key, to_sign.as_bytes()) == parameter("X-Amz-Signature")? {
        Ok(())
    } else {
        Err(NOT_SIGNED_SO)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}
