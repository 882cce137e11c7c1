//! A record of what somebody did.

use std::collections::BTreeMap;

use alimi::domain::AuditRecord;
use jiff::Timestamp;
use serde::Serialize;

use super::document::time;

#[derive(Serialize)]
pub(crate) struct AuditRecordView<'a> {
    at: Option<Timestamp>,
    request_id: &'a str,
    actor: &'a str,
    action: &'a str,
    subject: &'a BTreeMap<String, String>,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl<'a> AuditRecordView<'a> {
    pub(crate) fn of(record: &'a AuditRecord) -> Self {
        Self {
            at: time(record.at_ms),
            request_id: &record.request_id,
            actor: &record.actor,
            action: &record.action,
            subject: &record.subject,
            result: record.result(),
            status: record.status,
        }
    }
}
