//! To which hosts a channel's credentials may go.

use http::Uri;

use crate::domain::FieldError;

/// Which hosts channels may name in `provider.endpoint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// None: credentials leave only to the hosts that the adapter knows.
    ProvidersOwn,
    /// Any, over plain HTTP as well: for a local stack, an emulator or `sam local`.
    Any,
}

/// What an endpoint must be where endpoints are permitted.
const MUST_BE_A_URL: &str = "must be a URL with http:// or https:// and a host, without a user, a \
    query or a fragment: http://127.0.0.1:9001";

impl Endpoints {
    /// The base URL of a provider's requests: `endpoint` if the channel names one, else `own`, the
    /// provider's own host. Has no `/` at its end.
    ///
    /// # Errors
    /// The field `provider.endpoint`. The error does not quote it.
    pub(super) fn base_url(self, endpoint: Option<&str>, own: &str) -> Result<String, FieldError> {
        let Some(endpoint) = endpoint else { return Ok(own.to_owned()) };
        let fault = match self {
            Self::ProvidersOwn => Some(
                "is permitted only on a local stack (with ENDPOINT_URL or AWS_ENDPOINT_URL); must \
                 be left out, because the channel's credentials go only to its provider",
            ),
            Self::Any => (!is_base_url(endpoint)).then_some(MUST_BE_A_URL),
        };
        match fault {
            Some(detail) => Err(FieldError::new("provider.endpoint", detail)),
            None => Ok(endpoint.trim_end_matches('/').to_owned()),
        }
    }
}

fn is_base_url(text: &str) -> bool {
    // `Uri` drops a fragment without a word.
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && !has_user
        && uri.query().is_none()
        && !text.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://api.example.com";

    #[test]
    fn without_an_endpoint_requests_go_to_the_providers_own_host() {
        for endpoints in [Endpoints::ProvidersOwn, Endpoints::Any] {
            assert_eq!(endpoints.base_url(None, OWN), Ok(OWN.to_owned()));
        }
    }

    #[test]
    fn an_endpoint_is_accepted_only_where_any_is_permitted() {
        for url in ["http://127.0.0.1:9001", "https://proxy.example.com", "https://api.example.com"]
        {
            assert_eq!(Endpoints::Any.base_url(Some(url), OWN).as_deref(), Ok(url));
            let error =
                Endpoints::ProvidersOwn.base_url(Some(url), OWN).expect_err("not permitted");
            assert_eq!(error.field, "provider.endpoint");
        }
        let with_slash = Endpoints::Any.base_url(Some("http://localhost:9001/"), OWN);
        assert_eq!(with_slash.as_deref(), Ok("http://localhost:9001"));
    }

    #[test]
    fn a_deployed_stack_accepts_no_endpoint_whatever_it_is() {
        let long = format!("https://{}.example.com", "a".repeat(100_000));
        for url in [
            OWN,
            "http://api.example.com",
            "http://127.0.0.1",
            "http://[::1]:80",
            "http://10.0.0.1",
            "http://169.254.169.254/latest/meta-data",
            "https://user:pw@api.example.com",
            "https://api.example.com\r\nhost: elsewhere.example.com",
            "https://api.example.com:99999",
            "",
            &long,
        ] {
            let error = Endpoints::ProvidersOwn.base_url(Some(url), OWN).expect_err("an endpoint");
            assert_eq!(error.field, "provider.endpoint");
            assert!(!error.detail.contains("example.com"), "{error}");
        }
    }

    #[test]
    fn an_endpoint_that_is_no_plain_url_is_refused_and_not_quoted() {
        for url in [
            "",
            "127.0.0.1:9001",
            "localhost",
            "/v1",
            "ftp://example.com",
            "file:///etc/passwd",
            "http://",
            "http:///path",
            "http://user:hidden@example.com",
            "http://user@example.com",
            "http://example.com?hidden=1",
            "http://example.com/#hidden",
            "http://exam ple.com",
        ] {
            let error = Endpoints::Any.base_url(Some(url), OWN).expect_err(url);
            assert_eq!(error.field, "provider.endpoint", "{url}");
            assert!(!error.detail.contains("hidden"), "{error}");
        }
    }
}
