//! Files of audiences in S3.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::ports::PortError;
use crate::ports::scheduling::{AudienceFiles, FilePart, FileState};

const WHAT: &str = "S3";

/// Buckets of the client's region.
#[derive(Clone, Debug)]
pub struct S3Files {
    client: Client,
}

impl S3Files {
    /// Files that the client may read.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

/// What an answer's status says of the file.
enum Status {
    /// It is not there, is another one, or may not be read.
    Gone,
    /// S3 will never take the request: what the audience has to name instead.
    Refused(&'static str),
    Other,
}

const ANOTHER_REGION: &str =
    "its bucket is in another region: name a bucket in the region of this stack";
const NO_SUCH_NAME: &str =
    "S3 refuses its names (400): name a bucket that exists, in the region of this stack";

fn status<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Status {
    // By number: answers to HEAD have no body, and so no code. Without the right to list a bucket,
    // what is not there is forbidden.
    match error.raw_response().map(|response| response.status().as_u16()) {
        // 412: another etag. 416: shorter than the place that was asked for.
        Some(403 | 404 | 412 | 416) => Status::Gone,
        Some(301) => Status::Refused(ANOTHER_REGION),
        Some(400) if !passes(error.code()) => Status::Refused(NO_SUCH_NAME),
        Some(_) | None => Status::Other,
    }
}

/// Some of what S3 answers by 400 is over another time.
fn passes(code: Option<&str>) -> bool {
    matches!(code, Some("ExpiredToken" | "RequestTimeout" | "TokenRefreshRequired"))
}

fn refused(why: &str) -> PortError {
    PortError::Corrupt { what: "the audience's file", detail: why.to_owned() }
}

fn unavailable(detail: &str) -> PortError {
    PortError::Unavailable { what: WHAT, detail: detail.to_owned() }
}

#[async_trait]
impl AudienceFiles for S3Files {
    async fn file_state(&self, bucket: &str, key: &str) -> Result<Option<FileState>, PortError> {
        match self.client.head_object().bucket(bucket).key(key).send().await {
            Ok(head) => {
                let etag = head.e_tag.ok_or_else(|| unavailable("an answer without an etag"))?;
                let bytes = head
                    .content_length
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .ok_or_else(|| unavailable("an answer without a length"))?;
                Ok(Some(FileState { etag, bytes }))
            }
            Err(error) => match status(&error) {
                Status::Gone => Ok(None),
                Status::Refused(why) => Err(refused(why)),
                Status::Other => Err(unavailable(error.code().unwrap_or("not reached"))),
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
            return Ok(FilePart::Bytes(bytes::Bytes::new()));
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
                let part =
                    part.body.collect().await.map_err(|_| unavailable("the answer broke off"))?;
                Ok(FilePart::Bytes(part.into_bytes()))
            }
            Err(error) => match status(&error) {
                Status::Gone => Ok(FilePart::Gone),
                Status::Refused(why) => Err(refused(why)),
                Status::Other => Err(unavailable(error.code().unwrap_or("not reached"))),
            },
        }
    }
}
