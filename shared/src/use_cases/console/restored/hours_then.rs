//! The sending hours that were in force in the lost period. The catalog was not restored, so its
//! history has them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::stopped::{REVISIONS_MAX, StoppedChannels};
use crate::domain::present_hours::window_class;
use crate::domain::{Channel, HoursConfig, Notification, Template, WindowClass};
use crate::ports::{Document, Documents, Kind, PortError};

/// The hours of each document that has had the same ones since the lost period began.
pub(super) struct HoursThen<'a> {
    documents: &'a dyn Documents,
    began_at_ms: i64,
    stack: Option<HoursConfig>,
    channels: BTreeMap<String, Channel>,
    templates: Mutex<HashMap<String, Option<Arc<Template>>>>,
}

impl<'a> HoursThen<'a> {
    pub(super) async fn new(
        documents: &'a dyn Documents,
        stopped: &StoppedChannels,
        began_at_ms: i64,
    ) -> Result<Self, PortError> {
        let mut stack = documents.history(Kind::Hours, Kind::STACK_HOURS, REVISIONS_MAX).await?;
        if stack.len() < REVISIONS_MAX {
            stack.push(before_the_first_revision());
        }
        let has_same_hours = |one: &Channel, other: &Channel| {
            one.window == other.window && one.timezone == other.timezone
        };
        let channels = stopped.iter().filter_map(|(name, channel)| {
            let unchanged = unchanged(&channel.revisions, began_at_ms, read, has_same_hours)?;
            Some((name.clone(), unchanged))
        });
        Ok(Self {
            documents,
            began_at_ms,
            stack: unchanged(&stack, began_at_ms, read_hours, |one, other| one == other),
            channels: channels.collect(),
            templates: Mutex::default(),
        })
    }

    /// The window class of a message in the lost period. The exempt class when its hours changed in
    /// that time, or cannot be read any more: then nothing proves that the message has not left.
    pub(super) async fn of(&self, notification: &Notification) -> Result<WindowClass, PortError> {
        let template = self.template(&notification.template).await?;
        let channel = self.channels.get(&notification.channel);
        let (Some(template), Some(channel), Some(stack)) = (template, channel, &self.stack) else {
            return Ok(WindowClass::EXEMPT);
        };
        let origin = notification.origin();
        let class = window_class(&template, channel, stack, origin, &notification.recipient);
        Ok(class.unwrap_or(WindowClass::EXEMPT))
    }

    async fn template(&self, name: &str) -> Result<Option<Arc<Template>>, PortError> {
        let mut templates = self.templates.lock().await;
        if let Some(known) = templates.get(name) {
            return Ok(known.clone());
        }
        let revisions = self.documents.history(Kind::Template, name, REVISIONS_MAX).await?;
        let has_same_hours = |one: &Template, other: &Template| {
            one.window == other.window && one.category == other.category
        };
        let template = unchanged(&revisions, self.began_at_ms, read, has_same_hours).map(Arc::new);
        templates.insert(name.to_owned(), template.clone());
        Ok(template)
    }
}

/// The newest value of a document whose hours have not changed since the lost period began; `None`
/// when they have, or when nobody can tell. `revisions` are newest first.
fn unchanged<T>(
    revisions: &[Document],
    began_at_ms: i64,
    read: impl Fn(&Document) -> Option<T>,
    has_same_hours: impl Fn(&T, &T) -> bool,
) -> Option<T> {
    let mut newest: Option<T> = None;
    for revision in revisions {
        let value = read(revision)?;
        if newest.as_ref().is_some_and(|newest| !has_same_hours(newest, &value)) {
            return None;
        }
        newest.get_or_insert(value);
        // This revision was in force when the lost period began.
        if revision.changed_at_ms < began_at_ms {
            return newest;
        }
    }
    None
}

/// `None` for a deletion, and for a revision that this version of the code cannot read.
fn read<T: DeserializeOwned>(revision: &Document) -> Option<T> {
    serde_json::from_value(revision.body.clone()?).ok()
}

/// Without a document the defaults are in force.
fn read_hours(revision: &Document) -> Option<HoursConfig> {
    if revision.body.is_none() { Some(HoursConfig::default()) } else { read(revision) }
}

fn before_the_first_revision() -> Document {
    Document {
        name: Kind::STACK_HOURS.to_owned(),
        revision: 0,
        body: None,
        changed_by: String::new(),
        changed_at_ms: i64::MIN,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const BEGAN_AT_MS: i64 = 1_000;

    fn at(changed_at_ms: i64, body: Option<Value>) -> Document {
        let name = Kind::STACK_HOURS.to_owned();
        Document { name, revision: 1, body, changed_by: "somebody".into(), changed_at_ms }
    }

    fn hours(from: &str) -> Value {
        json!({ "scheduled": { "from": from, "to": "19:00" } })
    }

    fn known(revisions: &[Document]) -> Option<String> {
        let unchanged = unchanged(revisions, BEGAN_AT_MS, read_hours, |one, other| one == other);
        unchanged.map(|hours| hours.scheduled.to_string())
    }

    #[test]
    fn hours_that_were_set_before_the_lost_period_held_in_it() {
        let revisions = [at(999, Some(hours("09:00"))), at(10, Some(hours("08:00")))];
        assert_eq!(known(&revisions).as_deref(), Some("09:00–19:00"));
    }

    #[test]
    fn a_change_of_something_else_leaves_the_hours_known() {
        let revisions = [at(1_500, Some(hours("09:00"))), at(999, Some(hours("09:00")))];
        assert_eq!(known(&revisions).as_deref(), Some("09:00–19:00"));
    }

    #[test]
    fn hours_that_changed_in_the_lost_period_are_not_known() {
        let revisions = [at(1_000, Some(hours("09:00"))), at(999, Some(hours("08:00")))];
        assert_eq!(known(&revisions), None);
        let back = [
            at(1_600, Some(hours("09:00"))),
            at(1_500, Some(hours("08:00"))),
            at(999, Some(hours("09:00"))),
        ];
        assert_eq!(known(&back), None);
    }

    #[test]
    fn hours_are_not_known_when_the_history_does_not_reach_back() {
        assert_eq!(known(&[at(1_500, Some(hours("09:00")))]), None);
        assert_eq!(known(&[]), None);
    }

    #[test]
    fn without_a_document_the_default_hours_held() {
        let default = Some("10:00–19:00");
        assert_eq!(known(&[before_the_first_revision()]).as_deref(), default);
        assert_eq!(known(&[at(999, None)]).as_deref(), default);
        let created = [at(1_500, Some(hours("09:00"))), before_the_first_revision()];
        assert_eq!(known(&created), None);
        let created_alike = [at(1_500, Some(hours("10:00"))), before_the_first_revision()];
        assert_eq!(known(&created_alike).as_deref(), default);
    }

    #[test]
    fn a_deleted_or_unreadable_document_tells_nothing() {
        for body in [None, Some(json!({ "scheduled": 7 }))] {
            let revisions = [at(999, body)];
            let unchanged = unchanged(&revisions, BEGAN_AT_MS, read::<HoursConfig>, |_, _| true);
            assert!(unchanged.is_none());
        }
    }
}
