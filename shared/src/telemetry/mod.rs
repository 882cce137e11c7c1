//! Logs, as one JSON object for each line, for CloudWatch Logs Insights; and metrics and the record of
//! what persons did, in the same stream.

mod metrics;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use self::metrics::EmbeddedMetrics;

/// Starts logging at the level that `filter` gives, such as `info` or `alimi=debug`. An unreadable
/// filter means `info`.
pub fn start(filter: &str) {
    // `EnvFilter` would add regular expressions to each function's binary.
    let filter = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        // CloudWatch adds a time to each line.
        .without_time();
    let _already_started = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
