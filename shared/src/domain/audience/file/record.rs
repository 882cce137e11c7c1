//! Records, as the reader gives them.

use super::fault::BadLine;
use super::member::Member;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line on which the record starts, counted from 1.
    pub line: u64,
    pub member: Result<Member, BadLine>,
}
