//! What operators see. Members' phone numbers and variables are left out.

mod document;
mod dry_run;
mod page;
mod preview;
mod run;
mod time;
mod upload;

pub(crate) use self::document::{DocumentView, RevisionView};
pub(crate) use self::dry_run::DryRunView;
pub(crate) use self::page::Page;
pub(crate) use self::preview::{AudienceView, PreviewView};
pub(crate) use self::run::RunView;
pub(crate) use self::upload::UploadView;
