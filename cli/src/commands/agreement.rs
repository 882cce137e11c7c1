//! The person's agreement to do something to many at once.

use crate::arguments::Agreement;
use crate::failure::Failure;
use crate::session::Session;

/// Checks the count that was agreed to, or asks.
pub(super) fn agree(
    agreement: &Agreement,
    total: u64,
    what: &str,
    session: &mut Session<'_, '_>,
) -> Result<(), Failure> {
    match agreement.expected {
        Some(expected) if expected == total => Ok(()),
        Some(expected) => Err(Failure::OtherCount { expected, total }),
        None => {
            let name = &session.api.target.name;
            let question = format!("{what} ({total}, {name})?");
            session.terminal.confirm(&question, "--yes --expected COUNT")
        }
    }
}
