//! Takes uploads of an audience's members: a file in one request, or in parts.
//!
//! Each upload is a version of its own. The audience names an upload only once the upload is
//! complete: a run keeps reading the version that it began with, and an upload that is cut short
//! changes nothing. Every step can be repeated. A member is stored under its line: a repeated
//! request finds its own members, and another line with the same id is a duplicate. A part is
//! recorded as stored when all of its members are. An upload is complete when its parts leave no
//! line out.
//!
//! Memory holds one request's body and the members that are being stored.

mod body;
mod members;
mod parts;
mod report;
mod request;
mod steps;

use std::sync::Arc;

pub use self::report::{NotUploaded, UploadReport};
pub use self::request::{LINES_MAX, PartPlace, UploadRequest};
use crate::ports::{Clock, Documents, Members, Uploads};

#[derive(Clone)]
pub struct UploadMembers {
    /// The audiences' documents.
    pub documents: Arc<dyn Documents>,
    pub members: Arc<dyn Members>,
    /// The records of uploads and of their parts.
    pub uploads: Arc<dyn Uploads>,
    pub clock: Arc<dyn Clock>,
}
