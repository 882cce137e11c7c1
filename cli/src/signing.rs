//! Signatures of requests, as API Gateway wants them (Signature Version 4).

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

/// API Gateway's name in signatures.
pub(crate) const SERVICE: &str = "execute-api";

/// What a signature is made with.
pub(crate) struct Signer<'a> {
    pub(crate) credentials: &'a Credentials,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) at: SystemTime,
}

/// A request cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub(crate) struct NotSigned(String);

impl Signer<'_> {
    /// The headers that a request with these other headers gets. `url` is encoded.
    pub(crate) fn sign(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, NotSigned> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| NotSigned(error.to_string()))?;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = SignableRequest::new(method, url, headers, SignableBody::Bytes(body))
            .map_err(|error| NotSigned(error.to_string()))?;
        let signed =
            sign(request, &parameters.into()).map_err(|error| NotSigned(error.to_string()))?;
        let (instructions, _) = signed.into_parts();
        Ok(instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// The credentials and the time of AWS's published test suite.
    fn authorization(
        (method, url): (&str, &str),
        headers: &[(String, String)],
        body: &[u8],
        service: &str,
    ) -> String {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "test",
        );
        let at = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let signer = Signer { credentials: &credentials, region: "us-east-1", service, at };
        let added = signer.sign(method, url, headers, body).expect("a signature");
        let found = added.into_iter().find(|(name, _)| name == "authorization");
        found.expect("a signature").1
    }

    /// `get-vanilla`, `get-vanilla-query-order-key-case` and `post-vanilla` of the suite.
    #[test]
    fn signatures_are_those_of_the_published_test_suite() {
        for (request, signature) in [
            (
                ("GET", "https://example.amazonaws.com/"),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                ("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1"),
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                ("POST", "https://example.amazonaws.com/"),
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
        ] {
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={signature}"
            );
            assert_eq!(authorization(request, &[], b"", "service"), expected);
        }
    }

    /// Computed apart from this code, by the steps of AWS's documentation.
    #[test]
    fn a_body_a_header_and_a_cursor_in_the_query_are_signed() {
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        let url = "https://abc.execute-api.us-east-1.amazonaws.com/v1/ops/notifications\
                   ?cursor=17%23a%2Fb%3D&exception=alimtalk-main";
        let signed = authorization(("POST", url), &headers, b"{\"a\":1}", SERVICE);
        assert!(
            signed.ends_with(
                "Signature=bb99124e4fb88192beace9802efa0461e90d1c407e9adaccec2a04b3806ac911"
            ),
            "{signed}"
        );
        assert!(signed.contains("SignedHeaders=content-type;host;x-amz-date,"), "{signed}");
    }
}
