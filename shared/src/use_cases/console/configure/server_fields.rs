//! The fields that the server sets: when a schedule started, and which upload an audience has.

use jiff::Timestamp;

use super::entry::{Entry, read};
use crate::domain::audience::AudienceSource;
use crate::domain::{Audience, FieldError, Schedule};
use crate::ports::Document;

impl Entry {
    /// Fills in the fields that the server sets.
    ///
    /// # Errors
    /// Names the field for which the operator asks for another value.
    pub(super) fn keep_server_fields(
        &mut self,
        current: Option<&Document>,
        now: Timestamp,
    ) -> Result<(), FieldError> {
        match self {
            Self::Schedule(schedule) => {
                let known = current.and_then(|current| read::<Schedule>(current).ok());
                keep_start(schedule, known.and_then(|known| known.starts_at), now)
            }
            Self::Audience(audience) => {
                let known = current.and_then(|current| read::<Audience>(current).ok());
                keep_upload(audience, known.map(|known| known.source))
            }
            Self::Channel(_) | Self::Template(_) | Self::Hours(_) => Ok(()),
        }
    }
}

/// A rate counts from the first save: another start would move every later time.
fn keep_start(
    schedule: &mut Schedule,
    known: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), FieldError> {
    if schedule.starts_at.is_some() && schedule.starts_at != known {
        let must = match known {
            Some(known) => {
                format!("must be left out, or stay {known}, when the schedule was first saved")
            }
            None => "must be left out: it is set when the schedule is first saved".to_owned(),
        };
        return Err(FieldError::new("starts_at", must));
    }
    schedule.starts_at = known.or(Some(now));
    Ok(())
}

/// Only a complete upload sets the version and the size.
fn keep_upload(audience: &mut Audience, known: Option<AudienceSource>) -> Result<(), FieldError> {
    let AudienceSource::Members { version, size } = &mut audience.source else { return Ok(()) };
    let (known_version, known_size) = match known {
        Some(AudienceSource::Members { version, size }) => (version, size),
        Some(AudienceSource::S3 { .. }) | None => (None, 0),
    };
    let must = "must be left out, or stay as it is: uploading members sets it";
    if version.is_some() && *version != known_version {
        return Err(FieldError::new("source.version", must));
    }
    if *size != 0 && *size != known_size {
        return Err(FieldError::new("source.size", must));
    }
    (*version, *size) = (known_version, known_size);
    Ok(())
}
