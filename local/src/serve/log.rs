//! What of the log is shown.

use clap::ValueEnum;

/// The least severe lines that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The filter of the stack's log.
///
/// The embedded database reports every failed condition as a warning. Alimi makes conditional writes
/// all the time and expects some of them to fail, and it reports by itself what an operator has to
/// know.
#[must_use]
pub fn log_filter(level: LogLevel) -> String {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    format!("{level},dynoxide=error")
}
