//! The pages of an uploaded audience, whose members are read by their ids.

use std::sync::Arc;

use async_trait::async_trait;

use super::pages::{AudienceError, AudiencePage, AudiencePages};
use crate::domain::audience::file::Record;
use crate::ports::Members;

/// A page begins after the id of the last member of the page before.
pub(super) struct StoredPages {
    members: Arc<dyn Members>,
    audience: String,
    version: String,
    after: Option<String>,
}

impl StoredPages {
    pub(super) fn new(
        members: Arc<dyn Members>,
        audience: &str,
        version: &str,
        after: Option<&str>,
    ) -> Self {
        Self {
            members,
            audience: audience.to_owned(),
            version: version.to_owned(),
            after: after.map(str::to_owned),
        }
    }
}

#[async_trait]
impl AudiencePages for StoredPages {
    async fn next_page(&mut self, limit: usize) -> Result<AudiencePage, AudienceError> {
        let after = self.after.as_deref();
        let page = self.members.members(&self.audience, &self.version, after, limit).await?;
        let next = page.last().filter(|_| page.len() == limit).map(|last| last.member.id.clone());
        self.after.clone_from(&next);
        let records = page
            .into_iter()
            .map(|stored| Record { line: stored.line, member: Ok(stored.member) })
            .collect();
        Ok(AudiencePage { records, next, is_cut_off: false })
    }
}
