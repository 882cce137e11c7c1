//! What a schedule will do, what a run would do, and what runs have done.

use alimi::domain::audience::{AudienceSource, PinnedAudience};
use alimi::domain::run::RunStatus;
use alimi::domain::{Audience, FieldError, Schedule};
use alimi::http::Problem;
use alimi::ports::{FileState, Kind, PortError};
use alimi::use_cases::NotRun;
use alimi::use_cases::audience::AudienceError;
use alimi::use_cases::console::configure::check::scheduled_hours;
use alimi::use_cases::console::forecast::{Warning, forecast};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::documents::find;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::query::Parameters;
use crate::view::{AudienceView, DryRunView, Page, PreviewView, RunView};

/// Among so many of the latest runs a finished one is searched for.
const LATEST_RUNS: usize = 10;

pub(crate) async fn preview(
    State(console): State<ConsoleFunction>,
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
        AudienceFile::Found(state) => estimate(&console, &schedule.name, &audience, state).await?,
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
        AudienceFile::Found(state) => Some(state.bytes),
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
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let parameters = Parameters::of(&request, &["after"])?;
    let after = parameters.text("after").filter(|after| !after.is_empty()).map(str::to_owned);
    let name = known_name(Kind::Schedule, name)?;
    match console.dry_run.dry_run(&name, after).await {
        Ok(report) => Ok(Json(DryRunView::of(&report)).into_response()),
        Err(NotRun::Missing) => Err(no_such_document(Kind::Schedule)),
        Err(NotRun::Invalid(error)) => Err(Problem::invalid(error)),
        Err(NotRun::Port(error)) => Err(Problem::unavailable(&error)),
    }
}

pub(crate) async fn runs(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    let limit = Parameters::of(&request, &["limit"])?.limit()?;
    // The runs of a deleted schedule are kept.
    let name = known_name(Kind::Schedule, name)?;
    let runs = console.runs.runs(&name, limit).await?;
    if runs.is_empty() {
        find(&console, Kind::Schedule, &name).await?;
    }
    let items = runs.iter().map(RunView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}

async fn schedule(console: &ConsoleFunction, name: Name) -> Result<Schedule, Problem> {
    let name = known_name(Kind::Schedule, name)?;
    let found = console.catalog.schedule(&name).await?;
    found.ok_or_else(|| no_such_document(Kind::Schedule))
}

/// The file of an audience.
#[derive(PartialEq, Eq)]
enum AudienceFile {
    /// The members were uploaded.
    None,
    Found(FileState),
    /// The file does not exist, or this stack may not read it.
    Missing,
}

/// About how many recipients a file has: the result of the last run with the file, or else an
/// estimate from the file's first part.
async fn estimate(
    console: &ConsoleFunction,
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
        // A dry run tells the operator why.
        Err(AudienceError::Unreadable(_)) => Ok(None),
    }
}

/// How many messages the schedule's last finished run has stored, if it read the same content of
/// the same file.
async fn size_of_last_run(
    console: &ConsoleFunction,
    schedule: &str,
    file: &PinnedAudience,
) -> Result<Option<u64>, Problem> {
    let runs = console.runs.runs(schedule, LATEST_RUNS).await?;
    let last = runs.iter().find(|run| {
        run.status == RunStatus::Finished
            && run.pins.as_ref().is_some_and(|pins| pins.audience == *file)
    });
    // A count of 0 is not used: its cause, such as the template, may have changed since.
    Ok(last.map(|run| run.counts.stored).filter(|&stored| stored > 0))
}

/// How many members an audience has, if that is known without reading them, and its file.
async fn size(
    console: &ConsoleFunction,
    audience: &Audience,
) -> Result<(Option<u64>, AudienceFile), Problem> {
    match &audience.source {
        AudienceSource::Members { size, .. } => Ok((Some(*size), AudienceFile::None)),
        AudienceSource::S3 { bucket, key, .. } => {
            match console.files.file_state(bucket, key).await {
                Ok(Some(state)) => Ok((None, AudienceFile::Found(state))),
                Ok(None) | Err(PortError::Corrupt { .. }) => Ok((None, AudienceFile::Missing)),
                Err(error @ PortError::Unavailable { .. }) => Err(error.into()),
            }
        }
    }
}
