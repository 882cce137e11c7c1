//! The content of a catalog document, by its kind.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::{Audience, Channel, HoursConfig, Producer, Schedule, Template};
use crate::ports::{Document, Kind, PortError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Channel(Channel),
    Template(Template),
    Schedule(Schedule),
    Audience(Audience),
    /// The windows of the whole stack.
    Hours(HoursConfig),
    Producer(Producer),
}

impl Entry {
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Channel(_) => Kind::Channel,
            Self::Template(_) => Kind::Template,
            Self::Schedule(_) => Kind::Schedule,
            Self::Audience(_) => Kind::Audience,
            Self::Hours(_) => Kind::Hours,
            Self::Producer(_) => Kind::Producer,
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Channel(channel) => &channel.name,
            Self::Template(template) => &template.name,
            Self::Schedule(schedule) => &schedule.name,
            Self::Audience(audience) => &audience.name,
            Self::Hours(_) => Kind::STACK_HOURS,
            Self::Producer(producer) => &producer.name,
        }
    }

    /// The content as it is stored.
    ///
    /// # Errors
    /// [`PortError::Unusable`]; never for content that was read from JSON.
    pub fn body(&self) -> Result<Value, PortError> {
        fn value<T: Serialize>(content: &T) -> Result<Value, PortError> {
            serde_json::to_value(content)
                .map_err(|error| PortError::Unusable { what: SERVICE, detail: error.to_string() })
        }
        match self {
            Self::Channel(channel) => value(channel),
            Self::Template(template) => value(template),
            Self::Schedule(schedule) => value(schedule),
            Self::Audience(audience) => value(audience),
            Self::Hours(hours) => value(hours),
            Self::Producer(producer) => value(producer),
        }
    }
}

const SERVICE: &str = "the catalog";

/// Reads a document's content as its kind.
///
/// # Errors
/// [`PortError::Unusable`].
pub fn read<T: DeserializeOwned>(document: &Document) -> Result<T, PortError> {
    let body = document.body.clone().unwrap_or_default();
    serde_json::from_value(body).map_err(|_| PortError::Unusable {
        what: SERVICE,
        detail: format!("the document {} does not decode as its kind", document.name),
    })
}
