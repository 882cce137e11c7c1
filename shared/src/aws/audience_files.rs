//! Files of audiences in S3.
//!
//! Three kinds of requests are needed, and addresses for uploads. S3's own SDK would add tables for its checksums to the binaries,
//! more than the rest of a function's SDKs together. So the requests are written here, signed by
//! `aws-sigv4`, and made with the SDKs' retries and time-outs.

mod presigned;
mod request;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_runtime::client::orchestrator::operation::{Operation, OperationBuilder};
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use bytes::Bytes;
use jiff::Timestamp;

pub use self::request::FileRequest;
pub(super) use self::request::FileService;
use crate::ports::{
    AudienceFiles, AudienceUploads, FilePart, FileState, NewFile, PortError, UploadUrl,
};

const SERVICE: &str = "S3";

/// Files in buckets of the stack's region.
#[derive(Clone, Debug)]
pub struct S3Files {
    service: FileService,
}

/// A response with a status of success.
#[derive(Debug)]
struct FileResponse {
    etag: Option<String>,
    length: Option<u64>,
    body: Bytes,
}

/// A response with another status.
#[derive(Debug, thiserror::Error)]
#[error("S3 answered {status}")]
struct FileError {
    status: u16,
    /// S3's code of the error. A response to HEAD has none.
    code: Option<String>,
}

/// The meaning of a failed request's HTTP status.
enum Failure {
    /// The file does not exist, has other content, or may not be read.
    Gone,
    /// S3 will never accept the request; what the audience must name instead.
    Refused(&'static str),
    Other,
}

const ANOTHER_REGION: &str =
    "its bucket is in another region: name a bucket in the region of this stack";
const NO_SUCH_NAME: &str =
    "S3 refuses its names (400): name a bucket that exists, in the region of this stack";

impl FileError {
    /// The status decides, because a response to HEAD has no body and so no code. S3 answers 403
    /// for a missing file to a caller that may not list the bucket.
    fn failure(&self) -> Failure {
        match self.status {
            // 412: another etag. 416: the file is shorter than the offset.
            403 | 404 | 412 | 416 => Failure::Gone,
            301 | 307 => Failure::Refused(ANOTHER_REGION),
            400 if !self.is_temporary() => Failure::Refused(NO_SUCH_NAME),
            _ => Failure::Other,
        }
    }

    /// Whether a later try may succeed, although S3 answered 400.
    fn is_temporary(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some("ExpiredToken" | "RequestTimeout" | "TokenRefreshRequired")
        )
    }
}

fn refused(why: &str) -> PortError {
    PortError::Unusable { what: "the audience's file", detail: why.to_owned() }
}

fn unavailable(detail: &str) -> PortError {
    PortError::Unavailable { what: SERVICE, detail: detail.to_owned() }
}

/// The response, or what its error means: `None` when there is no such file.
fn response_or_none(
    result: Result<FileResponse, SdkError<FileError, HttpResponse>>,
) -> Result<Option<FileResponse>, PortError> {
    let error = match result {
        Ok(response) => return Ok(Some(response)),
        Err(error) => error,
    };
    let Some(answered) = error.as_service_error() else {
        return Err(unavailable("not reached"));
    };
    match answered.failure() {
        Failure::Gone => Ok(None),
        Failure::Refused(why) => Err(refused(why)),
        Failure::Other => {
            Err(unavailable(answered.code.as_deref().unwrap_or("an answer of an error")))
        }
    }
}

/// Reads a response. Its body is complete.
fn read_response(response: &HttpResponse) -> Result<FileResponse, OrchestratorError<FileError>> {
    let status = response.status().as_u16();
    let body = response.body().bytes().unwrap_or_default();
    if !(200..300).contains(&status) {
        let code = std::str::from_utf8(body).ok().and_then(error_code);
        return Err(OrchestratorError::operation(FileError { status, code }));
    }
    let header = |name: &str| response.headers().get(name);
    Ok(FileResponse {
        etag: header("etag").map(str::to_owned),
        length: header("content-length").and_then(|length| length.parse().ok()),
        body: Bytes::copy_from_slice(body),
    })
}

