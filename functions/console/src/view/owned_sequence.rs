//! A sequence as operators see it: with its owner.

use alimi::http::SequenceView;
use alimi::use_cases::StoredSequence;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct OwnedSequenceView<'a> {
    #[serde(flatten)]
    sequence: SequenceView<'a>,
    owner: &'a str,
}

impl<'a> OwnedSequenceView<'a> {
    pub(crate) fn of(stored: &'a StoredSequence) -> Self {
        Self { sequence: SequenceView::of(stored), owner: &stored.sequence.owner }
    }
}
