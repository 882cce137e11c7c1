//! What operators see. Phone numbers are masked, and members' variables are left out.

mod api_key;
mod document;
mod dry_run;
mod inspected;
mod owned_sequence;
mod preview;
mod receipt_secret;
mod run;
mod upload;

pub(crate) use self::api_key::{ApiKeyView, ListedKeyView};
pub(crate) use self::document::{DocumentView, Page, RevisionView};
pub(crate) use self::dry_run::DryRunView;
pub(crate) use self::inspected::InspectedView;
pub(crate) use self::owned_sequence::OwnedSequenceView;
pub(crate) use self::preview::PreviewView;
pub(crate) use self::receipt_secret::ReceiptSecretView;
pub(crate) use self::run::RunView;
pub(crate) use self::upload::UploadView;
