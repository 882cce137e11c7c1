//! Files of audiences in S3.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use bytes::Bytes;

use crate::ports::{AudienceFiles, FilePart, FileState, PortError};

const SERVICE: &str = "S3";

/// Files in buckets of the client's region.
#[derive(Clone, Debug)]
pub struct S3Files {
    client: Client,
}

impl S3Files {
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
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

fn failure<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Failure {
    // The status decides, because a response to HEAD has no body and so no error code. S3 answers
    // 403 for a missing file to a caller that may not list the bucket.
    match error.raw_response().map(|response| response.status().as_u16()) {
        // 412: another etag. 416: the file is shorter than the offset.
        Some(403 | 404 | 412 | 416) => Failure::Gone,
        Some(301) => Failure::Refused(ANOTHER_REGION),
        Some(400) if !is_temporary(error.code()) => Failure::Refused(NO_SUCH_NAME),
        Some(_) | None => Failure::Other,
    }
}

/// Whether a later try may succeed, although S3 answered 400.
fn is_temporary(code: Option<&str>) -> bool {
    matches!(code, Some("ExpiredToken" | "RequestTimeout" | "TokenRefreshRequired"))
}

fn refused(why: &str) -> PortError {
    PortError::Unusable { what: "the audience's file", detail: why.to_owned() }
}

fn unavailable(detail: &str) -> PortError {
    PortError::Unavailable { what: SERVICE, detail: detail.to_owned() }
}

#[async_trait]
impl AudienceFiles for S3Files {
    async fn file_state(&self, bucket: &str, key: &str) -> Result<Option<FileState>, PortError> {
        match self.client.head_object().bucket(bucket).key(key).send().await {
            Ok(head) => {
                let etag = head.e_tag.ok_or_else(|| unavailable("a response without an etag"))?;
                let bytes = head
                    .content_length
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .ok_or_else(|| unavailable("a response without a length"))?;
                Ok(Some(FileState { etag, bytes }))
            }
            Err(error) => match failure(&error) {
                Failure::Gone => Ok(None),
                Failure::Refused(why) => Err(refused(why)),
                Failure::Other => Err(unavailable(error.code().unwrap_or("not reached"))),
            },
        }
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
        let read = self
            .client
            .get_object()
            .bucket(bucket)
            .key(key)
            .if_match(etag)
            .range(format!("bytes={offset}-{}", offset + length - 1))
            .send()
            .await;
        match read {
            Ok(part) => {
                let part = part
                    .body
                    .collect()
                    .await
                    .map_err(|_| unavailable("the response was cut off"))?;
                Ok(FilePart::Bytes(part.into_bytes()))
            }
            Err(error) => match failure(&error) {
                Failure::Gone => Ok(FilePart::Gone),
                Failure::Refused(why) => Err(refused(why)),
                Failure::Other => Err(unavailable(error.code().unwrap_or("not reached"))),
            },
        }
    }
}
