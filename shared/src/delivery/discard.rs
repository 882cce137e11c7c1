//! Discards uploads that nobody reads any more: members are personal data.
//!
//! An upload is in use while its audience's head names it, or a run that has not ended. Whoever sees
//! it in use notes the time, and it is discarded a day after that: long after any request or run
//! that had just read its name. It is marked first, on the condition that nobody has used it since,
//! and takes no members from then on; so an upload that comes again never loses any.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::audience::{AudienceSource, PinnedAudience};
use crate::ports::scheduling::{Members, Runs, UploadNote, Uploads};
use crate::ports::{Catalog, Clock, PortError, Saved};

/// Notes read at a time.
const PAGE: usize = 100;

/// Members deleted at a time.
const MEMBERS: usize = 500;

/// More unfinished runs than this are an outage: then nothing is discarded.
const RUNS_MAX: usize = 1000;

/// Discards uploads.
#[derive(Clone)]
pub struct DiscardUploads {
    /// What is known of uploads.
    pub uploads: Arc<dyn Uploads>,
    /// Their members.
    pub members: Arc<dyn Members>,
    /// Audiences' heads.
    pub catalog: Arc<dyn Catalog>,
    /// Runs.
    pub runs: Arc<dyn Runs>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl DiscardUploads {
    /// How long an upload is kept that is not in use, in milliseconds.
    pub const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

    /// Looks through all uploads, and answers how many were discarded. Can be cut off anywhere: the
    /// next round goes on.
    ///
    /// # Errors
    /// [`PortError`].
    pub async fn round(&self) -> Result<usize, PortError> {
        let Some(pinned) = self.pinned().await? else { return Ok(0) };
        let mut discarded = 0;
        let mut after: Option<UploadNote> = None;
        loop {
            let page = self.uploads.uploads(after.as_ref(), PAGE).await?;
            for note in &page {
                discarded += usize::from(self.look_at(note, &pinned).await?);
            }
            let is_last = page.len() < PAGE;
            after = page.into_iter().last();
            if is_last {
                return Ok(discarded);
            }
        }
    }

    async fn look_at(
        &self,
        note: &UploadNote,
        pinned: &HashSet<(String, String)>,
    ) -> Result<bool, PortError> {
        let UploadNote { audience, version, .. } = note;
        let now_ms = self.clock.now_ms();
        if !note.is_discarded {
            if pinned.contains(&(audience.clone(), version.clone())) || self.holds(note).await? {
                // Lost: another sweeper has looked later, and knows better.
                let _noted = self.uploads.note_use(audience, version, now_ms).await?;
                return Ok(false);
            }
            if now_ms - note.used_at_ms < Self::KEPT_MS
                || self.uploads.begin_discarding(note).await? == Saved::Lost
            {
                return Ok(false);
            }
        }
        while self.members.discard_members(audience, version, MEMBERS).await? > 0 {}
        self.uploads.forget_upload(audience, version).await?;
        tracing::info!(audience, version, "an upload that nobody reads was discarded");
        Ok(true)
    }

    /// Whether the audience's head names it.
    async fn holds(&self, note: &UploadNote) -> Result<bool, PortError> {
        let audience = self.catalog.audience(&note.audience).await?;
        Ok(audience.is_some_and(|audience| {
            matches!(audience.source, AudienceSource::Members { version: Some(version), .. }
                if version == note.version)
        }))
    }

    /// What runs that have not ended go by: audiences and versions.
    async fn pinned(&self) -> Result<Option<HashSet<(String, String)>>, PortError> {
        let keys = self.runs.unfinished_runs(RUNS_MAX).await?;
        if keys.len() >= RUNS_MAX {
            tracing::error!("so many runs are unfinished that no upload is discarded");
            return Ok(None);
        }
        let mut pinned = HashSet::new();
        for key in keys {
            let run = self.runs.run(&key).await?;
            if let Some(PinnedAudience::Members { audience, version, .. }) =
                run.and_then(|run| run.pins).map(|pins| pins.audience)
            {
                pinned.insert((audience, version));
            }
        }
        Ok(Some(pinned))
    }
}
