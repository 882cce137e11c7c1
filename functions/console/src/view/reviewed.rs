//! What a review of a restored table did.

use alimi::use_cases::Reviewed;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct ReviewedView<'a> {
    examined: usize,
    moved: usize,
    unreadable: usize,
    /// The field `cursor` of the request that continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

impl<'a> ReviewedView<'a> {
    pub(crate) fn of(reviewed: &'a Reviewed) -> Self {
        let Reviewed { examined, moved, unreadable, cursor } = reviewed;
        Self {
            examined: *examined,
            moved: *moved,
            unreadable: *unreadable,
            cursor: cursor.as_deref(),
        }
    }
}
