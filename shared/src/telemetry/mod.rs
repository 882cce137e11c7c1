//! Logs, one JSON object a line for CloudWatch Logs Insights; and metrics, in the same stream.

mod metrics;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use self::metrics::EmbeddedMetrics;

/// Starts logging. The level comes from `filter`, such as `info` or `alimi=debug`; an unusable one
/// means `info`.
pub fn start(filter: &str) {
    // Not an `EnvFilter`, which would bring regular expressions into each function.
    let filter = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        // CloudWatch adds its own.
        .without_time();
    let _already_started = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
