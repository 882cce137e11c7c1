//! What every command works with.

use crate::api::{Api, encoded};
use crate::arguments::OneArguments;
use crate::terminal::Terminal;

/// What every command needs.
pub(crate) struct Session<'a, 't> {
    pub(crate) api: Api,
    /// Whether the result is for programs.
    pub(crate) json: bool,
    /// Whether the person reads Korean.
    pub(crate) korean: bool,
    pub(crate) terminal: &'a mut Terminal<'t>,
}

/// The path of a notification: the operators' one, unless the caller is a producer.
pub(crate) fn path_of(arguments: &OneArguments, session: &Session<'_, '_>) -> String {
    let OneArguments { id, own } = arguments;
    let part = if *own || session.api.target.is_producer() { "" } else { "ops/" };
    format!("/v1/{part}notifications/{}", encoded(id))
}
