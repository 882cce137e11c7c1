//! What a run would do.

use alimi::domain::audience::file::BadLine;
use alimi::use_cases::DryRunReport;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct DryRunView<'a> {
    scheduled_at: Timestamp,
    members: u64,
    sendable: u64,
    invalid: u64,
    duplicate: u64,
    faults: &'a [BadLine],
    /// The audience was read to its end.
    complete: bool,
    /// The parameter `after` of the request that continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl<'a> DryRunView<'a> {
    pub(crate) fn of(report: &'a DryRunReport) -> Self {
        Self {
            scheduled_at: report.scheduled_at,
            members: report.members,
            sendable: report.sendable,
            invalid: report.invalid,
            duplicate: report.duplicate,
            faults: &report.faults,
            complete: report.next.is_none(),
            next: report.next.as_deref(),
        }
    }
}
