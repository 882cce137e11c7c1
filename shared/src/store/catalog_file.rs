//! Storing the entries of a catalog file.

use jiff::Timestamp;
use serde::Serialize;

use super::dynamo::{DynamoStore, Table};
use super::error::unusable;
use crate::domain::audience::AudienceSource;
use crate::domain::{Audience, Channel, HoursConfig, Producer, ReceiptSecret, Schedule, Template};
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
        let known = self.document(kind, name).await?;
        self.put_over(kind, name, value, known).await
    }

    /// Stores an entry in place of the `known` document, unless that says the same already.
    async fn put_over<T: Serialize>(
        &self,
        kind: Kind,
        name: &str,
        value: &T,
        known: Option<Document>,
    ) -> Result<(), PortError> {
        let body = serde_json::to_value(value)
            .map_err(|_| unusable(Table::Catalog, "an entry cannot be written as JSON"))?;
        let expected =
            known.as_ref().map_or(Expected::Absent, |known| Expected::Revision(known.revision));
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
        match self.put_document(kind, &document, expected).await? {
            Changed::Done(_) => Ok(()),
            Changed::Conflict(_) => Err(PortError::Unavailable {
                what: Table::Catalog.as_str(),
                detail: "another writer changed the document at the same time".to_owned(),
            }),
        }
    }

    /// Stores a channel. The server makes the secrets of a channel's webhook, so a file cannot name
    /// them: those of the stored channel are kept.
    pub async fn put_channel(&self, channel: &Channel) -> Result<(), PortError> {
        let known = self.document(Kind::Channel, &channel.name).await?;
        let mut channel = channel.clone();
        if channel.receipt_secrets.is_empty() {
            channel.receipt_secrets = receipt_secrets(known.as_ref());
        }
        self.put_over(Kind::Channel, &channel.name, &channel, known).await
    }

    /// Stores a producer. The server makes the API keys of a producer, so a file cannot name them:
    /// those of the stored producer are kept.
    ///
    /// # Errors
    /// [`PortError::Unusable`] when the stored keys cannot be read: without them, the service would be
    /// locked out.
    pub async fn put_producer(&self, producer: &Producer) -> Result<(), PortError> {
        let known = self.document(Kind::Producer, &producer.name).await?;
        let mut producer = producer.clone();
        let stored = known.as_ref().and_then(|known| known.body.as_ref()?.get("keys"));
        if let Some(stored) = stored.filter(|_| producer.keys.is_empty()) {
            producer.keys = serde_json::from_value(stored.clone()).map_err(|_| {
                unusable(Table::Catalog, "the API keys of a producer do not decode")
            })?;
        }
        self.put_over(Kind::Producer, &producer.name, &producer, known).await
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

/// The webhook's secrets of a stored channel, also when the rest of the document cannot be read.
fn receipt_secrets(channel: Option<&Document>) -> Vec<ReceiptSecret> {
    let secrets = channel
        .and_then(|channel| channel.body.as_ref())
        .and_then(|body| body.get("receipt_secrets"));
    secrets.and_then(|secrets| serde_json::from_value(secrets.clone()).ok()).unwrap_or_default()
}
