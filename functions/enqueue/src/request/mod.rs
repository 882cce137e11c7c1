//! The JSON bodies that producers send.

mod notification;
mod recipient;
mod sequence;
mod variables;

pub(crate) use self::notification::{BULK_MAX, NotificationRequest};
pub(crate) use self::sequence::SequenceRequest;
