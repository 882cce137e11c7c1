//! The requests to S3, and their signatures.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedHttpClient};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime::client::orchestrator::operation::OperationBuilder;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::{Intercept, SharedInterceptor};
use aws_smithy_types::body::SdkBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::aws::region::domain;
use crate::ports::Clock;
use crate::time::SystemClock;

/// What S3's document keeps in the path of a key; everything else is percent-encoded.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A request for a file, for what S3 knows of it, or for its deletion.
#[derive(Clone, Debug)]
pub enum FileRequest {
    State {
        bucket: String,
        key: String,
    },
    Part {
        bucket: String,
        key: String,
        /// The content must still be this one.
        etag: String,
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    Deletion {
        bucket: String,
        key: String,
    },
}

impl FileRequest {
    #[must_use]
    pub fn bucket(&self) -> &str {
        match self {
            Self::State { bucket, .. }
            | Self::Part { bucket, .. }
            | Self::Deletion { bucket, .. } => bucket,
        }
    }

    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::State { key, .. } | Self::Part { key, .. } | Self::Deletion { key, .. } => key,
        }
    }

    fn method(&self) -> &'static str {
        match self {
            Self::State { .. } => "HEAD",
            Self::Part { .. } => "GET",
            Self::Deletion { .. } => "DELETE",
        }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::State { .. } | Self::Deletion { .. } => vec![],
            Self::Part { etag, first, last, .. } => {
                vec![("if-match", etag.clone()), ("range", format!("bytes={first}-{last}"))]
            }
        }
    }
}

/// Where a bucket is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) endpoint: String,
    pub(super) path: String,
}

/// S3 in one region, with the caller's credentials.
#[derive(Clone, Debug)]
pub(in crate::aws) struct FileService {
    pub(in crate::aws) region: String,
    pub(in crate::aws) credentials: Credentials,
    /// The address of an emulator.
    pub(in crate::aws) endpoint_url: Option<String>,
    pub(in crate::aws) http_client: SharedHttpClient,
    pub(in crate::aws) retries: RetryConfig,
    pub(in crate::aws) timeouts: TimeoutConfig,
    pub(in crate::aws) interceptor: Option<SharedInterceptor>,
}

impl FileService {
    /// An emulator at this address, which checks no signature.
    pub(super) fn at(
        endpoint_url: &str,
        http_client: SharedHttpClient,
        interceptor: impl Intercept + 'static,
    ) -> Self {
        Self {
            region: "ap-northeast-2".to_owned(),
            credentials: Credentials::new("emulated", "emulated", None, None, "emulator"),
            endpoint_url: Some(endpoint_url.to_owned()),
            http_client,
            retries: RetryConfig::standard(),
            timeouts: TimeoutConfig::disabled(),
            interceptor: Some(SharedInterceptor::new(interceptor)),
        }
    }

    /// A bucket's name is part of the host, unless an emulator has no host for each bucket, or a dot
    /// in the name would not fit S3's certificate.
    pub(super) fn address(&self, bucket: &str, key: &str) -> Address {
        let region = &self.region;
        let key = utf8_percent_encode(key, ENCODED);
        let domain = domain(region);
        match &self.endpoint_url {
            None if !bucket.contains('.') => Address {
                endpoint: format!("https://{bucket}.s3.{region}.{domain}"),
                path: format!("/{key}"),
            },
            emulator => Address {
                endpoint: emulator.as_deref().map_or_else(
                    || format!("https://s3.{region}.{domain}"),
                    |url| url.trim_end_matches('/').to_owned(),
                ),
                path: format!("/{bucket}/{key}"),
            },
        }
    }

    /// The request with its signature. S3 accepts the signature for 15 minutes, much longer than all
    /// tries take together.
    pub(super) fn sign(&self, request: &FileRequest) -> Result<SignedRequest, BoxError> {
        let Address { endpoint, path } = self.address(request.bucket(), request.key());
        let mut headers = request.headers();
        let mut settings = SigningSettings::default();
        // S3 signs paths as they are sent.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let now_ms = u64::try_from(SystemClock.now_ms()).unwrap_or_default();
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms))
            .settings(settings)
            .build()?
            .into();
        let signable = SignableRequest::new(
            request.method(),
            format!("{endpoint}{path}"),
            headers.iter().map(|(name, value)| (*name, value.as_str())),
            SignableBody::Bytes(&[]),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let signature: Vec<_> = instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let headers = headers
            .drain(..)
            .map(|(name, value)| (name.to_owned(), value))
            .chain(signature)
            .collect();
        Ok(SignedRequest { method: request.method(), path, headers })
    }

    /// Gives an operation what it needs to make this request.
    pub(super) fn configure(
        &self,
        operation: OperationBuilder,
        request: &FileRequest,
    ) -> OperationBuilder {
        let operation = operation
            .service_name("s3")
            .operation_name(request.method())
            .http_client(self.http_client.clone())
            .endpoint_url(&self.address(request.bucket(), request.key()).endpoint)
            .no_auth()
            .standard_retry(&self.retries)
            .timeout_config(self.timeouts.clone());
        match &self.interceptor {
            Some(interceptor) => operation.interceptor(interceptor.clone()),
            None => operation,
        }
    }
}

/// A request that only lacks its host.
pub(super) struct SignedRequest {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
}

impl SignedRequest {
    pub(super) fn to_request(&self) -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method(self.method)?;
        request.set_uri(self.path.as_str())?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::https_client;

    fn service(endpoint_url: Option<&str>) -> FileService {
        let http_client = https_client();
        FileService {
            endpoint_url: endpoint_url.map(str::to_owned),
            interceptor: None,
            ..FileService::at("", http_client, Nothing)
        }
    }

    #[derive(Debug)]
    struct Nothing;

    impl Intercept for Nothing {
        fn name(&self) -> &'static str {
            "nothing"
        }
    }

    #[test]
    fn a_bucket_is_part_of_the_host_unless_that_cannot_work() {
        let address = |endpoint: Option<&str>, bucket: &str| {
            let Address { endpoint, path } =
                service(endpoint).address(bucket, "members/2026 11/교사.csv");
            format!("{endpoint}{path}")
        };
        let key = "members/2026%2011/%EA%B5%90%EC%82%AC.csv";
        assert_eq!(
            address(None, "audiences"),
            format!("https://audiences.s3.ap-northeast-2.amazonaws.com/{key}")
        );
        assert_eq!(
            address(None, "audiences.example"),
            format!("https://s3.ap-northeast-2.amazonaws.com/audiences.example/{key}")
        );
        assert_eq!(
            address(Some("http://127.0.0.1:4566/"), "audiences"),
            format!("http://127.0.0.1:4566/audiences/{key}")
        );
    }

    #[test]
    fn a_request_is_signed_with_its_range_and_its_etag() {
        let request = FileRequest::Part {
            bucket: "audiences".to_owned(),
            key: "members.csv".to_owned(),
            etag: "\"e\"".to_owned(),
            first: 0,
            last: 9,
        };
        let signed = service(None).sign(&request).expect("a signature");
        let header = |name: &str| {
            let found = signed.headers.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        assert_eq!(header("range"), "bytes=0-9");
        let authorization = header("authorization");
        assert!(authorization.contains("/ap-northeast-2/s3/aws4_request"), "{authorization}");
        for name in ["host", "if-match", "range", "x-amz-content-sha256", "x-amz-date"] {
            assert!(authorization.contains(name), "{name} in {authorization}");
        }
    }
}
