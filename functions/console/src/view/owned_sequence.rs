//! A sequence as operators see it: with its owner.

use alimi::http::{Descriptions, SequenceView, ShownTo};
use alimi::use_cases::StoredSequence;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct OwnedSequenceView<'a> {
    #[serde(flatten)]
    sequence: SequenceView<'a>,
    owner: &'a str,
}

impl<'a> OwnedSequenceView<'a> {
    pub(crate) fn of(stored: &'a StoredSequence, descriptions: &Descriptions) -> Self {
        Self {
            sequence: SequenceView::described(stored, descriptions, ShownTo::Operator),
            owner: &stored.sequence.owner,
        }
    }
}