/// The code in the XML of an error.
fn error_code(xml: &str) -> Option<String> {
    let (_, behind) = xml.split_once("<Code>")?;
    let (code, _) = behind.split_once("</Code>")?;
    Some(code.to_owned())
}

impl S3Files {
    pub(super) fn new(service: FileService) -> Self {
        Self { service }
    }

    /// Files of an emulator of S3 at this address.
    #[must_use]
    pub fn at(
        endpoint_url: &str,
        http_client: aws_sdk_dynamodb::config::SharedHttpClient,
        interceptor: impl Intercept + 'static,
    ) -> Self {
        Self { service: FileService::at(endpoint_url, http_client, interceptor) }
    }

    async fn send(&self, request: FileRequest) -> Result<Option<FileResponse>, PortError> {
        let signed = self.service.sign(&request).map_err(|_| refused(NO_SUCH_NAME))?;
        let builder: OperationBuilder = Operation::builder();
        let operation = self
            .service
            .configure(builder, &request)
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<FileError>::new())
            .serializer(move |_: FileRequest| signed.to_request())
            .deserializer(read_response)
            .build();
        response_or_none(operation.invoke(request).await)
    }
}

#[async_trait]
impl AudienceFiles for S3Files {
    async fn file_state(&self, bucket: &str, key: &str) -> Result<Option<FileState>, PortError> {
        let request = FileRequest::State { bucket: bucket.to_owned(), key: key.to_owned() };
        let Some(response) = self.send(request).await? else { return Ok(None) };
        let etag = response.etag.ok_or_else(|| unavailable("a response without an etag"))?;
        let bytes = response.length.ok_or_else(|| unavailable("a response without a length"))?;
        Ok(Some(FileState { etag, bytes }))
    }

    async fn read_file(
        &self,
        bucket: &str,
        key: &str,
        etag: &str,
        offset: u64,
        length: u64,
    ) -> Result<FilePart, PortError> {
        if length == 0 {
            return Ok(FilePart::Bytes(Bytes::new()));
        }
        let request = FileRequest::Part {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            etag: etag.to_owned(),
            first: offset,
            last: offset + length - 1,
        };
        let read = self.send(request).await?;
        Ok(read.map_or(FilePart::Gone, |response| FilePart::Bytes(response.body)))
    }
}

#[async_trait]
impl AudienceUploads for S3Files {
    fn upload_url(
        &self,
        file: &NewFile,
        at: Timestamp,
        valid_for: Duration,
    ) -> Result<UploadUrl, PortError> {
        self.service.upload_url(file, at, valid_for).map_err(|_| refused(NO_SUCH_NAME))
    }

    async fn delete_file(&self, bucket: &str, key: &str) -> Result<(), PortError> {
        let request = FileRequest::Deletion { bucket: bucket.to_owned(), key: key.to_owned() };
        // S3 answers the deletion of a file that does not exist like any other.
        match self.send(request).await? {
            Some(_) => Ok(()),
            None => Err(unavailable("the file may not be deleted")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_is_read_from_its_xml() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code><Message>x</Message>";
        assert_eq!(error_code(xml).as_deref(), Some("ExpiredToken"));
        assert_eq!(error_code("<html>"), None);
    }

    #[test]
    fn an_expired_token_is_no_fault_of_the_audience() {
        let failure =
            |code: Option<&str>| FileError { status: 400, code: code.map(str::to_owned) }.failure();
        assert!(matches!(failure(Some("ExpiredToken")), Failure::Other));
        assert!(matches!(failure(Some("InvalidBucketName")), Failure::Refused(NO_SUCH_NAME)));
        assert!(matches!(failure(None), Failure::Refused(NO_SUCH_NAME)));
    }
}
