//! Metrics: one JSON object a drain in CloudWatch's embedded metric format, written to the log,
//! from which CloudWatch makes metrics with percentiles.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use metrique_writer_core::format::Format;
use metrique_writer_core::unit::{NegativeScale, Unit};
use metrique_writer_core::{Entry, EntryWriter, MetricFlags, Observation, Value, ValueWriter};
use metrique_writer_format_emf::Emf;

use crate::domain::Outcome;
use crate::domain::figures::{LaneFigures, Spread};
use crate::ports::Meter;

/// The metrics' namespace.
const NAMESPACE: &str = "Alimi";

/// Writes metrics to a log that CloudWatch reads.
pub struct EmbeddedMetrics<W> {
    stack: String,
    output: Mutex<(Emf, W)>,
}

impl<W: Write> EmbeddedMetrics<W> {
    /// Metrics of a stack, to `output`.
    pub fn new(stack: String, output: W) -> Self {
        let dimensions = vec![vec!["Stack".to_owned(), "Channel".to_owned()]];
        // Validation is for entries that are made by macros; this one is tested.
        let format = Emf::no_validations(NAMESPACE.to_owned(), dimensions);
        Self { stack, output: Mutex::new((format, output)) }
    }
}

impl<W: Write + Send> Meter for EmbeddedMetrics<W> {
    fn drained(&self, channel: &str, at_ms: i64, figures: &LaneFigures) {
        let entry = LaneEntry { stack: &self.stack, channel, at_ms, figures };
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let (format, output) = &mut *output;
        // In one piece: other lines of the log must not come between.
        let mut line = Vec::new();
        let written = format.format(&entry, &mut line).map_err(|error| error.to_string());
        let written = written.and_then(|()| output.write_all(&line).map_err(|e| e.to_string()));
        if let Err(error) = written {
            tracing::warn!(channel, error, "the metrics were not written");
        }
    }
}

struct LaneEntry<'f> {
    stack: &'f str,
    channel: &'f str,
    at_ms: i64,
    figures: &'f LaneFigures,
}

impl Entry for LaneEntry<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        let figures = self.figures;
        let since_epoch = Duration::from_millis(u64::try_from(self.at_ms).unwrap_or(0));
        writer.timestamp(SystemTime::UNIX_EPOCH + since_epoch);
        writer.value("Stack", self.stack);
        writer.value("Channel", self.channel);
        writer.value("Departures", &figures.departures());
        for outcome in Outcome::ALL {
            writer.value(name_of(outcome), &figures.outcomes.get(&outcome).copied().unwrap_or(0));
        }
        writer.value("InFlightMax", &(figures.in_flight_max as u64));
        if figures.departures() > 0 {
            writer.value("QueueAge", &Milliseconds(figures.queue_age_max_ms));
        }
        writer.value("RequestToResponse", &Percentiles(&figures.answers));
        writer.value("AcceptedToDepartedRealTime", &Percentiles(&figures.waits_real_time));
        writer.value("AcceptedToDepartedScheduled", &Percentiles(&figures.waits_scheduled));
    }
}

/// What the metric of an outcome is called.
fn name_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "Accepted",
        Outcome::Rejected => "Rejected",
        Outcome::Throttled => "Throttled",
        Outcome::ChannelDown => "ChannelDown",
        Outcome::Unreachable => "Unreachable",
        Outcome::Uncertain => "Uncertain",
    }
}

const MILLISECONDS: Unit = Unit::Second(NegativeScale::Milli);

struct Milliseconds(i64);

impl Value for Milliseconds {
    fn write(&self, writer: impl ValueWriter) {
        let value = Observation::Unsigned(u64::try_from(self.0).unwrap_or(0));
        writer.metric([value], MILLISECONDS, [], MetricFlags::empty());
    }
}

/// All that CloudWatch needs to tell percentiles.
struct Percentiles<'a>(&'a Spread);

impl Value for Percentiles<'_> {
    fn write(&self, writer: impl ValueWriter) {
        let buckets = self.0.buckets().map(|(sum_ms, count)| Observation::Repeated {
            total: sum_ms as f64,
            occurrences: count,
        });
        writer.metric(buckets, MILLISECONDS, [], MetricFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn line(figures: &LaneFigures) -> Json {
        let metrics = EmbeddedMetrics::new("alimi".to_owned(), Vec::new());
        metrics.drained("alimtalk-main", 1_795_305_600_000, figures);
        let written = metrics.output.into_inner().expect("no panic").1;
        assert_eq!(written.last(), Some(&b'\n'), "a line of its own");
        serde_json::from_slice(&written).expect("one JSON object")
    }

    #[test]
    fn a_drain_becomes_metrics_of_its_stack_and_channel() {
        let mut figures =
            LaneFigures { in_flight_max: 3, queue_age_max_ms: 40, ..LaneFigures::default() };
        figures.outcomes.insert(Outcome::Accepted, 2);
        figures.outcomes.insert(Outcome::Throttled, 1);
        figures.answers.add(52);
        figures.answers.add(54);
        figures.waits_real_time.add(7);
        let line = line(&figures);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Alimi");
        assert_eq!(directive["Dimensions"], json!([["Stack", "Channel"]]));
        assert_eq!(line["_aws"]["Timestamp"], 1_795_305_600_000_i64);
        assert_eq!((&line["Stack"], &line["Channel"]), (&json!("alimi"), &json!("alimtalk-main")));
        assert_eq!(line["Departures"], 3);
        assert_eq!(
            (&line["Accepted"], &line["Throttled"], &line["Rejected"]),
            (&json!(2), &json!(1), &json!(0))
        );
        assert_eq!((&line["InFlightMax"], &line["QueueAge"]), (&json!(3), &json!(40)));
        assert_eq!(line["RequestToResponse"], json!({ "Values": [53], "Counts": [2] }));
        assert_eq!(line["AcceptedToDepartedRealTime"], json!({ "Values": [7], "Counts": [1] }));
        let defined = directive["Metrics"].as_array().expect("metrics");
        let unit = |name: &str| {
            defined
                .iter()
                .find(|metric| metric["Name"] == name)
                .map(|metric| metric["Unit"].clone())
        };
        assert_eq!(unit("RequestToResponse"), Some(json!("Milliseconds")));
        // What there is nothing of would only pull the percentiles down.
        assert!(line.get("AcceptedToDepartedScheduled").is_none());
    }

    #[test]
    fn a_drain_that_sent_nothing_has_no_latencies() {
        let line = line(&LaneFigures::default());
        assert_eq!(line["Departures"], 0);
        for name in ["QueueAge", "RequestToResponse", "AcceptedToDepartedRealTime"] {
            assert!(line.get(name).is_none(), "{name}");
        }
    }
}
