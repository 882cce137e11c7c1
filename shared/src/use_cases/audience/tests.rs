use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::domain::audience::file::{AudienceFormat, Member};
use crate::ports::{FilePart, FileState, MemberSaved, PortError, StoredMember};

/// An upload of twenty members.
struct Uploaded;

#[async_trait]
impl Members for Uploaded {
    async fn put_member(
        &self,
        _: &str,
        _: &str,
        _: &StoredMember,
    ) -> Result<MemberSaved, PortError> {
        Ok(MemberSaved::Done)
    }

    async fn members(
        &self,
        _: &str,
        _: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredMember>, PortError> {
        Ok((1..=20)
            .map(|line| StoredMember { line, member: member(line) })
            .filter(|stored| after.is_none_or(|after| stored.member.id.as_str() > after))
            .take(limit)
            .collect())
    }

    async fn discard_members(&self, _: &str, _: &str, _: usize) -> Result<usize, PortError> {
        Ok(0)
    }
}

fn member(line: u64) -> Member {
    Member {
        id: format!("m{line:02}"),
        phone: None,
        timezone: None,
        variables: std::collections::BTreeMap::default(),
    }
}

/// One file, and the lengths of the reads.
struct OneFile {
    content: Vec<u8>,
    reads: Mutex<Vec<u64>>,
    is_gone: bool,
}

#[async_trait]
impl AudienceFiles for OneFile {
    async fn file_state(&self, _: &str, _: &str) -> Result<Option<FileState>, PortError> {
        let bytes = self.content.len() as u64;
        Ok((!self.is_gone).then(|| FileState { etag: "e".into(), bytes }))
    }

    async fn read_file(
        &self,
        _: &str,
        _: &str,
        _: &str,
        offset: u64,
        length: u64,
    ) -> Result<FilePart, PortError> {
        if self.is_gone {
            return Ok(FilePart::Gone);
        }
        self.reads.lock().expect("the reads").push(length);
        let from = usize::try_from(offset).expect("small").min(self.content.len());
        let to = usize::try_from(offset + length).expect("small").min(self.content.len());
        Ok(FilePart::Bytes(Bytes::copy_from_slice(&self.content[from..to])))
    }
}

fn twenty_lines() -> Vec<u8> {
    let mut csv = "id,name\n".to_owned();
    csv.extend((1..=20).map(|line| format!("m{line:02},\"name, of\n {line}\"\n")));
    csv.into_bytes()
}

fn audiences(content: Vec<u8>, is_gone: bool, part_bytes: u64) -> (Audiences, Arc<OneFile>) {
    let files = Arc::new(OneFile { content, reads: Mutex::default(), is_gone });
    (Audiences { members: Arc::new(Uploaded), files: files.clone(), part_bytes }, files)
}

fn in_s3() -> Audience {
    let (bucket, key) = ("bucket".into(), "key.csv".into());
    let source = AudienceSource::S3 { bucket, key, format: AudienceFormat::Csv };
    Audience { name: "a".into(), source }
}

fn uploaded() -> Audience {
    let source = AudienceSource::Members { version: Some("v".into()), size: 20 };
    Audience { name: "a".into(), source }
}

/// All ids, read in pages of `limit`. With `reopen`, each page is read by a newly opened reader.
async fn ids(
    audiences: &Audiences,
    audience: &Audience,
    limit: usize,
    reopen: bool,
) -> Result<Vec<String>, AudienceError> {
    let pinned = audiences.pin(audience).await?;
    let mut ids = Vec::new();
    let mut pages = audiences.open(&pinned, None)?;
    loop {
        let page = pages.next_page(limit).await?;
        assert!(page.records.len() <= limit);
        ids.extend(page.records.into_iter().map(|record| match record.member {
            Ok(member) => member.id,
            Err(bad) => bad.to_string(),
        }));
        match page.next {
            None => return Ok(ids),
            Some(next) if reopen => pages = audiences.open(&pinned, Some(&next))?,
            Some(_) => {}
        }
    }
}

#[tokio::test]
async fn both_sources_are_read_completely_whatever_the_page_and_part_sizes() {
    let expected: Vec<_> = (1..=20).map(|line| member(line).id).collect();
    for audience in [in_s3(), uploaded()] {
        for (limit, part_bytes) in [(1, 1), (3, 7), (20, 64), (7, 1024), (500, 1024)] {
            for reopen in [false, true] {
                let (audiences, _) = audiences(twenty_lines(), false, part_bytes);
                let read = ids(&audiences, &audience, limit, reopen).await.expect("ids");
                assert_eq!(read, expected, "{limit} records, {part_bytes} bytes at a time");
            }
        }
    }
}

#[tokio::test]
async fn a_file_is_read_once_and_one_part_at_a_time() {
    let (audiences, file) = audiences(twenty_lines(), false, 64);
    ids(&audiences, &in_s3(), 3, false).await.expect("ids");
    let reads = file.reads.lock().expect("the reads").clone();
    assert_eq!(reads.iter().sum::<u64>(), twenty_lines().len() as u64);
    assert!(reads.iter().all(|length| *length <= 64));
}

#[tokio::test]
async fn an_audience_that_cannot_be_read_says_why() {
    let why = |content: &[u8], is_gone| {
        let (audiences, _) = audiences(content.to_vec(), is_gone, 64);
        async move { ids(&audiences, &in_s3(), 3, false).await.expect_err("a failure").to_string() }
    };
    assert_eq!(
        why(b"", true).await,
        "the file s3://bucket/key.csv does not exist, or this stack may not read it"
    );
    assert!(why(b"", false).await.starts_with("the file is empty"));
    assert!(why(b"\xff\xfe\x00garbage\n\x00", false).await.contains("not UTF-8"));
    let nothing_uploaded =
        Audience { name: "a".into(), source: AudienceSource::Members { version: None, size: 0 } };
    let (audiences, _) = audiences(vec![], false, 64);
    let refused = audiences.pin(&nothing_uploaded).await.expect_err("a failure");
    assert_eq!(
        refused.to_string(),
        "nothing was uploaded to the audience \"a\" yet: upload its members first"
    );
}

#[tokio::test]
async fn a_truncated_or_changed_file_cannot_be_read() {
    let (mut audiences, file) = audiences(twenty_lines(), false, 64);
    let PinnedAudience::S3 { bucket, key, format, etag, bytes } =
        audiences.pin(&in_s3()).await.expect("it is there")
    else {
        panic!("not the file")
    };
    let longer = PinnedAudience::S3 { bucket, key, format, etag, bytes: bytes + 10 };
    let mut pages = audiences.open(&longer, None).expect("it opens");
    let early = pages.next_page(500).await.expect_err("a failure").to_string();
    assert_eq!(
        early,
        format!("the file is truncated: it ended after {bytes} of its {} bytes", bytes + 10)
    );

    audiences.files =
        Arc::new(OneFile { content: file.content.clone(), reads: Mutex::default(), is_gone: true });
    let mut pages = audiences.open(&longer, None).expect("it opens");
    let gone = pages.next_page(500).await.expect_err("a failure").to_string();
    assert_eq!(gone, "the file was changed or removed while it was read");
}

#[tokio::test]
async fn a_quote_that_never_closes_is_reported_with_its_line() {
    let (audiences, _) = audiences(b"id,name\nm1,a\nm2,\"b\nm3,c\n".to_vec(), false, 8);
    let read = ids(&audiences, &in_s3(), 3, true).await.expect("ids");
    assert_eq!(read.len(), 2, "{read:?}");
    assert!(read[1].starts_with("line 3"), "{read:?}");
}
