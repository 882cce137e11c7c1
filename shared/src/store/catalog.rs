//! The catalog as the functions read it, and as catalog files write it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DynamoStore, Item, corrupt, text, unavailable};
use crate::domain::audience::AudienceSource;
use crate::domain::channel::is_name;
use crate::domain::{Audience, Channel, HoursConfig, Schedule, Template};
use crate::ports::scheduling::{Changed, Document, Documents, Expected, Kind};
use crate::ports::{Catalog, PortError};

const WHAT: &str = "the catalog table";

/// Who changed what came from a catalog file.
const CATALOG_FILE: &str = "catalog file";

impl DynamoStore {
    async fn entry<T: DeserializeOwned>(
        &self,
        kind: Kind,
        name: &str,
    ) -> Result<Option<T>, PortError> {
        // What cannot be a name is nobody's, and DynamoDB would refuse some of it as a key.
        if !is_name(name) {
            return Ok(None);
        }
        self.catalog_item(kind.as_str(), name).await?.map(document).transpose()
    }

    /// Stores what a catalog file says, unless that is what is stored already.
    async fn put_entry<T: Serialize>(
        &self,
        kind: Kind,
        name: &str,
        value: &T,
    ) -> Result<(), PortError> {
        let body = serde_json::to_value(value).map_err(|_| corrupt(WHAT, "it does not decode"))?;
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
            Changed::Lost(_) => {
                Err(PortError::Unavailable { what: WHAT, detail: "it is contended".to_owned() })
            }
        }
    }

    /// Stores a channel of a catalog file, new or changed.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn put_channel(&self, channel: &Channel) -> Result<(), PortError> {
        self.put_entry(Kind::Channel, &channel.name, channel).await
    }

    /// Stores a template of a catalog file, new or changed.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn put_template(&self, template: &Template) -> Result<(), PortError> {
        self.put_entry(Kind::Template, &template.name, template).await
    }

    /// Stores a schedule of a catalog file, new or changed. Unless the file says when it starts,
    /// it keeps its start, or starts now.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn put_schedule(&self, schedule: &Schedule) -> Result<(), PortError> {
        let mut schedule = schedule.clone();
        if schedule.starts_at.is_none() {
            let known = Catalog::schedule(self, &schedule.name).await?;
            schedule.starts_at =
                known.and_then(|known| known.starts_at).or_else(|| Some(self.now()));
        }
        self.put_entry(Kind::Schedule, &schedule.name, &schedule).await
    }

    /// Stores an audience of a catalog file, new or changed. Members that were uploaded stay.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
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

    /// Stores the stack's sending windows as a catalog file has them.
    ///
    /// # Errors
    /// [`PortError::Unavailable`].
    pub async fn put_hours(&self, hours: &HoursConfig) -> Result<(), PortError> {
        self.put_entry(Kind::Hours, Kind::STACK_HOURS, hours).await
    }

    /// The time that the store goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now_ms()).unwrap_or_default()
    }
}

fn document<T: DeserializeOwned>(mut item: Item) -> Result<T, PortError> {
    let document = item.remove("document").ok_or_else(|| corrupt(WHAT, "no document"))?;
    serde_dynamo::from_attribute_value(document).map_err(|_| corrupt(WHAT, "it does not decode"))
}

#[async_trait]
impl Catalog for DynamoStore {
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError> {
        self.entry(Kind::Channel, name).await
    }

    async fn template(&self, name: &str) -> Result<Option<Template>, PortError> {
        self.entry(Kind::Template, name).await
    }

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError> {
        self.entry(Kind::Schedule, name).await
    }

    async fn audience(&self, name: &str) -> Result<Option<Audience>, PortError> {
        self.entry(Kind::Audience, name).await
    }

    async fn hours(&self) -> Result<HoursConfig, PortError> {
        Ok(self.entry(Kind::Hours, Kind::STACK_HOURS).await?.unwrap_or_default())
    }

    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.catalog)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text(Kind::Channel.as_str()))
            .into_paginator()
            .items()
            .send();
        let mut channels = Vec::new();
        while let Some(item) = pages.next().await {
            channels.push(document(item.map_err(|error| unavailable(WHAT, &error))?)?);
        }
        Ok(channels)
    }
}
