//! Storing the entries of a catalog file.

use jiff::Timestamp;
use serde::Serialize;

use super::dynamo::{DynamoStore, Table};
use super::error::unusable;
use crate::domain::audience::AudienceSource;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use crate::ports::{Catalog, Changed, Document, Documents, Expected, Kind, PortError};

/// The author of the changes, in the documents' history.
const CATALOG_FILE: &str = "catalog file";

impl DynamoStore {
    /// Stores an entry, unless the stored document says the same already.
    async fn put_entry<T: Serialize>(
        &self,
        kind: Kind,
        name: &str,
        value: &T,
    ) -> Result<(), PortError> {
        let body = serde_json::to_value(value)
            .map_err(|_| unusable(Table::Catalog, "an entry cannot be written as JSON"))?;
        let known = self.document(kind, name).await?;
        if known.is_some_and(|known| known.body.as_ref() == Some(&body)) {
            return Ok(());
        }
        let document = Document {
            name: name.to_owned(),
            revision: 0,
            body: Some(body),
            changed_by: CATALOG_FILE.to_owned(),
            changed_at_ms: self.clock.now_ms(),
        };
        match self.put_document(kind, &document, Expected::Any).await? {
            Changed::Done(_) => Ok(()),
            Changed::Conflict(_) => Err(PortError::Unavailable {
                what: Table::Catalog.as_str(),
                detail: "another writer changed the document at the same time".to_owned(),
            }),
        }
    }

    pub async fn put_channel(&self, channel: &Channel) -> Result<(), PortError> {
        self.put_entry(Kind::Channel, &channel.name, channel).await
    }

    pub async fn put_template(&self, template: &Template) -> Result<(), PortError> {
        self.put_entry(Kind::Template, &template.name, template).await
    }

    /// Stores a schedule. Unless the file says when the schedule starts, the stored start is kept,
    /// and a new schedule starts now.
    pub async fn put_schedule(&self, schedule: &Schedule) -> Result<(), PortError> {
        let mut schedule = schedule.clone();
        if schedule.starts_at.is_none() {
            let known = Catalog::schedule(self, &schedule.name).await?;
            schedule.starts_at =
                known.and_then(|known| known.starts_at).or_else(|| Some(self.now()));
        }
        self.put_entry(Kind::Schedule, &schedule.name, &schedule).await
    }

    /// Stores an audience. An audience with uploaded members keeps its upload.
    pub async fn put_audience(&self, audience: &Audience) -> Result<(), PortError> {
        let mut audience = audience.clone();
        if let AudienceSource::Members { version: None, .. } = audience.source
            && let Some(known) = Catalog::audience(self, &audience.name).await?
            && matches!(known.source, AudienceSource::Members { .. })
        {
            audience.source = known.source;
        }
        self.put_entry(Kind::Audience, &audience.name, &audience).await
    }

    /// Stores the stack's sending windows.
    pub async fn put_hours(&self, hours: &HoursConfig) -> Result<(), PortError> {
        self.put_entry(Kind::Hours, Kind::STACK_HOURS, hours).await
    }

    /// The present, by the store's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default()
    }
}
