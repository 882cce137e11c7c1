//! Addresses to which others upload a file, signed with the function's own credentials.
//!
//! The signature covers the length and the type of the file, so S3 refuses any other. It covers
//! `If-None-Match: *` too: S3 takes the file only while there is none of that name, so the address works
//! once. The address ends with the function's credentials, if these end first.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::box_error::BoxError;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;

use super::request::{Address, FileService};
use crate::ports::{NewFile, UploadUrl};

/// What stays as it is in a query; everything else is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl FileService {
    pub(super) fn upload_url(
        &self,
        file: &NewFile,
        at: Timestamp,
        valid_for: Duration,
    ) -> Result<UploadUrl, BoxError> {
        let Address { endpoint, path } = self.address(&file.bucket, &file.key);
        let length = file.bytes.to_string();
        let headers = [("content-type", file.content_type), ("if-none-match", "*")];
        let signed = headers.into_iter().chain([("content-length", length.as_str())]);
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(valid_for);
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::from(at))
            .settings(settings)
            .build()?
            .into();
        let mut url = format!("{endpoint}{path}");
        let signable =
            SignableRequest::new("PUT", url.clone(), signed, SignableBody::UnsignedPayload)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        for (index, (name, value)) in instructions.params().iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            write!(url, "{separator}{name}={}", utf8_percent_encode(value, ENCODED))?;
        }
        // The client knows the length, and sends it by itself.
        let headers = headers.map(|(name, value)| (name, value.to_owned())).to_vec();
        Ok(UploadUrl { url: SecretString::from(url), headers })
    }
}
