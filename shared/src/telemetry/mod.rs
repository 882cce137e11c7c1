//! Logs, one JSON object a line for CloudWatch Logs Insights; and metrics, in the same stream.

mod metrics;

use tracing_subscriber::EnvFilter;

pub use self::metrics::EmbeddedMetrics;

/// Starts logging. The level comes from `filter`, such as `info` or `alimi=debug`; an unusable one
/// means `info`.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let _already_started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        // CloudWatch adds its own.
        .without_time()
        .with_env_filter(filter)
        .try_init();
}
