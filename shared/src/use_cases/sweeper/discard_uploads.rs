//! Discards uploads that are no longer in use, in the database and in S3: members are personal data.
//!
//! An upload is in use while its audience names it, or while an unfinished run reads it. Requests,
//! runs and sweeps that see an upload in use record the time. An upload is discarded a day after
//! that time: much later than any request or run uses an upload whose name it has read. The sweeper
//! first marks the upload, on the condition that the record has not changed since. A marked upload
//! takes no members, so the same file uploaded again never loses any.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::audience::{AudienceSource, FileUpload, PinnedAudience};
use crate::ports::{
    AudienceUploads, Catalog, Clock, Members, PortError, Runs, Saved, UploadRecord, Uploads,
};

/// How many uploads are read at a time.
const PAGE: usize = 100;

/// How many members are deleted at a time.
const MEMBERS_PAGE: usize = 500;

/// So many runs at once that store notifications mean an outage. Nothing is discarded then, because the list of runs may
/// be incomplete.
const RUNS_MAX: usize = 1000;

#[derive(Clone)]
pub struct DiscardUploads {
    pub uploads: Arc<dyn Uploads>,
    pub members: Arc<dyn Members>,
    pub files: Arc<dyn AudienceUploads>,
    /// The bucket of uploaded files.
    pub bucket: String,
    pub catalog: Arc<dyn Catalog>,
    pub runs: Arc<dyn Runs>,
    pub clock: Arc<dyn Clock>,
}

impl DiscardUploads {
    /// How long an upload is kept after it was last in use.
    pub const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

    /// Looks through all uploads, and returns how many it discarded. The round may be cut off at
    /// any point: the next one continues.
    pub async fn round(&self) -> Result<usize, PortError> {
        let Some(pinned) = self.pinned().await? else { return Ok(0) };
        let mut discarded = 0;
        let mut after: Option<UploadRecord> = None;
        loop {
            let page = self.uploads.uploads(after.as_ref(), PAGE).await?;
            for record in &page {
                discarded += usize::from(self.discard_if_unused(record, &pinned).await?);
            }
            let is_last = page.len() < PAGE;
            after = page.into_iter().last();
            if is_last {
                return Ok(discarded);
            }
        }
    }

    async fn discard_if_unused(
        &self,
        record: &UploadRecord,
        pinned: &HashSet<(String, String)>,
    ) -> Result<bool, PortError> {
        let UploadRecord { audience, version, .. } = record;
        let now_ms = self.clock.now_ms();
        if !record.is_being_discarded {
            let is_pinned = pinned.contains(&(audience.clone(), version.clone()));
            if is_pinned || self.is_named_by_audience(record).await? {
                // A conflict means that another sweeper is discarding the upload: it looked later.
                let _recorded = self.uploads.record_use(audience, version, now_ms).await?;
                return Ok(false);
            }
            if now_ms - record.used_at_ms < Self::KEPT_MS
                || self.uploads.begin_discarding(record).await? == Saved::Conflict
            {
                return Ok(false);
            }
        }
        if let Some(file) = FileUpload::of_version(audience, version) {
            self.files.delete_file(&self.bucket, &file.key()).await?;
        } else {
            while self.members.discard_members(audience, version, MEMBERS_PAGE).await? > 0 {}
        }
        self.uploads.delete_upload_record(audience, version).await?;
        tracing::info!(audience, version, "an unused upload was discarded");
        Ok(true)
    }

    async fn is_named_by_audience(&self, record: &UploadRecord) -> Result<bool, PortError> {
        let audience = self.catalog.audience(&record.audience).await?;
        Ok(audience.is_some_and(|audience| match audience.source {
            AudienceSource::Members { version, .. } => version.as_ref() == Some(&record.version),
            AudienceSource::S3 { key, .. } => FileUpload::of_key(&key).is_some_and(|file| {
                (&file.audience, &file.version) == (&record.audience, &record.version)
            }),
        }))
    }

    /// The audiences and versions that runs read; `None` when there are too many such runs.
    async fn pinned(&self) -> Result<Option<HashSet<(String, String)>>, PortError> {
        let keys = self.runs.storing_runs(RUNS_MAX).await?;
        if keys.len() >= RUNS_MAX {
            tracing::error!(
                "{RUNS_MAX} runs or more store notifications, so no upload is discarded"
            );
            return Ok(None);
        }
        let mut pinned = HashSet::new();
        for key in keys {
            let run = self.runs.run(&key).await?;
            match run.and_then(|run| run.pins).map(|pins| pins.audience) {
                Some(PinnedAudience::Members { audience, version, .. }) => {
                    pinned.insert((audience, version));
                }
                Some(PinnedAudience::S3 { key, .. }) => {
                    let file = FileUpload::of_key(&key);
                    pinned.extend(file.map(|file| (file.audience, file.version)));
                }
                None => {}
            }
        }
        Ok(Some(pinned))
    }
}
