//! Looks up stored documents.

use serde::de::DeserializeOwned;

use super::ConfigureCatalog;
use super::entry::read;
use crate::domain::{Schedule, Template};
use crate::ports::{Kind, PortError};

/// How many documents are read at a time.
const PAGE: usize = 100;

impl ConfigureCatalog {
    /// The documents that name this one, in words.
    pub(super) async fn users(&self, kind: Kind, name: &str) -> Result<Vec<String>, PortError> {
        Ok(match kind {
            Kind::Channel => self
                .all::<Template>(Kind::Template)
                .await?
                .into_iter()
                .filter(|template| template.channels().any(|channel| channel == name))
                .map(|template| format!("the template {}", template.name))
                .collect(),
            Kind::Template | Kind::Audience | Kind::Producer => self
                .all::<Schedule>(Kind::Schedule)
                .await?
                .into_iter()
                .filter(|schedule| match kind {
                    Kind::Template => schedule.template == name,
                    Kind::Audience => schedule.audience == name,
                    Kind::Producer => schedule.producer.as_deref() == Some(name),
                    Kind::Channel | Kind::Schedule | Kind::Hours => false,
                })
                .map(|schedule| format!("the schedule {}", schedule.name))
                .collect(),
            Kind::Schedule | Kind::Hours => vec![],
        })
    }

    /// Every document of a kind. A document that cannot be read, such as one of a newer version, is
    /// reported and left out: it must not stop the changes of all others.
    pub(super) async fn all<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<T>, PortError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.documents.documents(kind, after.as_deref(), PAGE).await?;
            after = page.last().map(|last| last.name.clone());
            for document in &page {
                match read(document) {
                    Ok(content) => all.push(content),
                    Err(error) => tracing::error!(
                        kind = kind.as_str(),
                        name = document.name,
                        %error,
                        "a document cannot be read; the checks leave it out"
                    ),
                }
            }
            if page.len() < PAGE {
                return Ok(all);
            }
        }
    }
}
