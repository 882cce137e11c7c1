//! What an upload has stored.

use alimi::domain::audience::file::BadLine;
use alimi::use_cases::UploadReport;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct UploadView<'a> {
    members: u64,
    bad_lines: &'a [BadLine],
    bad_line_count: u64,
    duplicate: u64,
    version: &'a str,
    committed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    next_line: u64,
}

impl<'a> UploadView<'a> {
    pub(crate) fn of(report: &'a UploadReport) -> Self {
        Self {
            members: report.members,
            bad_lines: &report.bad_lines,
            bad_line_count: report.bad_line_count,
            duplicate: report.duplicate,
            version: &report.version,
            committed: report.committed,
            size: report.size,
            next_line: report.next_line,
        }
    }
}
