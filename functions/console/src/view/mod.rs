//! What operators see. Members' phone numbers and variables are left out.

mod document;
mod dry_run;
mod preview;
mod run;
mod upload;

pub(crate) use self::document::{DocumentView, Page, RevisionView};
pub(crate) use self::dry_run::DryRunView;
pub(crate) use self::preview::PreviewView;
pub(crate) use self::run::RunView;
pub(crate) use self::upload::UploadView;
