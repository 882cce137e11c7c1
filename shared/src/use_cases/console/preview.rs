//! What a schedule will do: when it fires, for how many recipients, and what will go wrong.

use std::sync::Arc;

use jiff::Timestamp;

use super::configure::check::scheduled_hours;
use super::forecast::{Forecast, Warning, forecast};
use crate::domain::audience::{AudienceSource, PinnedAudience};
use crate::domain::hours::Hours;
use crate::domain::run::RunStatus;
use crate::domain::{Audience, Channel, FieldError, Schedule};
use crate::ports::{Catalog, Clock, FileState, PortError, Runs};
use crate::use_cases::audience::{AudienceError, Audiences};

/// How many of the latest runs are searched for a complete one.
const LATEST_RUNS: usize = 10;

#[derive(Clone)]
pub struct PreviewSchedule {
    pub catalog: Arc<dyn Catalog>,
    pub audiences: Audiences,
    pub runs: Arc<dyn Runs>,
    pub clock: Arc<dyn Clock>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub schedule: Schedule,
    /// The channel that the schedule's messages leave over.
    pub channel: Channel,
    /// The hours of the schedule's messages.
    pub hours: Hours,
    pub forecast: Forecast,
    /// How many recipients the audience has; `None` when that is not known.
    pub size: Option<u64>,
    /// The size is that of the file's last run, or an estimate from the file's first part.
    pub is_size_estimated: bool,
    /// The length of the audience's file.
    pub file_bytes: Option<u64>,
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum NotPreviewed {
    #[error("there is no such schedule")]
    Missing,
    /// The template, the channel or the audience of the schedule is missing.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// A retry may succeed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// The file of an audience.
#[derive(PartialEq, Eq)]
enum AudienceFile {
    /// The members were uploaded, so there is no file.
    Uploaded,
    Found(FileState),
    /// The file does not exist, or this stack may not read it.
    Missing,
}

impl PreviewSchedule {
    pub async fn preview(&self, schedule: &str) -> Result<Preview, NotPreviewed> {
        let found = self.catalog.schedule(schedule).await?;
        let schedule = found.ok_or(NotPreviewed::Missing)?;
        let template = self.catalog.template(&schedule.template).await?;
        let template = template.ok_or_else(|| gone("template", &schedule.template))?;
        let template = template.document;
        let channel = &template.variant(schedule.channel.as_deref())?.channel;
        let channel =
            self.catalog.channel(channel).await?.ok_or_else(|| gone("channel", channel))?;
        let audience = self.catalog.audience(&schedule.audience).await?;
        let audience = audience.ok_or_else(|| gone("audience", &schedule.audience))?;

        let (known_size, file) = self.known_size(&audience).await?;
        let estimate = match &file {
            AudienceFile::Found(state) => self.estimate(&schedule.name, &audience, state).await?,
            AudienceFile::Uploaded | AudienceFile::Missing => None,
        };
        let size = known_size.or(estimate);
        let hours = scheduled_hours(&template, &channel, &self.catalog.hours().await?);
        let now = Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default();
        let mut forecast = forecast(&schedule, &channel, hours, size, now);
        if file == AudienceFile::Missing {
            forecast.warnings.push(Warning::FileMissing);
        }
        let file_bytes = match file {
            AudienceFile::Uploaded | AudienceFile::Missing => None,
            AudienceFile::Found(state) => Some(state.bytes),
        };
        let is_size_estimated = estimate.is_some();
        Ok(Preview { schedule, channel, hours, forecast, size, is_size_estimated, file_bytes })
    }

    /// How many members an audience has, if that is known without reading them, and its file.
    async fn known_size(
        &self,
        audience: &Audience,
    ) -> Result<(Option<u64>, AudienceFile), PortError> {
        match &audience.source {
            AudienceSource::Members { size, .. } => Ok((Some(*size), AudienceFile::Uploaded)),
            AudienceSource::S3 { bucket, key, .. } => {
                match self.audiences.files.file_state(bucket, key).await {
                    Ok(Some(state)) => Ok((None, AudienceFile::Found(state))),
                    Ok(None) | Err(PortError::Unusable { .. }) => Ok((None, AudienceFile::Missing)),
                    Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                        Err(error)
                    }
                }
            }
        }
    }

    /// About how many recipients a file has: the result of the last run with the file, or else an
    /// estimate from the file's first part.
    async fn estimate(
        &self,
        schedule: &str,
        audience: &Audience,
        state: &FileState,
    ) -> Result<Option<u64>, PortError> {
        let AudienceSource::S3 { bucket, key, format } = &audience.source else { return Ok(None) };
        let pinned = PinnedAudience::S3 {
            bucket: bucket.clone(),
            key: key.clone(),
            format: *format,
            etag: state.etag.clone(),
            bytes: state.bytes,
        };
        if let Some(stored) = self.size_of_last_run(schedule, &pinned).await? {
            return Ok(Some(stored));
        }
        match self.audiences.estimate(&pinned).await {
            Ok(estimate) => Ok(estimate),
            Err(AudienceError::Port(error)) => Err(error),
            // A dry run tells the operator why.
            Err(AudienceError::Unreadable(_)) => Ok(None),
        }
    }

    /// How many messages the schedule's last complete run has stored, if it read the same content
    /// of the same file.
    async fn size_of_last_run(
        &self,
        schedule: &str,
        file: &PinnedAudience,
    ) -> Result<Option<u64>, PortError> {
        let runs = self.runs.runs(schedule, LATEST_RUNS).await?;
        let last = runs.iter().find(|run| {
            matches!(run.status, RunStatus::Sending | RunStatus::Finished)
                && run.pins.as_ref().is_some_and(|pins| pins.audience == *file)
        });
        // A count of 0 is not used: its cause, such as the template, may have changed since.
        Ok(last.map(|run| run.counts.stored).filter(|&stored| stored > 0))
    }
}

fn gone(field: &str, name: &str) -> FieldError {
    let must =
        format!("there is no {field} {name:?} any more; store it again, or change the schedule");
    FieldError::new(field, must)
}
