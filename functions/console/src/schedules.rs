//! What a schedule will do, would do, and has done.

use alimi::delivery::audience::AudienceError;
use alimi::delivery::configure::check::scheduled_hours;
use alimi::delivery::forecast::{Warning, forecast};
use alimi::delivery::{FieldError, NotRun};
use alimi::domain::audience::{AudienceSource, PinnedAudience};
use alimi::domain::run::RunStatus;
use alimi::domain::{Audience, Schedule};
use alimi::http::Problem;
use alimi::ports::PortError;
use alimi::ports::scheduling::{FileState, Kind};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::documents::{find, known_name};
use crate::query::Parameters;
use crate::view::{AudienceView, DryRunView, Page, PreviewView, RunView};
use crate::{Console, Name};

pub(crate) async fn preview(
    State(console): State<Console>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let schedule = schedule(&console, name).await?;
    let gone = |field: &str, name: &str| {
        Problem::invalid(FieldError::new(field, format!("there is no {field} {name:?} any more")))
    };
    let template = console.catalog.template(&schedule.template).await?;
    let template = template.ok_or_else(|| gone("template", &schedule.template))?;
    let channel = console.catalog.channel(&template.channel).await?;
    let channel = channel.ok_or_else(|| gone("channel", &template.channel))?;
    let audience = console.catalog.audience(&schedule.audience).await?;
    let audience = audience.ok_or_else(|| gone("audience", &schedule.audience))?;

    let (known_size, file) = size(&console, &audience).await?;
    let estimate = match &file {
        AudienceFile::There(state) => estimate(&console, &schedule.name, &audience, state).await?,
        AudienceFile::None | AudienceFile::Missing => None,
    };
    let size = known_size.or(estimate);
    let hours = scheduled_hours(&template, &channel, &console.catalog.hours().await?);
    let now = Timestamp::from_millisecond(console.clock.now_ms()).unwrap_or_default();
    let mut forecast = forecast(&schedule, &channel, hours, size, now);
    if file == AudienceFile::Missing {
        forecast.warnings.push(Warning::FileMissing);
    }
    let bytes = match file {
        AudienceFile::None | AudienceFile::Missing => None,
        AudienceFile::There(state) => Some(state.bytes),
    };
    let audience = AudienceView {
        name: &schedule.audience,
        size,
        size_is_estimate: estimate.is_some(),
        bytes,
    };
    Ok(Json(PreviewView::of(&schedule, &channel, hours, &forecast, audience)).into_response())
}

pub(crate) async fn dry_run(
    State(console): State<Console>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let parameters = Parameters::of(&request, &["after"])?;
    let after = parameters.text("after").filter(|after| !after.is_empty()).map(str::to_owned);
    let name = known_name(Kind::Schedule, name)?;
    match console.dry_run.dry_run(&name, after).await {
        Ok(report) => Ok(Json(DryRunView::of(&report)).into_response()),
        Err(NotRun::Missing) => {
            Err(Problem::not_found("name", "there is no schedule of this name"))
        }
        Err(NotRun::Invalid(error)) => Err(Problem::invalid(error)),
        Err(NotRun::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

pub(crate) async fn runs(
    State(console): State<Console>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let limit = Parameters::of(&request, &["limit"])?.limit()?;
    // A schedule that was deleted keeps its runs.
    let name = known_name(Kind::Schedule, name)?;
    let runs = console.runs.runs(&name, limit).await?;
    if runs.is_empty() {
        find(&console, Kind::Schedule, &name).await?;
    }
    let items = runs.iter().map(RunView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}

async fn schedule(console: &Console, name: Name) -> Result<Schedule, Problem> {
    let name = known_name(Kind::Schedule, name)?;
    let found = console.catalog.schedule(&name).await?;
    found.ok_or_else(|| Problem::not_found("name", "there is no schedule of this name"))
}

/// The file behind an audience.
#[derive(PartialEq, Eq)]
enum AudienceFile {
    /// Its members were uploaded.
    None,
    There(FileState),
    /// It is not there, or may not be read.
    Missing,
}

/// Runs among which a finished one is looked for.
const LAST_RUNS: usize = 10;

/// About how many recipients a file has: what the latest run over it came to, or else what its
/// first part tells.
async fn estimate(
    console: &Console,
    schedule: &str,
    audience: &Audience,
    state: &FileState,
) -> Result<Option<u64>, Problem> {
    let AudienceSource::S3 { bucket, key, format } = &audience.source else { return Ok(None) };
    let pinned = PinnedAudience::S3 {
        bucket: bucket.clone(),
        key: key.clone(),
        format: *format,
        etag: state.etag.clone(),
        bytes: state.bytes,
    };
    if let Some(stored) = size_of_last_run(console, schedule, &pinned).await? {
        return Ok(Some(stored));
    }
    match console.dry_run.audiences.estimate(&pinned).await {
        Ok(estimate) => Ok(estimate),
        Err(AudienceError::Port(error)) => Err(Problem::unavailable(&error)),
        // The dry run says why.
        Err(AudienceError::Unreadable(_)) => Ok(None),
    }
}

/// How many messages the schedule's latest finished run over this very file made.
async fn size_of_last_run(
    console: &Console,
    schedule: &str,
    file: &PinnedAudience,
) -> Result<Option<u64>, Problem> {
    let runs = console.runs.runs(schedule, LAST_RUNS).await?;
    let last = runs.iter().find(|run| {
        run.status == RunStatus::Finished
            && run.pins.as_ref().is_some_and(|pins| pins.audience == *file)
    });
    // Nobody then says nothing of now.
    Ok(last.map(|run| run.counts.stored).filter(|&stored| stored > 0))
}

/// How many members an audience has, where that is known without reading all of them.
async fn size(
    console: &Console,
    audience: &Audience,
) -> Result<(Option<u64>, AudienceFile), Problem> {
    match &audience.source {
        AudienceSource::Members { size, .. } => Ok((Some(*size), AudienceFile::None)),
        AudienceSource::S3 { bucket, key, .. } => {
            match console.files.file_state(bucket, key).await {
                Ok(Some(state)) => Ok((None, AudienceFile::There(state))),
                Ok(None) | Err(PortError::Corrupt { .. }) => Ok((None, AudienceFile::Missing)),
                Err(error @ PortError::Unavailable { .. }) => Err(error.into()),
            }
        }
    }
}
