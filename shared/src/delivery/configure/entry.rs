//! What a document of the catalog says, by its kind.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::delivery::FieldError;
use crate::domain::audience::AudienceSource;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use crate::ports::PortError;
use crate::ports::scheduling::{Document, Kind};

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A channel.
    Channel(Channel),
    /// A template.
    Template(Template),
    /// A schedule.
    Schedule(Schedule),
    /// An audience's head.
    Audience(Audience),
    /// The stack's windows.
    Hours(HoursConfig),
}

impl Entry {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Channel(_) => Kind::Channel,
            Self::Template(_) => Kind::Template,
            Self::Schedule(_) => Kind::Schedule,
            Self::Audience(_) => Kind::Audience,
            Self::Hours(_) => Kind::Hours,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Channel(channel) => &channel.name,
            Self::Template(template) => &template.name,
            Self::Schedule(schedule) => &schedule.name,
            Self::Audience(audience) => &audience.name,
            Self::Hours(_) => Kind::STACK_HOURS,
        }
    }

    /// As it is stored.
    ///
    /// # Errors
    /// [`PortError::Corrupt`], which does not happen to what was read from JSON.
    pub fn body(&self) -> Result<Value, PortError> {
        fn value<T: Serialize>(of: &T) -> Result<Value, PortError> {
            serde_json::to_value(of)
                .map_err(|error| PortError::Corrupt { what: WHAT, detail: error.to_string() })
        }
        match self {
            Self::Channel(channel) => value(channel),
            Self::Template(template) => value(template),
            Self::Schedule(schedule) => value(schedule),
            Self::Audience(audience) => value(audience),
            Self::Hours(hours) => value(hours),
        }
    }

    /// Fills in what the server keeps: when a schedule started, and which upload an audience has.
    ///
    /// # Errors
    /// Names the field that asks for something else.
    pub(super) fn keep_own(
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

const WHAT: &str = "the catalog";

/// What a document says, as its kind has it.
///
/// # Errors
/// [`PortError::Corrupt`].
pub fn read<T: DeserializeOwned>(document: &Document) -> Result<T, PortError> {
    let body = document.body.clone().unwrap_or_default();
    serde_json::from_value(body).map_err(|_| PortError::Corrupt {
        what: WHAT,
        detail: format!("{} is not what its kind must be", document.name),
    })
}

/// A `rate` counts from the first save on: moving its start would move every time after it.
fn keep_start(
    schedule: &mut Schedule,
    known: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), FieldError> {
    if schedule.starts_at.is_some() && schedule.starts_at != known {
        let must = match known {
            Some(known) => {
                format!("must be left out, or stay {known}: it is when it was first saved")
            }
            None => "must be left out: it is set when the schedule is first saved".to_owned(),
        };
        return Err(FieldError::new("starts_at", must));
    }
    schedule.starts_at = known.or(Some(now));
    Ok(())
}

/// Only an upload that is complete may say which one holds.
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
