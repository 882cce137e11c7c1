//! Headers of requests. API Gateway joins two headers of one name with a comma, so a value of its
//! own form never has one.

use axum::http::{HeaderMap, header};

use super::problem::Problem;
use crate::domain::FieldError;
use crate::domain::shown::shown;

/// The value of a header that may be sent once; `None` when it is absent.
///
/// # Errors
/// The problem names the header.
pub fn single_header<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, Problem> {
    let malformed = |must: &str| Err(Problem::malformed(FieldError::new(name, must)));
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return malformed("is sent more than once; must be sent once");
    }
    match value.to_str() {
        Ok(value) => Ok(Some(value.trim())),
        Err(_) => malformed("has characters outside ASCII; must have visible ASCII characters"),
    }
}

/// The media type of a body: one of those that the route accepts.
///
/// # Errors
/// The problem names the header at fault.
pub fn media_type<'a>(headers: &HeaderMap, accepted: &[&'a str]) -> Result<&'a str, Problem> {
    if let Some(coding) = single_header(headers, "Content-Encoding")?
        && !coding.eq_ignore_ascii_case("identity")
    {
        let detail = format!("is {}; must be left out: bodies are not compressed", shown(coding));
        return Err(Problem::unsupported_coding(detail));
    }
    let must = format!("must be {}", accepted.join(" or "));
    let value = single_header(headers, header::CONTENT_TYPE.as_str())
        .map_err(|_| Problem::unsupported_media_type(format!("is unreadable; {must}, once")))?;
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Err(Problem::unsupported_media_type(format!("is missing; {must}")));
    };
    let mut parts = value.split(';').map(str::trim);
    let sent = parts.next().unwrap_or_default();
    let Some(media_type) = accepted.iter().find(|known| known.eq_ignore_ascii_case(sent)) else {
        return Err(Problem::unsupported_media_type(format!("is {}; {must}", shown(sent))));
    };
    for (name, charset) in parts.filter_map(|parameter| parameter.split_once('=')) {
        let charset = charset.trim_matches('"');
        if name.eq_ignore_ascii_case("charset") && !charset.eq_ignore_ascii_case("utf-8") {
            let detail = format!("has the charset {}; must be UTF-8", shown(charset));
            return Err(Problem::unsupported_media_type(detail));
        }
    }
    Ok(*media_type)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(all: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            let value = HeaderValue::from_bytes(value).expect("a value");
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn a_header_is_sent_once() {
        let once = headers(&[("if-match", b" \"7\" ")]);
        assert_eq!(single_header(&once, "If-Match"), Ok(Some("\"7\"")));
        assert_eq!(single_header(&once, "If-None-Match"), Ok(None));
        for twice in [
            headers(&[("if-match", b"\"7\""), ("if-match", b"\"7\"")]),
            headers(&[("if-match", "가".as_bytes())]),
        ] {
            let problem = single_header(&twice, "If-Match").expect_err("a problem");
            assert_eq!((problem.status(), problem.field()), (400, Some("If-Match")));
        }
    }

    #[test]
    fn a_body_is_of_an_accepted_type_in_utf_8() {
        let accepted = ["application/json", "text/csv"];
        let read = |all: &[(&'static str, &'static [u8])]| media_type(&headers(all), &accepted);
        for (value, expected) in [
            (&b"application/json"[..], "application/json"),
            (b"Application/JSON; charset=UTF-8", "application/json"),
            (b"text/csv;charset=\"utf-8\";header=present", "text/csv"),
        ] {
            assert_eq!(read(&[("content-type", value)]), Ok(expected));
        }
        for value in [
            &b""[..],
            b"text/plain",
            b"application/json, application/json",
            b"application/problem+json",
            b"application/json; charset=euc-kr",
            b"application/x-www-form-urlencoded",
        ] {
            let problem = read(&[("content-type", value)]).expect_err("a problem");
            assert_eq!((problem.status(), problem.field()), (415, Some("Content-Type")));
        }
        let json = ("content-type", &b"application/json"[..]);
        assert_eq!(read(&[]).expect_err("a problem").status(), 415);
        assert_eq!(read(&[json, json]).expect_err("a problem").status(), 415);
        assert_eq!(read(&[json, ("content-encoding", b"identity")]), Ok("application/json"));
        let compressed = read(&[json, ("content-encoding", b"gzip")]).expect_err("a problem");
        let expected = (415, Some("Content-Encoding"));
        assert_eq!((compressed.status(), compressed.field()), expected);
    }
}
