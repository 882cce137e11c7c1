//! What operators see. Phone numbers are masked, and members' variables are left out.

mod audit_record;
mod dead_letter;
mod document;
mod dry_run;
mod file_place;
mod preview;
mod receipt_secret;
mod record;
mod reviewed;
mod run;
mod text;
mod upload;
mod why;

pub(crate) use self::audit_record::AuditRecordView;
pub(crate) use self::dead_letter::{DeadLetterView, RedrivenEdgeView};
pub(crate) use self::document::{DocumentView, Page, RevisionView, time};
pub(crate) use self::dry_run::DryRunView;
pub(crate) use self::file_place::FilePlaceView;
pub(crate) use self::preview::PreviewView;
pub(crate) use self::receipt_secret::ReceiptSecretView;
pub(crate) use self::record::RecordView;
pub(crate) use self::reviewed::ReviewedView;
pub(crate) use self::run::RunView;
pub(crate) use self::text::TextView;
pub(crate) use self::upload::UploadView;
pub(crate) use self::why::WhyView;
